"""Peak signal-to-noise ratio (PSNR), of RGB and of luma and chroma.

Luma and chroma are those of Recommendation ITU-R BT.709, of gamma-coded R, G and B, full range, not rounded
and not subsampled.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair

PEAK = 255
LUMA = (0.2126, 0.7152, 0.0722)  # of gamma-coded R, G and B (BT.709)


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
    """PSNR of luma.

    Takes, returns and raises what `psnr` does.

    >>> import numpy as np
    >>> red, blue = np.zeros((2, 16, 16, 3), np.uint8)
    >>> red[..., 0] = blue[..., 2] = 10
    >>> round(psnr_y(red, blue), 4)
    45.1835
    """
    return psnr_ycbcr(original, decoded)[0]


def psnr_ycbcr(original: RGB, decoded: RGB) -> tuple[float, float, float]:
    """PSNR of luma (Y) and chroma (Cb, Cr), each with a range of 255.

    Takes and raises what `psnr` does.

    >>> import numpy as np
    >>> red, blue = np.zeros((2, 16, 16, 3), np.uint8)
    >>> red[..., 0] = blue[..., 2] = 10
    >>> [round(value, 4) for value in psnr_ycbcr(red, blue)]
    [45.1835, 32.3593, 33.3894]
    """
    check_pair(original, decoded)
    difference = original.astype(np.int32) - decoded
    # In ten thousandths, which are whole numbers: grey has no chroma at all.
    kr, kg, kb = (round(10_000 * share) for share in LUMA)
    y = kr * difference[..., 0] + kg * difference[..., 1] + kb * difference[..., 2]
    cb, cr = (10_000 * difference[..., channel] - y for channel in (2, 0))
    peaks = PEAK * 10_000, 2 * PEAK * (10_000 - kb), 2 * PEAK * (10_000 - kr)
    y_db, cb_db, cr_db = (
        _in_db(np.square(plane, dtype=np.float64), peak)
        for plane, peak in zip((y, cb, cr), peaks, strict=True)
    )
    return y_db, cb_db, cr_db


class Psnr(Metric):
    """PSNR in dB over all samples of R, G and B; see `psnr`."""

    name = "psnr"
    title = "PSNR (RGB)"
    unit = "dB"
    library = "numpy; 10 log10(255^2 / MSE)"
    summary = "Mean squared error over all samples of R, G and B."

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
    library = "numpy; BT.709, full range, not rounded"
    summary = "Mean squared error of luma."

    def against(self, original: RGB) -> Score:
        return lambda decoded: psnr_ycbcr(original, decoded)[0]


class PsnrCb(PsnrY):
    """PSNR in dB of chroma Cb; see `psnr_ycbcr`."""

    name = "psnr_cb"
    title = "PSNR (Cb)"
    summary = "Mean squared error of the chroma component Cb."

    def against(self, original: RGB) -> Score:
        return lambda decoded: psnr_ycbcr(original, decoded)[1]


class PsnrCr(PsnrY):
    """PSNR in dB of chroma Cr; see `psnr_ycbcr`."""

    name = "psnr_cr"
    title = "PSNR (Cr)"
    summary = "Mean squared error of the chroma component Cr."

    def against(self, original: RGB) -> Score:
        return lambda decoded: psnr_ycbcr(original, decoded)[2]


class PsnrYCbCr(PsnrY):
    """(6 PSNR(Y) + PSNR(Cb) + PSNR(Cr)) / 8 in dB, as the JCT-VC reports HEVC."""

    name = "psnr_ycbcr"
    title = "PSNR (YCbCr 6:1:1)"
    summary = "Mean of the PSNRs of luma and both chroma components, luma six times."

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float:
            y, cb, cr = psnr_ycbcr(original, decoded)
            return (6 * y + cb + cr) / 8

        return score


def _in_db(squares: NDArray[Any], peak: int = PEAK) -> float:
    mean = float(np.mean(squares, dtype=np.float64))
    return 10 * math.log10(peak**2 / mean) if mean else math.inf
