"""Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003), with pytorch-msssim's conventions.

On photographs the figures are pytorch-msssim's to 1e-6, in about a fifth of its time on one core: what only
the original decides is computed once, and blurs are products with banded matrices, strip by strip, so that
all of it stays in the cache. Where pictures are flat, variances are small differences of large float32
squares: both libraries are then some 1e-4 off and may exceed 1, and up to 1e-4 from each other.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair

Planes = NDArray[np.float32]  # 3 x height x width, samples of 0 to 255

WINDOW, SIGMA = 11, 1.5  # of the Gaussian that means and variances are taken under
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

# The window must fit into the coarsest scale: (11 - 1) * 2^4 is too small.
MIN_SIDE = (WINDOW - 1) * 2 ** (len(WEIGHTS) - 1) + 1

_STRIP = 24  # rows, and again columns, of a blur that are computed at once


def ms_ssim(original: RGB, decoded: RGB) -> float | None:
    """MS-SSIM, 0 to 1, the mean over R, G and B; None for a picture too small for it.

    Other libraries than pytorch-msssim differ in the third digit.
    """
    check_pair(original, decoded)
    if min(original.shape[:2]) < MIN_SIDE:
        return None
    return _against(list(_scales(original)), decoded)


def msssim_db(value: float) -> float:
    """MS-SSIM on a scale of decibels, -10 log10(1 - x); inf for a perfect picture."""
    return -10 * math.log10(1 - value) if value < 1 else math.inf


class MsSsim(Metric):
    name = "ms_ssim"
    title = "MS-SSIM (RGB)"
    unit = "dB"
    library = "numpy, as pytorch-msssim 1.0; five scales, data range 255"
    usual_average = "db-of-mean"

    def version(self) -> str:
        return "2"

    def against(self, original: RGB) -> Score:
        if min(original.shape[:2]) < MIN_SIDE:
            return lambda decoded: None
        scales = list(_scales(original))
        return lambda decoded: _against(scales, decoded)

    def in_db(self, value: float) -> float:
        return msssim_db(value)

    def from_db(self, decibels: float) -> float:
        return 1 - 10 ** (-decibels / 10)


@dataclass(frozen=True)
class _Scale:
    """The original at one scale; its means and variances (plus C2) where the window lies inside it."""

    picture: Planes
    mean: Planes  # 3 x height - 10 x width - 10
    variance: Planes


def _scales(original: RGB) -> Iterator[_Scale]:
    picture = _planes(original)
    for scale in range(len(WEIGHTS)):
        picture = _halved(picture) if scale else picture
        size = (3, picture.shape[1] - WINDOW + 1, picture.shape[2] - WINDOW + 1)
        means, variances = np.empty(size, np.float32), np.empty(size, np.float32)
        for rows, strip in _strips(picture):
            mean, square = _blurred(np.stack([strip, strip * strip]))
            means[:, rows] = mean
            variances[:, rows] = square - mean * mean + C2
        yield _Scale(picture, means, variances)


def _against(scales: list[_Scale], decoded: RGB) -> float:
    product = np.ones(3)
    picture = _planes(decoded)
    if np.array_equal(picture, scales[0].picture):
        return 1.0  # which rounding would miss, and lossless would not be inf dB
    for number, (scale, weight) in enumerate(zip(scales, WEIGHTS, strict=True)):
        picture = _halved(picture) if number else picture
        last = number == len(WEIGHTS) - 1
        product *= np.maximum(_similarity(scale, picture, with_luminance=last), 0) ** weight
    return float(product.mean())


def _similarity(scale: _Scale, picture: Planes, with_luminance: bool) -> NDArray[np.float64]:
    """Means of contrast and structure (cs), or of all three, over a scale, for each of R, G and B."""
    total = np.zeros(3)
    for rows, strip in _strips(picture):
        original = scale.picture[:, rows.start : rows.stop + WINDOW - 1]
        mean_y, square, product = _blurred(np.stack([strip, strip * strip, strip * original]))
        mean_x = scale.mean[:, rows]
        means, squared_mean = mean_x * mean_y, mean_y * mean_y
        product -= means  # covariance
        square -= squared_mean  # variance
        values = 2 * product + np.float32(C2)
        values /= scale.variance[:, rows] + square
        if with_luminance:
            values *= (2 * means + np.float32(C1)) / (mean_x * mean_x + squared_mean + np.float32(C1))
        total += values.sum(axis=(1, 2), dtype=np.float64)
    means_of_planes: NDArray[np.float64] = total / scale.mean[0].size
    return means_of_planes


def _planes(picture: RGB) -> Planes:
    return np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)


def _halved(picture: Planes) -> Planes:
    """Means of 2x2 samples. A picture of an odd side gets a black line on both ends of it, as in
    pytorch-msssim, and the last one falls off."""
    odd = [side % 2 for side in picture.shape[1:]]
    if any(odd):
        picture = np.pad(picture, ((0, 0), *((side, side) for side in odd)))
    height, width = (side // 2 * 2 for side in picture.shape[1:])
    rows = picture[:, 0:height:2] + picture[:, 1:height:2]
    quarters: Planes = (rows[:, :, 0:width:2] + rows[:, :, 1:width:2]) * np.float32(0.25)
    return quarters


def _strips(picture: Planes) -> Iterator[tuple[slice, Planes]]:
    """Strips of a picture: the rows of its blur, and the rows of the picture that they come from."""
    height = picture.shape[1] - WINDOW + 1
    for top in range(0, height, _STRIP):
        rows = slice(top, min(top + _STRIP, height))
        yield rows, picture[:, top : rows.stop + WINDOW - 1]


def _blurred(strips: Planes) -> Planes:
    """Strips (..., rows, width) under the window, only where it lies inside: (..., rows - 10, width - 10)."""
    rows, width = strips.shape[-2] - WINDOW + 1, strips.shape[-1] - WINDOW + 1
    upright = np.matmul(_band(rows), strips)
    lines = upright.reshape(-1, upright.shape[-1])  # of all strips in one product: few large ones are fast
    blurred = np.empty((len(lines), width), np.float32)
    for left in range(0, width, _STRIP):
        columns = min(_STRIP, width - left)
        part = lines[:, left : left + columns + WINDOW - 1]
        np.matmul(part, _band(columns).T, out=blurred[:, left : left + columns])
    return blurred.reshape(*upright.shape[:-1], width)


@functools.cache
def _band(size: int) -> NDArray[np.float32]:
    """(size, size + 10): the window in each row, one further to the right than in the row above."""
    steps = np.arange(WINDOW) - WINDOW // 2
    # Rounded before it is normalised: that its float32 sum is not quite 1 shows in pytorch-msssim's figures.
    window = np.exp(-(steps**2) / (2 * SIGMA**2)).astype(np.float32)
    window /= np.float32(window.sum(dtype=np.float64))
    band = np.zeros((size, size + WINDOW - 1), np.float32)
    for row in range(size):
        band[row, row : row + WINDOW] = window
    return band
