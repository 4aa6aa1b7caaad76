"""BD-rate over a cost, with the line of the codecs that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.compare.comparison import Comparison
from bench.compare.pareto import AXES, pareto
from bench.metrics import get as get_metric
from bench.report.plots import labels, layout, looks
from bench.report.plots.rate_distortion import HEIGHT, WIDE, WIDTH, highlighted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MANY = 6  # codecs that one column has no room for


def draw(
    comparison: Comparison,
    metric: str,
    cost: str,
    highlight: Sequence[str] = (),
    dpi: float | None = None,
) -> Figure | None:
    """The plot, laid out; None with fewer than two codecs that have both figures.

    Args:
        cost: of `bench.compare.pareto.AXES`.
        highlight: codecs whose names are bold; see `rate_distortion.highlighted`.
    """
    from matplotlib.ticker import FuncFormatter

    from bench.report.notebook_figure import NotebookFigure

    found = pareto(comparison, metric, cost)
    if len(found.places) < 2:
        return None
    axis = AXES[cost]
    size = (WIDE, 3.4) if len(found.places) > _MANY else (WIDTH, HEIGHT)
    figure = NotebookFigure(figsize=size, dpi=dpi)
    axes = figure.add_subplot()
    strong = highlighted(comparison, highlight, len(comparison.curves))
    styles = looks.styles(curve.codec for curve in comparison.curves)
    names = looks.names(comparison)
    cheapest, dearest = found.places[0].cost, found.places[-1].cost
    rates = [place.bd_rate for place in found.places]
    height = (max(rates) - min(rates)) or 10.0
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda figure, _: f"{figure:g}"))
    axes.set_xlim(cheapest / 2, dearest * (dearest / cheapest) ** 0.15 * 1.5)
    axes.set_ylim(min(rates) - 0.1 * height, max(rates) + 0.1 * height)
    front = [(place.cost, place.bd_rate) for place in found.places if place.on_front]
    ends = [(front[0][0], axes.get_ylim()[1]), *front, (axes.get_xlim()[1], front[-1][1])]
    steps = [corner for one, other in pairwise(ends) for corner in (one, (other[0], one[1]))] + ends[-1:]
    axes.plot(*zip(*steps, strict=True), color="0.6", linewidth=0.9, zorder=1)
    for place in found.places:
        style = styles[place.codec]
        axes.plot(
            [place.cost], [place.bd_rate],
            color=style.colour if place.on_front else looks.faint(style.colour),
            marker=style.marker, markersize=6 if place.on_front else 4.5, markeredgewidth=0, zorder=3,
            linestyle="", label=names[place.codec],
        )  # fmt: skip
    unit = f", {axis.unit} (logarithmic)"
    axes.set_xlabel(axis.title + unit + (f"\n{found.machine}" if found.machine else ""), parse_math=False)
    axes.set_ylabel(f"BD-rate against {names[comparison.anchor]}, %", parse_math=False)
    axes.set_title(f"{comparison.dataset}, {get_metric(metric).title}", parse_math=False)
    axes.grid(linewidth=0.4, alpha=0.4)
    layout.fill(axes)
    ordered = sorted(found.places, key=lambda place: not place.on_front)
    left_out = labels.add_labels(
        axes,
        [
            labels.Label(
                names[place.codec], place.cost, place.bd_rate, looks.ink(styles[place.codec].colour),
                "bold" if place.codec in strong else "normal",
            )
            for place in ordered
        ],
        [[(place.cost, place.bd_rate)] for place in ordered],
        [steps],
    )  # fmt: skip
    layout.add_legend_below(axes, {label.text for label in left_out})
    return figure
