"""The normalised Laplacian pyramid distance, NLPD.

V. Laparra, J. Balle, A. Berardino, E. P. Simoncelli, "Perceptual image quality assessment using a normalized
Laplacian pyramid", Human Vision and Electronic Imaging 2016; constants and borders as in the authors'
NLP_dist.m. Luma is that of YIQ, of gamma-coded R, G and B, 0 to 1.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float64]  # height x width

_LUMA = (0.299, 0.587, 0.114)
_LEVELS = 6
_LOW_PASS = (0.05, 0.25, 0.4, 0.25, 0.05)  # Burt and Adelson 1983, in rows and in columns

# By level: how much of each neighbour's magnitude a coefficient is divided by, and the constant added to it.
# Rows are above, beside and below; the first level has one neighbour more, two pixels to the right.
_NEIGHBOURS = (
    ((0, 0, 0.1011, 0, 0), (0, 0.1493, 0, 0.1460, 0.0072), (0, 0, 0.1015, 0, 0)),
    ((0, 0.0757, 0), (0.1986, 0, 0.1846), (0, 0.0837, 0)),
    ((0, 0.0477, 0), (0.2138, 0, 0.2243), (0, 0.0467, 0)),
    ((0, 0, 0), (0.2503, 0, 0.2616), (0, 0, 0)),
    ((0, 0, 0), (0.2598, 0, 0.2552), (0, 0, 0)),
    ((0, 0, 0), (0.2215, 0, 0.0717), (0, 0, 0)),
)
_CONSTANTS = (0.0248, 0.0185, 0.0179, 0.0191, 0.0220, 0.2782)


def nlpd(original: RGB, decoded: RGB) -> float:
    """The distance of two pictures (uint8, height x width x 3): 0 for equal ones, about 1 for very bad ones.

    Raises:
        BenchError: this is no pair of 8-bit pictures of one size.

    >>> grey = np.full((64, 64, 3), 128, np.uint8)
    >>> round(nlpd(grey, grey + 20), 4)
    0.0303
    """
    check_pair(original, decoded)
    return _distance(_normalised(_luma(original)), _normalised(_luma(decoded)))


class Nlpd(Metric):
    """Normalised Laplacian pyramid distance, 0 or more; lower is better. See `nlpd`."""

    name = "nlpd"
    title = "NLPD"
    library = "numpy and scipy, as the authors' NLP_dist.m"
    summary = "Difference of local contrast at six scales, divided by that of the neighbourhood."
    higher_is_better = False
    min_side = 32  # of which the sixth level has one pixel

    def version(self) -> str:
        return f"1, scipy {version('scipy')}"

    def against(self, original: RGB) -> Score:
        if not self.takes(original):
            return lambda decoded: None
        reference = _normalised(_luma(original))

        def score(decoded: RGB) -> float:
            check_pair(original, decoded)
            return _distance(reference, _normalised(_luma(decoded)))

        return score


def _luma(picture: RGB) -> Plane:
    luma: Plane = picture @ (np.array(_LUMA) / 255)
    return luma


def _distance(one: list[Plane], other: list[Plane]) -> float:
    """The mean over levels of the root mean squared difference."""
    return float(np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(one, other, strict=True)]))


def _normalised(luma: Plane) -> list[Plane]:
    """The Laplacian pyramid, each coefficient divided by the magnitude of its neighbours."""
    from scipy.ndimage import convolve

    return [
        level / (constant + convolve(np.abs(level), np.array(weights), mode="constant"))
        for level, weights, constant in zip(_pyramid(luma), _NEIGHBOURS, _CONSTANTS, strict=True)
    ]


def _pyramid(luma: Plane) -> list[Plane]:
    """Differences from a low-pass picture of half the size, five times; then what is left."""
    levels, picture = [], luma
    for _ in range(_LEVELS - 1):
        low = _low_pass(picture, "reflect")[::2, ::2]
        levels.append(picture - _enlarged(low, picture.shape))
        picture = low
    return [*levels, picture]


def _enlarged(low: Plane, shape: tuple[int, ...]) -> Plane:
    """Twice as high and wide, cut to shape; the border goes on by one pixel on each side."""
    bordered = np.pad(low, 1, mode="edge")
    spread = np.zeros((2 * bordered.shape[0], 2 * bordered.shape[1]))
    spread[::2, ::2] = 4 * bordered
    return _low_pass(spread, "constant")[2 : 2 + shape[0], 2 : 2 + shape[1]]


def _low_pass(plane: Plane, border: str) -> Plane:
    from scipy.ndimage import correlate1d

    for axis in (0, 1):
        plane = correlate1d(plane, _LOW_PASS, axis=axis, mode=border)
    return plane
