"""How good a decoded picture is, measured on 8-bit RGB against the original. Metrics by name, as codecs are.

Another package adds a metric through an entry point of the group ``codec_bench.metrics``.
"""

from __future__ import annotations

from bench.metrics.base import AVERAGES, RGB, USUAL, Metric, Score
from bench.metrics.registry import check_ready, describe, get, names, ready

__all__ = [
    "AVERAGES", "DEFAULT", "RGB", "USUAL", "Metric", "Score",
    "bits_per_pixel", "check_ready", "describe", "get", "names", "ready",
]  # fmt: skip

DEFAULT = ("psnr", "ms_ssim")  # measured unless others are asked for


def bits_per_pixel(size: int, height: int, width: int) -> float:
    """8 x bytes of the bitstream / pixels of the picture."""
    return 8 * size / (height * width)
