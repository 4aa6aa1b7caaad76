"""Peak signal-to-noise ratio (PSNR), of RGB and of luma."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair

PEAK = 255
LUMA = (0.2126, 0.7152, 0.0722)  # of gamma-coded R, G and B (Recommendation ITU-R BT.709)


def psnr(original: RGB, decoded: RGB) -> float:
    """PSNR over all samples of R, G and B: 10 log10(255^2 / MSE).

    Args:
        original, decoded: uint8, height x width x 3.

    Returns:
        dB, 0 or more; infinity where the pictures are equal.

    Raises:
        BenchError: this is no pair of 8-bit pictures of one size.

    >>> import numpy as np
    >>> grey = np.full((16, 16, 3), 128, np.uint8)
    >>> round(psnr(grey, grey + 1), 4)
    48.1308
    """
    check_pair(original, decoded)
    # In as few bits as hold the squares exactly: this is a matter of memory more than of arithmetic.
    difference = np.maximum(original, decoded) - np.minimum(original, decoded)
    return _in_db(np.multiply(difference, difference, dtype=np.uint16))


def psnr_y(original: RGB, decoded: RGB) -> float:
    """PSNR of luma by Recommendation ITU-R BT.709, full range (0 to 255), not rounded.

    Takes, returns and raises what `psnr` does.

    >>> import numpy as np
    >>> red, blue = np.zeros((2, 16, 16, 3), np.uint8)
    >>> red[..., 0] = blue[..., 2] = 10
    >>> round(psnr_y(red, blue), 4)
    45.1835
    """
    check_pair(original, decoded)
    difference = original.astype(np.int32) - decoded
    return _in_db(np.square(difference @ np.array(LUMA)))


class Psnr(Metric):
    """PSNR in dB over all samples of R, G and B; see `psnr`."""

    name = "psnr"
    title = "PSNR (RGB)"
    unit = "dB"
    library = "numpy; 10 log10(255^2 / MSE) over all samples of R, G and B"

    def version(self) -> str:
        return "1"

    def against(self, original: RGB) -> Score:
        return lambda decoded: psnr(original, decoded)

    def linear(self, value: float) -> float:
        """MSE / 255^2."""
        return 10 ** (-value / 10)

    def from_linear(self, mean: float) -> float:
        return -10 * math.log10(mean) if mean > 0 else math.inf


class PsnrY(Psnr):
    """PSNR in dB of luma; see `psnr_y`."""

    name = "psnr_y"
    title = "PSNR (Y)"
    library = "numpy; that of BT.709 luma, full range, not rounded"

    def against(self, original: RGB) -> Score:
        return lambda decoded: psnr_y(original, decoded)


def _in_db(squares: NDArray[Any]) -> float:
    mean = float(np.mean(squares, dtype=np.float64))
    return 10 * math.log10(PEAK**2 / mean) if mean else math.inf
