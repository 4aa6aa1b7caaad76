"""The rate-distortion plot: a curve for each codec, by one metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.compare.comparison import Comparison
from bench.compare.curves import Curve
from bench.metrics import Metric
from bench.metrics import get as get_metric
from bench.report.labels import image_count, with_unit
from bench.report.plots import labels, layout, looks
from bench.report.plots.frame import Frame, Line, heights

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 3.5, 2.7  # inches: a column of most proceedings
WIDE, HIGH = 7.16, 4.2  # both columns, for many curves
_FEW = 6  # curves that can all be read at once: of more, two stand out, and a legend fills a corner
_MANY = 8  # curves that one column has no room for


@dataclass(frozen=True)
class _Weight:
    """How much a curve stands out."""

    line: float  # points
    marker: float  # points
    faint: bool
    above: int  # higher ones are drawn over lower ones


_PLAIN = _Weight(1.0, 4.0, False, 2)
_STRONG = _Weight(1.5, 4.5, False, 4)
_MUTED = _Weight(0.8, 2.5, True, 2)


def ranked(comparison: Comparison, metric: str) -> list[Curve]:
    """The curves that have a point to draw, the best for its rate first; those without a BD-rate last."""
    rates = {delta.codec: delta.bd.bd_rate for delta in comparison.deltas if delta.metric == metric}
    rates[comparison.anchor] = 0.0

    def rank(curve: Curve) -> float:
        rate = rates.get(curve.codec)
        return math.inf if rate is None else rate

    return sorted((curve for curve in comparison.curves if curve.usable_points(metric)), key=rank)


def highlighted(comparison: Comparison, asked: Sequence[str], shown: int) -> set[str]:
    """The codecs that stand out; empty: all look alike.

    Args:
        asked: codecs to bring out; if there are none and many are shown, the one named first and the anchor.
        shown: number of codecs in the plot.
    """
    if asked:
        return set(asked)
    return {comparison.curves[0].codec, comparison.anchor} if shown > _FEW else set()


def draw(
    comparison: Comparison,
    metric: str,
    highlight: Sequence[str] = (),
    log_rate: bool = False,
    dpi: float | None = None,
) -> Figure | None:
    """The plot, laid out; None where no curve has a point by the metric.

    Args:
        highlight: codecs that stand out; see `highlighted`.
        log_rate: whether rate is logarithmic in any case, so that low rates can be told apart.
    """
    from bench.report.notebook_figure import NotebookFigure

    curves = ranked(comparison, metric)
    if not curves:
        return None
    size = (WIDE, HIGH) if len(curves) > _MANY else (WIDTH, HEIGHT)
    figure = NotebookFigure(figsize=size, dpi=dpi)
    axes = figure.add_subplot()
    lines = [curve.usable_points(metric) for curve in curves]
    frame = Frame(lines, log_rate)
    strong = highlighted(comparison, highlight, len(curves))
    styles = looks.styles(curve.codec for curve in comparison.curves)
    names = looks.names(comparison)
    ends = []
    for curve, points in zip(curves, lines, strict=True):
        weight = _PLAIN if not strong else _STRONG if curve.codec in strong else _MUTED
        label = names[curve.codec]
        if points[-1][0] > frame.right:
            label += f", to {points[-1][0]:.2g} bpp"
        _draw_line(axes, points, label, styles[curve.codec], weight)
        bold = "bold" if weight is _STRONG else "normal"
        ends.append(
            labels.Label(label, *_end(points, frame.right), looks.ink(styles[curve.codec].colour), bold)
        )
    frame.widen((label.x, labels.width(axes, label)) for label in ends)
    frame.apply(axes)
    axes.set_title(f"{comparison.dataset}, mean over {image_count(comparison)}", parse_math=False)
    axes.set_xlabel("rate, bits per pixel" + (" (logarithmic)" if frame.logarithmic else ""))
    _name_qualities(axes, get_metric(metric))
    axes.grid(linewidth=0.4, alpha=0.4)
    layout.fill(axes)
    left_out = labels.add_labels(axes, ends, lines)
    _add_legend(axes, {label.text for label in left_out}, lines)
    return figure


def _name_qualities(axes: Any, metric: Metric) -> None:
    """Up is better: where less of a metric is, qualities are turned, and the ticks show its own values."""
    if metric.higher_is_better:
        axes.set_ylabel(with_unit(metric))
        return
    axes.set_ylabel(f"{with_unit(metric)} (less is better)")
    axes.yaxis.set_major_formatter(lambda quality, _: f"{metric.turned(quality) + 0.0:.6g}")


def _draw_line(axes: Any, points: Line, label: str, style: looks.Style, weight: _Weight) -> None:
    colour = looks.faint(style.colour) if weight.faint else style.colour
    axes.plot(
        *zip(*points, strict=True),
        color=colour,
        marker=style.marker,
        markersize=0.65 * weight.marker if style.published else weight.marker,
        markerfacecolor="white" if style.published else colour,
        markeredgewidth=0.6,
        linestyle=(0, (4, 1.5)) if style.published else "-",
        linewidth=weight.line,
        label="\u200b" + label if label.startswith("_") else label,  # matplotlib drops names with a "_"
        zorder=weight.above,
    )


def _end(points: Line, right: float) -> tuple[float, float]:
    """Where a curve ends, or leaves the plot."""
    if points[-1][0] <= right:
        return points[-1]
    return right, max(heights(points, right), default=points[-1][1])


def _add_legend(axes: Any, names: set[str], lines: Sequence[Line]) -> None:
    """A legend of the curves whose name has no room at their end, in a corner or below the plot."""
    if not names:
        return
    handles, texts = layout.entries(axes, names)
    figure = axes.figure
    renderer = layout.renderer_of(figure)
    if len(lines) <= _FEW:
        taken = [text.get_window_extent(renderer) for text in axes.texts]
        for corner in ("lower right", "upper left"):
            legend = layout.literal(
                axes.legend(handles, texts, loc=corner, framealpha=1, edgecolor="0.8", fancybox=False)
            )
            box = legend.get_window_extent(renderer).padded(0.03 * figure.dpi)
            if not labels.touches_line(axes, box, lines) and not any(map(box.overlaps, taken)):
                return
            legend.remove()
    layout.add_legend_below(axes, names)
