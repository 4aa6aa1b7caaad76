"""Peak signal-to-noise ratio, of RGB and of luma."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score

LUMA = (0.2126, 0.7152, 0.0722)  # of gamma-coded R, G and B (Recommendation ITU-R BT.709)


def psnr(original: RGB, decoded: RGB) -> float:
    """Peak signal-to-noise ratio in dB over all samples, peak 255; inf where the pictures are equal."""
    # In as few bits as hold them exactly: this is a matter of memory more than of arithmetic.
    difference = np.maximum(original, decoded) - np.minimum(original, decoded)
    return _in_db(np.multiply(difference, difference, dtype=np.uint16))


def psnr_y(original: RGB, decoded: RGB) -> float:
    """The same of the difference in BT.709 luma, full range, 0 to 255, not rounded."""
    difference = original.astype(np.int32) - decoded
    return _in_db(np.square(difference @ np.array(LUMA)))


class Psnr(Metric):
    name = "psnr"
    title = "PSNR (RGB)"
    unit = "dB"
    library = "numpy; 10 log10(255^2 / MSE) over all samples of R, G and B"

    def version(self) -> str:
        return "1"

    def against(self, original: RGB) -> Score:
        return lambda decoded: psnr(original, decoded)

    def linear(self, value: float) -> float:
        return 10 ** (-value / 10)

    def from_linear(self, mean: float) -> float:
        return -10 * math.log10(mean) if mean > 0 else math.inf


class PsnrY(Psnr):
    name = "psnr_y"
    title = "PSNR (Y)"
    library = "numpy; that of BT.709 luma, full range, not rounded"

    def against(self, original: RGB) -> Score:
        return lambda decoded: psnr_y(original, decoded)


def _in_db(squares: NDArray[np.uint16] | NDArray[np.float64]) -> float:
    mean = float(np.mean(squares, dtype=np.float64))
    return 10 * math.log10(255**2 / mean) if mean else math.inf
