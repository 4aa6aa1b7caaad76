"""BD-rates with their intervals as bars, a panel for each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.compare.comparison import Comparison
from bench.compare.deltas import Delta
from bench.metrics import get as get_metric
from bench.report.labels import image_count
from bench.report.plots import layout, looks
from bench.report.plots.rate_distortion import WIDE, WIDTH, highlighted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BAR = 0.17  # inches from one bar to the next
_ACROSS = 2  # panels beside each other


def draw(comparison: Comparison, highlight: Sequence[str] = (), dpi: float | None = None) -> Figure | None:
    """The plot, laid out: codecs in the order of the first metric, the best on top; None without a BD-rate.

    Args:
        highlight: codecs that stand out; see `rate_distortion.highlighted`.
    """
    from bench.report.notebook_figure import NotebookFigure

    deltas = {(delta.codec, delta.metric): delta for delta in comparison.deltas}
    metrics = [
        metric
        for metric in comparison.metrics
        if any(
            known and delta.bd.bd_rate is not None for (_, known), delta in deltas.items() if known == metric
        )
    ]
    if not metrics:
        return None
    codecs = _ordered(comparison, deltas, metrics)
    across = min(_ACROSS, len(metrics))
    down = -(-len(metrics) // across)
    figure = NotebookFigure(figsize=(WIDTH if across == 1 else WIDE, 1.0), dpi=dpi)
    strong = highlighted(comparison, highlight, len(comparison.curves)) - {comparison.anchor}
    panels = [figure.add_subplot(down, across, place + 1) for place in range(len(metrics))]
    names = looks.names(comparison)
    styles = looks.styles(curve.codec for curve in comparison.curves)
    for place, (axes, metric) in enumerate(zip(panels, metrics, strict=True)):
        of_metric = [deltas.get((codec, metric)) for codec in codecs]
        _draw_panel(axes, codecs, of_metric, {name: styles[name].colour for name in codecs}, strong)
        axes.set_title(get_metric(metric).title)
        axes.set_xlabel(f"BD-rate against {names[comparison.anchor]}, %", parse_math=False)
        axes.set_yticks(range(len(codecs)), [names[codec] for codec in codecs] if not place % across else [])
        for text, codec in zip(axes.get_yticklabels(), codecs, strict=False):
            text.set_parse_math(False)
            text.set_fontweight("bold" if codec in strong else "normal")
    _lay_out(figure, panels, across, _BAR * (len(codecs) + 0.6))
    intervals = any(delta.interval and delta.interval.bd_rate for delta in comparison.deltas)
    title = f"{comparison.dataset}, {image_count(comparison)}"
    figure.suptitle(
        title + ("; whiskers are 95 % intervals over images" if intervals else ""),
        fontsize=8, y=1 - layout.PAD / figure.get_figheight(), va="top", parse_math=False,
    )  # fmt: skip
    return figure


def _ordered(
    comparison: Comparison, deltas: Mapping[tuple[str, str], Delta], metrics: Sequence[str]
) -> list[str]:
    """Codecs by the BD-rate of the first metric that has one; those without any last."""

    def rank(codec: str) -> tuple[int, float]:
        for place, metric in enumerate(metrics):
            delta = deltas.get((codec, metric))
            if delta and delta.bd.bd_rate is not None:
                return place, delta.bd.bd_rate
        return len(metrics), 0.0

    return sorted((curve.codec for curve in comparison.curves if curve.codec != comparison.anchor), key=rank)


def _draw_panel(
    axes: Any,
    codecs: Sequence[str],
    deltas: Sequence[Delta | None],
    colours: Mapping[str, str],
    strong: set[str],
) -> None:
    ends = []  # of bars and whiskers, left and right
    for row, (codec, delta) in enumerate(zip(codecs, deltas, strict=True)):
        rate = delta.bd.bd_rate if delta else None
        if delta is None or rate is None:
            _write(axes, 0.0, row, "no BD-rate", "left", "0.4")
            continue
        colour = colours[codec] if not strong or codec in strong else looks.faint(colours[codec])
        axes.barh(row, rate, height=0.66, color=colour, zorder=2)
        low, high = (delta.interval and delta.interval.bd_rate) or (rate, rate)
        low, high = min(low, rate), max(high, rate)
        ends += [low, high]
        beyond, side = (low, "right") if rate < 0 else (high, "left")
        _write(axes, beyond, row, f"{rate:+.1f}".replace("-", "\u2212"), side, "black", codec in strong)
    whiskers = [
        (row, delta.bd.bd_rate, *delta.interval.bd_rate)
        for row, delta in enumerate(deltas)
        if delta and delta.bd.bd_rate is not None and delta.interval and delta.interval.bd_rate
    ]
    if whiskers:
        rows, rates, lows, highs = map(np.array, zip(*whiskers, strict=True))
        axes.errorbar(
            rates, rows, xerr=np.abs([rates - lows, highs - rates]), fmt="none", ecolor="0.15",
            elinewidth=0.8, capsize=2, capthick=0.8, zorder=3,
        )  # fmt: skip
    axes.axvline(0, color="0.15", linewidth=0.6, zorder=4)
    low, high = min(0.0, *ends), max(0.0, *ends)
    span = (high - low) or 1.0
    axes.set_xlim(low - (0.16 if low < 0 else 0.02) * span, high + (0.16 if high > 0 else 0.02) * span)
    axes.set_ylim(len(codecs) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", linewidth=0.4, alpha=0.4)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _write(axes: Any, x: float, row: int, text: str, side: str, colour: str, bold: bool = False) -> None:
    axes.annotate(
        text, (x, row), (3 if side == "left" else -3, 0), textcoords="offset points", ha=side, va="center",
        fontsize=6.5, color=colour, fontweight="bold" if bold else "normal",
    )  # fmt: skip


def _lay_out(figure: Any, panels: Sequence[Any], across: int, height: float) -> None:
    """Panels of one height in rows, below the title; the names stand left of the first in each row."""
    margins = [layout.needed(axes) for axes in panels]
    top, bottom = max(margin.top for margin in margins), max(margin.bottom for margin in margins)
    left, right = max(margin.left for margin in margins), max(margin.right for margin in margins)
    gap = right + 0.12
    down = -(-len(panels) // across)
    title = 0.2
    figure.set_figheight(title + down * (top + height + bottom))
    whole, tall = figure.get_size_inches()
    width = (whole - left - right - gap * (across - 1)) / across
    for place, axes in enumerate(panels):
        row, column = divmod(place, across)
        base = tall - title - (row + 1) * (top + height) - row * bottom
        layout.place(axes, left + column * (width + gap), base, width, height)
