"""Room around axes for their labels, measured once: matplotlib's engines of layout draw everything twice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

PAD = 0.04  # inches, at the edge of a figure


class Margins(NamedTuple):
    """Inches around the box of axes."""

    left: float
    right: float
    bottom: float
    top: float


def needed(axes: Any) -> Margins:
    """What title, ticks and labels of axes take."""
    figure = axes.figure
    renderer = renderer_of(figure)
    inner = axes.get_window_extent(renderer)
    outer = axes.get_tightbbox(renderer, bbox_extra_artists=[])
    sides = (inner.x0 - outer.x0, outer.x1 - inner.x1, inner.y0 - outer.y0, outer.y1 - inner.y1)
    return Margins(*(max(0.0, side / figure.dpi) + PAD for side in sides))


def place(axes: Any, left: float, bottom: float, width: float, height: float) -> None:
    """Put the box of axes somewhere, in inches."""
    across, up = axes.figure.get_size_inches()
    axes.set_position((left / across, bottom / up, width / across, height / up))


def fill(axes: Any, below: float = 0.0) -> None:
    """Let axes fill their figure, but for a strip below.

    Args:
        below: height of the strip, in inches.
    """
    figure = axes.figure
    width, height = figure.get_size_inches()
    margins = needed(axes)
    place(
        axes,
        margins.left,
        margins.bottom + below,
        width - margins.left - margins.right,
        height - below - margins.bottom - margins.top,
    )


def entries(axes: Any, names: Collection[str]) -> tuple[list[Any], list[str]]:
    """What a legend of some of the lines in axes needs: lines and names."""
    handles, texts = axes.get_legend_handles_labels()
    chosen = [place for place, text in enumerate(texts) if text.removeprefix("\u200b") in names]
    return [handles[place] for place in chosen], [texts[place] for place in chosen]


def add_legend_below(axes: Any, names: Collection[str]) -> None:
    """A legend of these lines below axes; the figure grows by it."""
    if not names:
        return
    figure = axes.figure
    handles, texts = entries(axes, names)
    width, height = figure.get_size_inches()
    columns = columns_for(texts, width)
    legend = literal(
        figure.legend(handles, texts, loc="lower center", ncols=columns, frameon=False, borderaxespad=0.2)
    )
    strip = legend.get_window_extent(renderer_of(figure)).height / figure.dpi + PAD
    figure.set_figheight(height + strip)
    fill(axes, below=strip)


def renderer_of(figure: Any) -> Any:
    """What measures texts, in the figure's own pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if not isinstance(figure.canvas, FigureCanvasAgg):
        FigureCanvasAgg(figure)
    return figure.canvas.get_renderer()


def literal(legend: Any) -> Any:
    """The legend, with dollars in names taken for dollars."""
    for text in legend.get_texts():
        text.set_parse_math(False)
    return legend


def columns_for(labels: Sequence[str], width: float) -> int:
    """How many columns of a legend fit into a width in inches."""
    return max(1, int(width / (0.55 + 0.06 * max(map(len, labels)))))
