"""Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003), as pytorch-msssim computes it."""

from __future__ import annotations

import math

import numpy as np

from bench.metrics.base import RGB, Metric, Score

# Five scales of an 11x11 window: the smaller side must be over (11 - 1) * 2^4.
MIN_SIDE = 161


def ms_ssim(original: RGB, decoded: RGB) -> float | None:
    """MS-SSIM, 0 to 1, the mean over R, G and B; None for a picture too small for it.

    By pytorch-msssim; other libraries differ in the third digit.
    """
    if min(original.shape[:2]) < MIN_SIDE:
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


class MsSsim(Metric):
    name = "ms_ssim"
    title = "MS-SSIM (RGB)"
    unit = "dB"
    library = "pytorch-msssim; five scales, data range 255"
    usual_average = "db-of-mean"

    def version(self) -> str:
        return "1"

    def against(self, original: RGB) -> Score:
        return lambda decoded: ms_ssim(original, decoded)

    def in_db(self, value: float) -> float:
        return msssim_db(value)

    def from_db(self, decibels: float) -> float:
        return 1 - 10 ** (-decibels / 10)
