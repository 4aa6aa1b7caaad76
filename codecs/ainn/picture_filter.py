"""The decoder's last step: a filter for each kind of place in a picture, fitted when weights are exported.

The filter removes noise along edges, and ringing beside them, by weighted differences to the pixels
around. The weights depend on the strength of the picture's gradient, on its direction, and on the
rate. They are the least squares over training photos: the filter costs no training step, and fits
the model at every export. Bitstreams carry nothing of the filter.

Sources: classes by gradient as in RAISR (Romano et al. 2017, arXiv 1606.01299); differences that
are clipped, so that what lies across an edge pulls no more than what is near, and the same for
opposite pixels, as in VVC's adaptive loop filter (Karczewicz et al. 2021, doi
10.1109/TCSVT.2021.3072297).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.core.torch_threads import one_thread

STRENGTHS = (0.008, 0.033, 0.0875)  # of the gradient, per pixel of [0, 1]; between four kinds of places
COHERENCE = 0.35  # from here on a gradient has a direction
DIRECTIONS = 8
CLASSES = (len(STRENGTHS) + 1) * (1 + DIRECTIONS)

_Offsets = list[tuple[int, int]]


def _around(reach: int, diamond: bool) -> _Offsets:
    """Offsets within reach, one of every two that are opposite."""
    steps = range(-reach, reach + 1)
    return [
        (i, j) for i in steps for j in steps if (i, j) > (0, 0) and (not diamond or abs(i) + abs(j) <= reach)
    ]


RGB_OFFSETS = _around(1, diamond=False)
LUMA_OFFSETS, LUMA_CLIPS = _around(4, diamond=True), (6.0, 2.0, 0.6)  # in deviations of the error
CHROMA_OFFSETS, CHROMA_CLIPS = _around(2, diamond=True), (2.0, 0.5)
FEATURES = (
    3 * len(RGB_OFFSETS)
    + len(LUMA_OFFSETS) * len(LUMA_CLIPS)
    + 2 * len(CHROMA_OFFSETS) * len(CHROMA_CLIPS)
    + 1
)

BLUR_REACH, BLUR_DEVIATION = 4, 1.5
MARGIN = BLUR_REACH + 1  # pixels around that a pixel's class depends on, more than its differences do
ROWS, PIXELS = 32, 1 << 16  # at most, filtered at a time by a thread: they take some 800 bytes a pixel
GPU_PIXELS = 1 << 20

RIDGE = 1e-3  # of a class's own variances
COMMON_PIXELS = 2000  # worth of trust in the filter of all classes together

FITTED = ("coefficients", "deviations")  # buffers that are empty until `PictureFilter.of` fills them


class PictureFilter(nn.Module):
    """Empty in a model that was never exported; then it leaves pictures as they are."""

    coefficients: Tensor  # (L, CLASSES, FEATURES, 3), for each of the model's lambdas
    deviations: Tensor  # (L,), of the decoder's error, on a scale of [0, 1]

    def __init__(self) -> None:
        super().__init__()
        for name in FITTED:
            self.register_buffer(name, torch.empty(0))

    @classmethod
    def of(cls, fits: Sequence[tuple[Tensor, Tensor]]) -> PictureFilter:
        """A filter made of what `fit` returned for every lambda."""
        made = cls()
        made.coefficients, made.deviations = (torch.stack(tensors) for tensors in zip(*fits, strict=True))
        return made

    def forward(self, x_hat: Tensor, level: float, correction: Tensor | None = None) -> Tensor:
        """Filter x_hat (N, 3, H, W), of any size.

        Args:
            level: a position among the lambdas, 0 to L - 1.
            correction: (FEATURES, 3), added to the coefficients of each class (`filter_correction`).
        """
        if not len(self.deviations):
            return x_hat
        below, above, share = self._between(level)
        coefficients = torch.lerp(self.coefficients[below], self.coefficients[above], share)
        if correction is not None:
            coefficients = coefficients + correction.to(coefficients.device)
        deviation = self._deviation(level)
        return torch.stack([_filtered(picture, coefficients, deviation) for picture in x_hat])

    def deviation(self, level: float) -> float:
        """What features are in units of, on a scale of [0, 1]."""
        return float(self._deviation(level))

    def moments(
        self, x: Tensor, x_hat: Tensor, level: float, axes: Tensor
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums over pixels: products of features (FEATURES, FEATURES), and of features with the filtered
        picture's error along axes of colour (3, FEATURES), in deviations.

        Args:
            x: (1, 3, H, W), the picture. x_hat: likewise, not filtered yet. axes: (3, 3).
        """
        deviation = self._deviation(level)
        error = torch.tensordot(axes, (x - self(x_hat, level).clamp(0, 1))[0] / deviation, 1)
        padded = _padded(x_hat)[0]
        products, moments = np.zeros((FEATURES, FEATURES)), np.zeros((3, FEATURES))
        for top in range(0, x.shape[2], ROWS):
            features = _features(padded[:, top : top + ROWS + 2 * MARGIN], deviation)
            products += (features @ features.T).double().numpy()
            moments += (error[:, top : top + ROWS].flatten(1) @ features.T).double().numpy()
        return products, moments

    def _between(self, level: float) -> tuple[int, int, float]:
        """The lambdas below and above, and how far from the one to the other."""
        below = min(int(level), len(self.deviations) - 1)
        return below, min(below + 1, len(self.deviations) - 1), level - below

    def _deviation(self, level: float) -> Tensor:
        below, above, share = self._between(level)
        return torch.lerp(self.deviations[below].log(), self.deviations[above].log(), share).exp()


def fit(x: Tensor, x_hat: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients (CLASSES, FEATURES, 3) that bring x_hat nearest to x, both (N, 3, H, W), and the
    deviation of x_hat's error that they are for."""
    deviation = (x - x_hat).square().mean().sqrt().clamp_min(1e-4)
    zeros = torch.zeros(CLASSES, FEATURES, FEATURES + 3, dtype=torch.float64, device=x.device)
    products, moments = zeros.split((FEATURES, 3), dim=2)
    counts = torch.zeros(CLASSES, dtype=torch.float64, device=x.device)
    for target, padded in zip(x, _padded(x_hat), strict=True):
        places, features = classes(padded), _features(padded, deviation)
        error = ((target - _inner(padded, MARGIN)) / deviation).flatten(1)
        for kind in range(CLASSES):
            at = (places == kind).nonzero()[:, 0]
            inputs = features[:, at]
            products[kind] += inputs @ inputs.T
            moments[kind] += inputs @ error[:, at].T
            counts[kind] += len(at)
    return _solve(products, moments, counts).float(), deviation


def classes(padded: Tensor) -> Tensor:
    """Kind of place, 0 to CLASSES - 1, of each pixel: (H * W,) of a picture (3, H + 2 MARGIN, W + 2 MARGIN).

    Strength, coherence and direction are those of the structure tensor of the mean of R, G and B.
    """
    mean = padded.mean(0)
    across = (mean[1:-1, 2:] - mean[1:-1, :-2]) / 2
    down = (mean[2:, 1:-1] - mean[:-2, 1:-1]) / 2
    xx, yy, xy = _blurred(torch.stack((across * across, down * down, across * down)))
    strength = (xx + yy).sqrt()
    difference = torch.hypot(xx - yy, 2 * xy)
    angle = 0.5 * torch.atan2(2 * xy, xx - yy) / math.pi  # -1/2 to 1/2, of half a turn
    direction = (angle * DIRECTIONS).round().long() % DIRECTIONS
    directed = torch.where(difference >= COHERENCE * (xx + yy).clamp_min(1e-7), 1 + direction, 0)
    strengths = torch.tensor(STRENGTHS, device=padded.device)
    return (torch.bucketize(strength, strengths) * (1 + DIRECTIONS) + directed).flatten()


def _filtered(x_hat: Tensor, coefficients: Tensor, deviation: Tensor) -> Tensor:
    padded = _padded(x_hat[None])[0]
    of_all = coefficients.transpose(1, 2).reshape(-1, FEATURES)
    width = x_hat.shape[2]
    rows = max(1, GPU_PIXELS // width) if x_hat.is_cuda else min(ROWS, max(1, PIXELS // width))
    out = torch.empty_like(x_hat, memory_format=torch.contiguous_format)

    @torch.inference_mode()  # modes are a thread's own
    def filter_from(top: int) -> None:
        strip = padded[:, top : top + rows + 2 * MARGIN]
        inner = _inner(strip, MARGIN)
        # By all classes at once: that takes less time than to sort pixels by class.
        changes = (of_all @ _features(strip, deviation)).view(CLASSES, 3, -1)
        change = changes.gather(0, classes(strip).expand(1, 3, -1))
        out[:, top : top + rows] = inner + deviation * change.view_as(inner)

    tops = range(0, x_hat.shape[1], rows)
    if x_hat.is_cuda:
        for top in tops:
            filter_from(top)
        return out
    # A strip in each thread takes half the time that each operation in all threads does.
    with one_thread() as threads, ThreadPoolExecutor(threads) as pool:
        list(pool.map(filter_from, tops))
    return out


def _features(padded: Tensor, deviation: Tensor) -> Tensor:
    """(FEATURES, H * W): differences to pixels around, in deviations, clipped; and one that is constant."""
    scaled = padded / deviation
    red, green, blue = scaled
    kinds = (
        (scaled, RGB_OFFSETS, (math.inf,)),
        (scaled.mean(0, keepdim=True), LUMA_OFFSETS, LUMA_CLIPS),
        (torch.stack((red - green, blue - green)), CHROMA_OFFSETS, CHROMA_CLIPS),
    )
    features = padded.new_ones(FEATURES, *_inner(padded, MARGIN).shape[1:])
    first = 0
    for planes, offsets, clips in kinds:
        last = first + len(planes) * len(offsets) * len(clips)
        _write_differences(features[first:last], planes, offsets, clips)
        first = last
    return features.flatten(1)


def _write_differences(features: Tensor, planes: Tensor, offsets: _Offsets, clips: tuple[float, ...]) -> None:
    """For each offset and each clip, what both pixels there differ by, together.

    They are written where they belong: to gather them behind takes as long as to compute them.
    """
    height, width = (side - 2 * MARGIN for side in planes.shape[1:])
    centre = _inner(planes, MARGIN)
    clipped = torch.empty_like(centre, memory_format=torch.contiguous_format)
    places = iter(features.split(len(planes)))
    for i, j in offsets:
        one, other = (
            planes[:, MARGIN + down : MARGIN + down + height, MARGIN + right : MARGIN + right + width]
            - centre
            for down, right in ((i, j), (-i, -j))
        )
        for clip in clips:
            torch.clamp(other, -clip, clip, out=clipped)
            torch.clamp(one, -clip, clip, out=next(places)).add_(clipped)


def _blurred(planes: Tensor) -> Tensor:
    """By a Gaussian, smaller by its reach on every side."""
    steps = torch.arange(-BLUR_REACH, BLUR_REACH + 1, device=planes.device)
    weights = torch.exp(-0.5 * (steps / BLUR_DEVIATION) ** 2)
    weights = weights / weights.sum()
    rows = F.conv2d(planes[:, None], weights.view(1, 1, -1, 1))
    return F.conv2d(rows, weights.view(1, 1, 1, -1))[:, 0]


def _padded(pictures: Tensor) -> Tensor:
    return F.pad(pictures, (MARGIN,) * 4, "replicate")


def _inner(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin]


def _solve(products: Tensor, moments: Tensor, counts: Tensor) -> Tensor:
    """Least squares of each class, drawn to those of all together."""
    floor = 1e-6 * torch.eye(products.shape[1], dtype=products.dtype, device=products.device)
    all_products, all_counts = products.sum(0), counts.sum()
    ridge = RIDGE * torch.diag(torch.diagonal(all_products))
    common = torch.linalg.solve(all_products + ridge + floor, moments.sum(0))
    trust = COMMON_PIXELS / all_counts * all_products
    ridges = RIDGE * torch.diag_embed(torch.diagonal(products, dim1=1, dim2=2))
    solved: Tensor = torch.linalg.solve(products + ridges + trust + floor, moments + trust @ common)
    return solved
