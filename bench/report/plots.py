"""Rate-distortion plots for papers: a column wide, as PNG, PDF or SVG."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from bench.compare import published
from bench.compare.comparison import Comparison
from bench.compare.curves import Curve
from bench.core.errors import BenchError
from bench.metrics import Metric
from bench.metrics import get as get_metric
from bench.report.tables import image_count, with_unit, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
DPI = 300  # of PNG
WIDTH, HEIGHT = 3.5, 2.7  # inches: a column of most proceedings
WIDE, HIGH = 7.16, 4.2  # both columns, for many curves

# Okabe and Ito's colours without their yellow, which is too pale for a line, then five of Paul Tol's
# "muted" scheme: told apart by colour-blind readers too. A marker of its own tells codecs apart in print.
COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
    "#882255", "#332288", "#44AA99", "#999933", "#777777",
)  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "<", "X", "*", ">", "p", "h")

# Their places in both lists: a codec looks the same in every plot.
_KNOWN = {
    "ainn": 0, "jpeg": 1, "webp": 2, "bpg": 3, "avif": 4, "jpegxl": 5, "vtm": 6,
    "jpeg2000": 7, "hm": 8, "av1": 9, "heic": 10, "hevc": 11,
}  # fmt: skip

_FEW = 6  # curves whose legend fits into a corner
_MANY = 8  # curves that one column has no room for
# A curve that goes on beyond both rates and qualities of the others is cut, if that makes this much room.
_WORTH_CUTTING = 1.3
# Over this ratio between where the longest and the shortest curve end, a linear axis squeezes the latter.
_LOGARITHMIC = 5.0

_STYLE: Any = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "patch.linewidth": 0.5,  # the frame of a legend
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "pdf.fonttype": 42,  # TrueType: many publishers refuse Type 3
    "svg.hashsalt": "codec-bench",  # the same file each time
}


class Style(NamedTuple):
    colour: str
    marker: str
    published: bool  # drawn dashed, with small, hollow markers


def write_plots(comparison: Comparison, folder: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write ``rd-<metric>.png`` (or another format) for each metric of the deltas; returns the paths.

    The same comparison gives the same bytes.

    Args:
        formats: of `FORMATS`.

    Raises:
        BenchError: unknown format, or the folder can't be written to.
    """
    for name in formats:
        if name not in FORMATS:
            raise BenchError(f"unknown format of plots '{name}': choose one of {', '.join(FORMATS)}")
    import matplotlib

    paths = []
    with writing(folder), matplotlib.rc_context(_STYLE), _quiet_about_glyphs():
        for metric in comparison.metrics:
            curves = _ranked(comparison, metric)
            if not curves:
                continue
            drawn = _figure(comparison, metric, curves, dpi=DPI)
            drawn.set_layout_engine("none")  # it is laid out; each format would do it twice again
            for name in dict.fromkeys(formats):
                path = folder / f"rd-{metric}.{name}"
                _save(drawn, path, name)
                paths.append(path)
    return paths


def figure(comparison: Comparison, metric: str) -> Figure:
    """The plot of one metric, as `write_plots` draws it; `Figure.savefig` saves it.

    Raises:
        BenchError: no curve has a point by the metric.
    """
    import matplotlib

    curves = _ranked(comparison, metric)
    if not curves:
        there = ", ".join(name for name in comparison.metrics if _ranked(comparison, name))
        raise BenchError(f"no curve has a point by '{metric}'; draw one of {there or 'none'}")
    with matplotlib.rc_context(_STYLE), _quiet_about_glyphs():
        return _figure(comparison, metric, curves)


def font_note(comparison: Comparison) -> str | None:
    """What to know of characters in names that the font of plots lacks; None if it lacks none."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    names = "".join([comparison.dataset, *(curve.codec for curve in comparison.curves)])
    font = get_font(findfont(FontProperties()))
    lacking = [c for c in dict.fromkeys(names) if c.isprintable() and not font.get_char_index(ord(c))]
    if not lacking:
        return None
    return f"plots show boxes for characters that their font lacks: {' '.join(lacking)}"


def styles(codecs: Iterable[str]) -> dict[str, Style]:
    """A colour and a marker for each codec, decided by its name.

    Well-known codecs have theirs always. Another takes what its name hashes to, or, where one of these codecs
    has that, the next that is free. A published curve looks like the codec that it is of, but for its line.
    """
    codecs = list(codecs)
    bare = sorted({codec.removeprefix(published.PREFIX) for codec in codecs})
    places = {name: (_KNOWN[name], _KNOWN[name]) for name in bare if name in _KNOWN}
    for may_move in (False, True):  # who needn't move isn't moved by one who must
        for name in bare:
            if name not in places:
                place, clashes = _free_place(name, list(places.values()))
                if may_move or not clashes:
                    places[name] = place
    return {
        codec: Style(COLOURS[colour], MARKERS[marker], codec.startswith(published.PREFIX))
        for codec in codecs
        for colour, marker in [places[codec.removeprefix(published.PREFIX)]]
    }


def _free_place(name: str, taken: list[tuple[int, int]]) -> tuple[tuple[int, int], bool]:
    """Indices of colour and marker, and whether they aren't the name's first choice.

    Both are free, or where one has run out, at least the pair is.
    """
    start = crc32(name.encode())
    colours = {colour for colour, _ in taken}
    markers = {marker for _, marker in taken}
    pairs = [
        ((start + i) % len(COLOURS), (start // len(COLOURS) + i + j) % len(MARKERS))
        for j in range(len(MARKERS))
        for i in range(len(COLOURS))
    ]
    best = min(pairs, key=lambda pair: (pair in taken, pair[0] in colours, pair[1] in markers))
    return best, best != pairs[0]


def _ranked(comparison: Comparison, metric: str) -> list[Curve]:
    """The curves that have a point to draw, the best for its rate first; those without a BD-rate last."""
    rates = {delta.codec: delta.bd.bd_rate for delta in comparison.deltas if delta.metric == metric}
    rates[comparison.anchor] = 0.0

    def rank(curve: Curve) -> float:
        rate = rates.get(curve.codec)
        return math.inf if rate is None else rate

    return sorted((curve for curve in comparison.curves if curve.usable_points(metric)), key=rank)


def _figure(comparison: Comparison, metric: str, curves: Sequence[Curve], dpi: float | None = None) -> Figure:
    """The plot, laid out."""
    from bench.report.notebook_figure import NotebookFigure

    looks = styles(curve.codec for curve in comparison.curves)
    size = (WIDE, HIGH) if len(curves) > _MANY else (WIDTH, HEIGHT)
    figure = NotebookFigure(figsize=size, dpi=dpi, layout="constrained")
    axes = figure.add_subplot()
    lines = [curve.usable_points(metric) for curve in curves]
    frame = _Frame(lines)
    for curve, points in zip(curves, lines, strict=True):
        label = _label(curve.codec, comparison.sampling.get(curve.codec))
        _draw(axes, points, label, looks[curve.codec], frame)
    frame.apply(axes)
    axes.set_title(f"{comparison.dataset}, mean over {image_count(comparison)}", parse_math=False)
    axes.set_xlabel("rate, bits per pixel" + (" (logarithmic)" if frame.logarithmic else ""))
    _name_qualities(axes, get_metric(metric))
    axes.grid(linewidth=0.4, alpha=0.4)
    _add_legend(figure, axes, lines)
    return figure


def _name_qualities(axes: Any, metric: Metric) -> None:
    """Up is better: where less of a metric is, qualities are turned, and the ticks show its own values."""
    if metric.higher_is_better:
        axes.set_ylabel(with_unit(metric))
        return
    axes.set_ylabel(f"{with_unit(metric)} (less is better)")
    axes.yaxis.set_major_formatter(lambda quality, _: f"{metric.turned(quality) + 0.0:.6g}")


def _draw(axes: Any, points: list[tuple[float, float]], label: str, style: Style, frame: _Frame) -> None:
    end = points[-1][0]
    axes.plot(
        *zip(*points, strict=True),
        color=style.colour,
        marker=style.marker,
        markersize=2.5 if style.published else 4,
        markerfacecolor="white" if style.published else style.colour,
        markeredgewidth=0.6,
        linestyle=(0, (4, 1.5)) if style.published else "-",
        linewidth=1.0,
        label=label + (f", to {end:.2g} bpp" if end > frame.right else ""),
    )


def _label(codec: str, sampling: str | None) -> str:
    """A name as a legend shows it, with how chroma is sampled, where the name doesn't tell. matplotlib
    drops names that start with "_"."""
    bare = codec.removeprefix(published.PREFIX)
    if bare.startswith("_"):
        bare = "\u200b" + bare
    if sampling and "chroma=" not in codec:
        bare = f"{bare} ({sampling})"
    return f"{bare} (published)" if codec.startswith(published.PREFIX) else bare


class _Frame:
    """The part of the plane that is shown: all of it, unless a curve goes on far beyond the others."""

    def __init__(self, curves: Sequence[list[tuple[float, float]]]) -> None:
        everything = [point for points in curves for point in points]
        compared = [
            point
            for index, points in enumerate(curves)
            for point in _beside(points, [other for i, other in enumerate(curves) if i != index])
        ]
        longest = max(x for x, _ in everything)
        end = max(x for x, _ in compared)
        self.right = 1.05 * (end if longest > _WORTH_CUTTING * end else longest)
        self.logarithmic = self.right > _LOGARITHMIC * min(points[-1][0] for points in curves)
        shown = [point for point in everything if point[0] <= self.right]
        shown += [(self.right, y) for points in curves for y in _heights(points, self.right)]
        self.top, low, bottom = max(y for _, y in shown), *(min(y for _, y in s) for s in (shown, compared))
        self.bottom = bottom if self.top - low > _WORTH_CUTTING * (self.top - bottom) > 0 else low
        self.left = min(x for x, y in shown if y >= self.bottom) / 1.1 if self.logarithmic else 0.0

    def apply(self, axes: Any) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

        margin = 0.04 * (self.top - self.bottom) or 1.0
        if self.logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
        axes.set_xlim(self.left, self.right)
        axes.set_ylim(self.bottom - margin, self.top + margin)


def _beside(
    points: list[tuple[float, float]], others: Sequence[list[tuple[float, float]]]
) -> list[tuple[float, float]]:
    """The part of a curve that another has its rate or its quality in common with, or all if none has."""
    lines = [other for other in others if len(other) > 1]
    if not lines:
        return points
    first, last = min(other[0][0] for other in lines), max(other[-1][0] for other in lines)
    lowest, highest = (pick(y for other in lines for _, y in other) for pick in (min, max))
    turned = [(y, x) for x, y in points]
    start = min([first, *_heights(turned, lowest)])
    end = max([last, *_heights(turned, highest)])
    if all(y <= highest for _, y in points):
        end = points[-1][0]
    if all(y >= lowest for _, y in points):
        start = points[0][0]
    part = [(x, y) for x, y in points if start <= x <= end]
    part += [(x, y) for x in (start, end) for y in _heights(points, x)]
    return part or points


def _heights(points: list[tuple[float, float]], x: float) -> Iterable[float]:
    """Where a line from point to point passes x."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if min(x0, x1) <= x < max(x0, x1):
            yield y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _add_legend(figure: Any, axes: Any, curves: Sequence[list[tuple[float, float]]]) -> None:
    """In a corner that no line touches, else below the plot; lays the figure out."""
    if len(curves) <= _FEW:
        for corner in ("lower right", "upper left"):
            legend = _literal(axes.legend(loc=corner, framealpha=1, edgecolor="0.8", fancybox=False))
            figure.get_layout_engine().execute(figure)
            if not _touches(axes, legend, curves):
                return
            legend.remove()
    longest = max(len(text) for text in axes.get_legend_handles_labels()[1])
    width, height = figure.get_size_inches()
    columns = max(1, int(width / (0.55 + 0.06 * longest)))
    _literal(figure.legend(loc="outside lower center", ncols=columns, frameon=False))
    figure.set_figheight(height + 0.16 * math.ceil(len(curves) / columns))
    figure.get_layout_engine().execute(figure)


def _literal(legend: Any) -> Any:
    """The legend, with dollars in names taken for dollars."""
    for text in legend.get_texts():
        text.set_parse_math(False)
    return legend


def _touches(axes: Any, legend: Any, curves: Sequence[list[tuple[float, float]]]) -> bool:
    import numpy as np

    box = legend.get_window_extent().padded(0.03 * axes.figure.dpi)
    for points in curves:
        corners = axes.transData.transform(points)
        for start, end in pairwise(corners):
            line = start + np.linspace(0, 1, 50)[:, None] * (end - start)
            if ((line >= box.min) & (line <= box.max)).all(axis=1).any():
                return True
    return False


def _save(figure: Figure, path: Path, name: str) -> None:
    """In one drawing, where `Figure.savefig` takes two; without a date."""
    if name == "png":
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        FigureCanvasAgg(figure).print_png(path)
    elif name == "pdf":
        from matplotlib.backends.backend_pdf import FigureCanvasPdf

        FigureCanvasPdf(figure).print_pdf(path, metadata={"CreationDate": None})
    else:
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        FigureCanvasSVG(figure).print_svg(path, metadata={"Date": None})


@contextmanager
def _quiet_about_glyphs() -> Iterator[None]:
    """`font_note` says once what matplotlib says at each drawing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield
