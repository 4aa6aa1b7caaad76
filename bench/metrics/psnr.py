"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from bench.metrics.base import RGB, Metric, Score


def psnr(original: RGB, decoded: RGB) -> float:
    """Peak signal-to-noise ratio in dB over all samples, peak 255; inf where the pictures are equal."""
    difference = original.astype(np.int32) - decoded
    squares = float(np.mean(np.square(difference), dtype=np.float64))
    return 10 * math.log10(255**2 / squares) if squares else math.inf


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
