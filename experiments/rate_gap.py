"""A plot of how many bits more than the last codec the others need, over PSNR: curves that lie close, apart.

    python experiments/rate_gap.py ainn ainn:fit=1,search=10 vvenc av1 published:invcomp vtm

takes results on Kodak, prints a line for each point, and writes results/compare/kodak/ainn/rate-gap.png, in
the folder of the first codec. Curves are interpolated as for BD-rates (pchip, the logarithm of rate over
PSNR), over the PSNR that the first codec reaches in one of its settings.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

import bench
from bench.compare.curves import Curve
from bench.report.plots import looks

DATASET, METRIC = "kodak", "psnr"


def main(codecs: list[str]) -> None:
    comparison = bench.compare(*codecs, dataset=DATASET, intervals=False)
    curves = {curve.codec: curve for curve in comparison.curves}
    anchor = curves[codecs[-1]]
    own = [curve for name, curve in curves.items() if name.partition(":")[0] == codecs[0]]
    low, high = min(qualities(curve)[0] for curve in own), max(qualities(curve)[-1] for curve in own)
    names, styles = looks.names(comparison), looks.styles(curves)

    print("| codec | quality | bpp | PSNR (dB) | bits more than the last |\n| --- |" + " ---: |" * 4)
    ends = []  # of curves, on the right
    figure, axes = plt.subplots(figsize=(5.4, 3.0), dpi=130)
    for codec in codecs[:-1]:
        curve, style = curves[codec], styles[codec]
        shown = np.linspace(max(low, qualities(curve)[0]), min(high, qualities(curve)[-1]), 200)
        dashes: Any = (0, (4, 1.5)) if style.published else "-"
        axes.plot(shown, gap(curve, anchor, shown), color=style.colour, linestyle=dashes, linewidth=1.5)
        marked = np.array([quality for quality in qualities(curve) if low <= quality <= high])
        axes.plot(
            marked,
            gap(curve, anchor, marked),
            linestyle="",
            marker=style.marker,
            markersize=4,
            color=style.colour,
        )
        for point in curve.points:
            db = point.db[METRIC]
            if low <= db <= high:
                more = gap(curve, anchor, np.array([db]))[0]
                print(f"| {codec} | {point.quality:g} | {point.bpp:.4f} | {db:.3f} | {more:+.1f} % |")
        ends.append((gap(curve, anchor, shown[-1:])[0], codec))
    axes.set_xlim(low - 0.03 * (high - low), high + 0.01 * (high - low))
    write_names(axes, high, ends, names, styles)
    axes.axhline(0, color="0.3", linewidth=0.8)
    axes.set_xlabel("PSNR (RGB), dB", fontsize=8)
    axes.set_ylabel(f"bits more than {names[codecs[-1]]}, %", fontsize=8)
    axes.set_title(f"{DATASET}, mean over {comparison.images} images", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(linewidth=0.4, alpha=0.4)
    path = Path("results/compare") / DATASET / codecs[0] / "rate-gap.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", pil_kwargs={"optimize": True})
    print(f"\nwrote {path}")


def write_names(
    axes: Any,
    right: float,
    ends: list[tuple[float, str]],
    names: dict[str, str],
    styles: dict[str, looks.Style],
) -> None:
    """Names at the ends of curves, moved apart where one would cover another."""
    bottom, top = axes.get_ylim()
    apart = 0.06 * (top - bottom)
    ends = sorted(ends)
    heights = [end for end, _ in ends]
    for _ in range(100):  # neighbours that are too near move apart, each by half
        for below in range(len(ends) - 1):
            lacking = max(0.0, apart - (heights[below + 1] - heights[below]))
            heights[below] -= lacking / 2
            heights[below + 1] += lacking / 2
    for height, (_, codec) in zip(heights, ends, strict=True):
        axes.annotate(
            names[codec], (right, height), (6, 0), textcoords="offset points",
            va="center", fontsize=8, color=looks.ink(styles[codec].colour),
        )  # fmt: skip


def gap(curve: Curve, anchor: Curve, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many bits more a curve needs than the anchor at these qualities, in percent."""
    more: NDArray[np.float64] = 100 * (np.exp(log_rate(curve)(at) - log_rate(anchor)(at)) - 1)
    return more


def log_rate(curve: Curve) -> PchipInterpolator:
    points = curve.usable_points(METRIC)
    return PchipInterpolator([quality for _, quality in points], np.log([bpp for bpp, _ in points]))


def qualities(curve: Curve) -> list[float]:
    return [quality for _, quality in curve.usable_points(METRIC)]


if __name__ == "__main__":
    main(sys.argv[1:])
