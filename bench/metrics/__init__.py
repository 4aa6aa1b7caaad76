"""How good a decoded picture is, measured on 8-bit RGB against the original. Metrics by name, as codecs are.

Two lines score a picture:

    from bench import metrics
    decibels = metrics.psnr(original, decoded)

`metrics.score("vmaf", original, decoded)` does so by any metric of `bench list metrics`. Another package adds
a metric through an entry point of the group ``codec_bench.metrics``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.lazy import lazy_names
from bench.metrics.base import AVERAGES, BY_PIXELS, RGB, USUAL, Metric, Score
from bench.metrics.registry import check_ready, describe, get, names, ready, score
from bench.metrics.sets import SETS, expand

if TYPE_CHECKING:
    from bench.metrics.multiscale_ssim import ms_ssim
    from bench.metrics.peak_signal_to_noise import psnr, psnr_y
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "ms_ssim": "bench.metrics.multiscale_ssim",
            "psnr": "bench.metrics.peak_signal_to_noise",
            "psnr_y": "bench.metrics.peak_signal_to_noise",
        },
    )

__all__ = [
    "AVERAGES", "BY_PIXELS", "DEFAULT", "RGB", "SETS", "USUAL", "Metric", "Score",
    "bits_per_pixel", "check_ready", "describe", "expand", "get", "ms_ssim", "names", "psnr", "psnr_y",
    "ready", "score",
]  # fmt: skip

DEFAULT: tuple[str, ...] = ("psnr", "ms_ssim")  # measured unless others are asked for


def bits_per_pixel(size: int, height: int, width: int) -> float:
    """The rate of a bitstream of `size` bytes, in bits per pixel: 8 * size / (height * width).

    >>> bits_per_pixel(6000, height=200, width=300)
    0.8
    """
    return 8 * size / (height * width)
