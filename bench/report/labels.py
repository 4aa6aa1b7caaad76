"""Words that tables and plots have in common."""

from __future__ import annotations

from bench.compare.comparison import Comparison
from bench.metrics import Metric


def image_count(comparison: Comparison) -> str:
    """How many images a comparison is over, in words."""
    if not comparison.images:
        return "an unknown number of images"
    return "1 image" if comparison.images == 1 else f"{comparison.images} images"


def with_unit(metric: Metric) -> str:
    """What a number of the metric is, on the scale of curves: "PSNR (RGB), dB"."""
    return f"{metric.title}, {metric.unit}" if metric.unit else metric.title
