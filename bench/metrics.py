"""How good a decoded picture is, measured on 8-bit RGB against the original.

Pictures are uint8, height x width x 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]


@dataclass(frozen=True)
class Metric:
    """A metric as tables and plots name it. Deltas between curves are taken of `in_db`, in decibels."""

    name: str
    title: str
    unit: str
    library: str

    def in_db(self, value: float) -> float:
        return msssim_db(value) if self.name == "ms_ssim" else value


METRICS = {
    "psnr": Metric("psnr", "PSNR (RGB)", "dB", "numpy; 10 log10(255^2 / MSE) over all samples of R, G and B"),
    "ms_ssim": Metric("ms_ssim", "MS-SSIM (RGB)", "dB", "pytorch-msssim; five scales, data range 255"),
}

# Five scales of an 11x11 window: the smaller side must be over (11 - 1) * 2^4.
MSSSIM_MIN_SIDE = 161


def bits_per_pixel(size: int, height: int, width: int) -> float:
    """8 x bytes of the bitstream / pixels of the picture."""
    return 8 * size / (height * width)


def psnr(original: RGB, decoded: RGB) -> float:
    """Peak signal-to-noise ratio in dB, peak 255; inf where the pictures are equal."""
    difference = original.astype(np.int32) - decoded
    squares = float(np.mean(np.square(difference), dtype=np.float64))
    return 10 * math.log10(255**2 / squares) if squares else math.inf


def ms_ssim(original: RGB, decoded: RGB) -> float | None:
    """Multi-scale SSIM (Wang 2003), 0 to 1, the mean over R, G and B; None for a picture too small for it.

    By pytorch-msssim; other libraries differ in the third digit.
    """
    if min(original.shape[:2]) < MSSSIM_MIN_SIDE:
        return None
    import torch
    from pytorch_msssim import ms_ssim as by_library

    x, y = (
        torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
        for picture in (original, decoded)
    )
    with torch.inference_mode():
        return float(by_library(x, y, data_range=255))


def msssim_db(value: float) -> float:
    """MS-SSIM on a scale of decibels, -10 log10(1 - x); inf for a perfect picture."""
    return -10 * math.log10(1 - value) if value < 1 else math.inf


def describe() -> list[dict[str, str]]:
    """Every metric, for `bench list metrics`."""
    return [
        {"name": metric.name, "title": metric.title, "unit": metric.unit, "by": metric.library}
        for metric in METRICS.values()
    ]
