"""Rate-distortion plots, as PNG for screens and SVG for papers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from bench.compare import Comparison
from bench.metrics import METRICS

# Okabe and Ito's colours, told apart by colour-blind readers too; a marker of its own for each as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def write_plots(comparison: Comparison, folder: Path) -> list[Path]:
    """Write ``rd-<metric>.png`` and ``.svg`` for each metric that has points; returns their paths."""
    import matplotlib

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    # A salt of its own makes the SVG the same file each time.
    with matplotlib.rc_context({"svg.hashsalt": "codec-bench", "font.size": 10}):
        for metric in METRICS:
            if all(curve.axes(metric)[0] for curve in comparison.curves):
                figure = _figure(comparison, metric)
                for suffix in ("png", "svg"):
                    path = folder / f"rd-{metric}.{suffix}"
                    metadata = {"Date": None} if suffix == "svg" else None
                    figure.savefig(path, dpi=150, metadata=metadata)
                    paths.append(path)
    return paths


def _figure(comparison: Comparison, metric: str) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    for index, curve in enumerate(comparison.curves):
        pairs = [(x, y) for x, y in zip(*curve.axes(metric), strict=True) if math.isfinite(y)]
        axes.plot(
            *zip(*pairs, strict=True),
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=5,
            linewidth=1.5,
            label=curve.codec,
        )
    images = "1 image" if comparison.images == 1 else f"{comparison.images} images"
    axes.set_title(f"{comparison.dataset}, mean over {images}")
    axes.set_xlabel("rate (bits per pixel)")
    axes.set_ylabel(f"{METRICS[metric].title} ({METRICS[metric].unit})")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return figure
