"""How good a decoded picture is, measured on 8-bit RGB against the original. Metrics by name, as codecs are.

Two lines score a picture:

    from bench import metrics
    decibels = metrics.psnr(original, decoded)

`metrics.score("vmaf", original, decoded)` does so by any metric of `bench list metrics`. Another package adds
a metric through an entry point of the group ``codec_bench.metrics``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.metrics.base import AVERAGES, RGB, USUAL, Metric, Score
from bench.metrics.registry import check_ready, describe, get, names, ready, score

if TYPE_CHECKING:
    from bench.metrics.multiscale_ssim import ms_ssim
    from bench.metrics.peak_signal_to_noise import psnr, psnr_y

__all__ = [
    "AVERAGES", "DEFAULT", "RGB", "USUAL", "Metric", "Score",
    "bits_per_pixel", "check_ready", "describe", "get", "ms_ssim", "names", "psnr", "psnr_y", "ready",
    "score",
]  # fmt: skip

DEFAULT: tuple[str, ...] = ("psnr", "ms_ssim")  # measured unless others are asked for

_MODULES = {"ms_ssim": "multiscale_ssim", "psnr": "peak_signal_to_noise", "psnr_y": "peak_signal_to_noise"}


def bits_per_pixel(size: int, height: int, width: int) -> float:
    """The rate of a bitstream of `size` bytes, in bits per pixel: 8 * size / (height * width).

    >>> bits_per_pixel(6000, height=200, width=300)
    0.8
    """
    return 8 * size / (height * width)


def __getattr__(name: str) -> Any:
    """The functions that need numpy, imported when asked for: each child process pays for imports."""
    if name in _MODULES:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
