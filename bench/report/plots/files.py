"""The files of a comparison's plots."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.compare.comparison import Comparison
from bench.core.errors import BenchError
from bench.core.whole_file import write_whole
from bench.report.grid import writing
from bench.report.plots import bars, pareto, rate_distortion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
DPI = 300  # of PNG

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


def write_plots(
    comparison: Comparison,
    folder: Path,
    formats: Sequence[str] = ("png",),
    *,
    highlight: Sequence[str] = (),
    log_rate: bool = False,
    costs: Sequence[str] = (),
) -> list[Path]:
    """Write ``rd-<metric>.png`` (or another format) for each metric of the deltas, and ``bd-rate.png``.

    The same comparison gives the same bytes.

    Args:
        formats: of `FORMATS`.
        highlight: codecs that stand out, by the names of their curves; the others are muted.
        log_rate: whether rate is logarithmic in any case.
        costs: of `bench.compare.pareto.AXES`; for each ``pareto-<cost>-<metric>.png``, BD-rate over cost.

    Returns:
        The paths. A plot that has nothing to show isn't written.

    Raises:
        BenchError: unknown format or codec, or the folder can't be written to.
    """
    for name in formats:
        if name not in FORMATS:
            raise BenchError(f"unknown format of plots '{name}': choose one of {', '.join(FORMATS)}")
    _refuse_unknown(comparison, highlight)
    import matplotlib

    paths = []
    with writing(folder), matplotlib.rc_context(_STYLE), _quiet_about_glyphs():
        for stem, drawn in _plots(comparison, highlight, log_rate, costs):
            for name in dict.fromkeys(formats):
                path = folder / f"{stem}.{name}"
                write_whole(path, _drawn(drawn, name))
                paths.append(path)
    return paths


def figure(
    comparison: Comparison, metric: str, highlight: Sequence[str] = (), log_rate: bool = False
) -> Figure:
    """The rate-distortion plot of one metric, as `write_plots` draws it; `Figure.savefig` saves it.

    Raises:
        BenchError: no curve has a point by the metric, or unknown codec.
    """
    import matplotlib

    _refuse_unknown(comparison, highlight)
    with matplotlib.rc_context(_STYLE), _quiet_about_glyphs():
        drawn = rate_distortion.draw(comparison, metric, highlight, log_rate)
    if drawn is None:
        there = [name for name in comparison.metrics if rate_distortion.ranked(comparison, name)]
        raise BenchError(f"no curve has a point by '{metric}'; draw one of {', '.join(there) or 'none'}")
    return drawn


def _plots(
    comparison: Comparison, highlight: Sequence[str], log_rate: bool, costs: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """Each plot, one after the other, with the stem of its file's name."""
    for metric in comparison.metrics:
        if drawn := rate_distortion.draw(comparison, metric, highlight, log_rate, DPI):
            yield f"rd-{metric}", drawn
    if drawn := bars.draw(comparison, highlight, DPI):
        yield "bd-rate", drawn
    for cost in costs:
        for metric in comparison.metrics:
            if drawn := pareto.draw(comparison, metric, cost, highlight, DPI):
                yield f"pareto-{cost}-{metric}", drawn


def _refuse_unknown(comparison: Comparison, highlight: Sequence[str]) -> None:
    known = [curve.codec for curve in comparison.curves]
    for name in highlight:
        if name not in known:
            raise BenchError(f"can't highlight '{name}', which isn't compared; choose of {', '.join(known)}")


def _drawn(figure: Figure, name: str) -> bytes:
    """The file of a plot, in one drawing, where `Figure.savefig` takes two; without a date."""
    file = io.BytesIO()
    if name == "png":
        _save_png(figure, file)
    elif name == "pdf":
        from matplotlib.backends.backend_pdf import FigureCanvasPdf

        FigureCanvasPdf(figure).print_pdf(file, metadata={"CreationDate": None})
    else:
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})
    return file.getvalue()


def _save_png(figure: Figure, file: io.BytesIO) -> None:
    """With a palette: a third of the bytes of matplotlib's own PNG, in half of the time."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with_palette = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = with_palette.getpalette() or []
    ground = 3 * int(np.asarray(with_palette)[0, 0])
    palette[ground : ground + 3] = [255] * 3  # it is rounded, as others are, by a step or two
    with_palette.putpalette(palette)
    with_palette.save(file, "PNG", dpi=(DPI, DPI))


@contextmanager
def _quiet_about_glyphs() -> Iterator[None]:
    """`font_note` says once what matplotlib says at each drawing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        yield
