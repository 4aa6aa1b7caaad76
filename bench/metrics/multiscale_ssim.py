"""Multi-scale structural similarity (MS-SSIM; Wang, Simoncelli, Bovik 2003), as pytorch-msssim has it.

All is computed in float64, for a variance is a small difference of large squares: in float32, as in
pytorch-msssim, nothing is left of it where a picture is flat. On photographs pytorch-msssim's figures are
within 5e-6 of these, which are its own when it is given float64.

Each scale is kept as sums of samples, which are whole numbers of 16 bits, and scored tile by tile: a picture
of 100 megapixels takes some 0.6 GB beside itself.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair

WINDOW, SIGMA = 11, 1.5  # of the Gaussian that means and variances are taken under, in pixels
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

# The window must fit into the coarsest scale: (11 - 1) * 2^4 is too small.
MIN_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1

# Rows and columns that are scored at once, and columns of a product of matrices: what fits into the cache.
_TILE = (24, 768)
_STRIP = 24

# 3 x height x width. At scale s (0 is the finest) sums of 4^s samples: at most 255 * 4^4, which 16 bits hold.
_Sums = NDArray[np.unsignedinteger[Any]]
_Floats = NDArray[np.float64]


def ms_ssim(original: RGB, decoded: RGB) -> float | None:
    """MS-SSIM, the mean over R, G and B.

    Other libraries than pytorch-msssim differ in the third digit.

    Args:
        original, decoded: uint8, height x width x 3.

    Returns:
        0 to 1, 1 for equal pictures only; None for a picture of less than 161 pixels in height or width.

    Raises:
        BenchError: this is no pair of 8-bit pictures of one size.

    >>> import numpy as np
    >>> grey = np.full((161, 161, 3), 128, np.uint8)
    >>> round(ms_ssim(grey, grey + 40), 4)
    0.9915
    """
    check_pair(original, decoded)
    return MsSsim().against(original)(decoded)


def msssim_db(value: float) -> float:
    """MS-SSIM on a scale of decibels, -10 log10(1 - x); infinity for a perfect picture.

    >>> round(msssim_db(0.99), 6)
    20.0
    """
    return -10 * math.log10(1 - value) if value < 1 else math.inf


_FLOAT32_STANDS = 0.9995


class MsSsim(Metric):
    """MS-SSIM, 0 to 1, the mean over R, G and B; see `ms_ssim`. Curves are drawn in dB, -10 log10(1 - x)."""

    name = "ms_ssim"
    title = "MS-SSIM (RGB)"
    unit = "dB"
    library = "numpy, as pytorch-msssim 1.0 in float64; five scales"
    summary = "Structural similarity of luminance, contrast and structure at five scales."
    min_side = MIN_SIDE
    usual_average = "db-of-mean"

    def version(self) -> str:
        return "3"

    def stands(self, value: float | None, version: str) -> bool:
        # Version 2 computed in float32. Its error is below 5e-5, which only values near 1 show in dB.
        return super().stands(value, version) or (
            version == "2" and value is not None and value <= _FLOAT32_STANDS
        )

    def against(self, original: RGB) -> Score:
        if not self.takes(original):
            return lambda decoded: None
        scales = list(_scales(original))

        def score(decoded: RGB) -> float:
            # Rounding would miss the 1, and lossless would not be infinite in dB.
            return 1.0 if np.array_equal(decoded, original) else _ms_ssim(scales, decoded)

        return score

    def in_db(self, value: float) -> float:
        return msssim_db(value)

    def from_db(self, decibels: float) -> float:
        return 1 - 10 ** (-decibels / 10)


def _ms_ssim(scales: list[_Sums], decoded: RGB) -> float:
    product = np.ones(3)
    for scale, (x, y, weight) in enumerate(zip(scales, _scales(decoded), WEIGHTS, strict=True)):
        last = scale == len(WEIGHTS) - 1
        similarity = [_similarity(*planes, scale, with_luminance=last) for planes in zip(x, y, strict=True)]
        product *= np.maximum(similarity, 0) ** weight
    return float(product.mean())


def _similarity(x: _Sums, y: _Sums, scale: int, with_luminance: bool) -> float:
    """The mean of contrast and structure over one plane at one scale, or of all three with luminance."""
    c1, c2 = C1 * 16**scale, C2 * 16**scale  # the samples are 4^scale as large
    total = 0.0
    for a, b in zip(_tiles(x), _tiles(y), strict=True):
        mean_a, mean_b, square, product = _blurred(np.stack([a, b, a * a + b * b, a * b]))
        means, squared_means = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
        values = (2 * (product - means) + c2) / (square - squared_means + c2)
        if with_luminance:
            values *= (2 * means + c1) / (squared_means + c1)
        total += float(values.sum())
    return total / ((x.shape[0] - WINDOW + 1) * (x.shape[1] - WINDOW + 1))


def _scales(picture: RGB) -> Iterator[_Sums]:
    sums: _Sums = picture.transpose(2, 0, 1)
    yield sums
    for _ in WEIGHTS[1:]:
        sums = np.stack([_halved(plane) for plane in sums])
        yield sums


def _halved(plane: _Sums) -> _Sums:
    """Sums of 2 x 2. A plane of an odd side gets a black line on both ends of it, as in pytorch-msssim, and
    the last one falls off."""
    odd = [side % 2 for side in plane.shape]
    if any(odd):
        plane = np.pad(plane, [(side, side) for side in odd])
    height, width = (side // 2 * 2 for side in plane.shape)
    pairs = np.add(plane[0:height:2], plane[1:height:2], dtype=np.uint16)
    return np.add(pairs[:, 0:width:2], pairs[:, 1:width:2])


def _tiles(plane: _Sums) -> Iterator[_Floats]:
    """What each tile of a blurred plane comes from, one after the other."""
    rows, columns = _TILE
    border = WINDOW - 1
    for top in range(0, plane.shape[0] - border, rows):
        for left in range(0, plane.shape[1] - border, columns):
            yield plane[top : top + rows + border, left : left + columns + border].astype(np.float64)


def _blurred(strips: _Floats) -> _Floats:
    """Strips (..., rows, width) under the window, only where it lies inside: (..., rows - 10, width - 10)."""
    rows, width = strips.shape[-2] - WINDOW + 1, strips.shape[-1] - WINDOW + 1
    upright = np.matmul(_band(rows), strips)
    lines = upright.reshape(-1, upright.shape[-1])  # of all strips in one product: few large ones are fast
    blurred = np.empty((len(lines), width))
    for left in range(0, width, _STRIP):
        columns = min(_STRIP, width - left)
        part = lines[:, left : left + columns + WINDOW - 1]
        np.matmul(part, _band(columns).T, out=blurred[:, left : left + columns])
    return blurred.reshape(*upright.shape[:-1], width)


@functools.cache
def _band(size: int) -> _Floats:
    """(size, size + 10): the window in each row, one further to the right than in the row above."""
    steps = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-(steps**2) / (2 * SIGMA**2))
    window /= window.sum()
    band = np.zeros((size, size + WINDOW - 1))
    for row in range(size):
        band[row, row : row + WINDOW] = window
    return band
