"""Tables of curves and comparisons: on the screen by rich, in files as Markdown, CSV, LaTeX and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.compare.comparison import Comparison
from bench.compare.curves import Curve
from bench.compare.deltas import Delta
from bench.compare.fixed import View
from bench.core.whole_file import write_whole
from bench.metrics import DEFAULT, USUAL, Metric
from bench.metrics import get as get_metric
from bench.report import latex
from bench.report.cost_tables import costs, paretos
from bench.report.grid import Grid, markdown_table, number, one_line, screen, span, write_csv, writing
from bench.report.labels import image_count, with_unit

if TYPE_CHECKING:
    from rich.table import Table


def points_table(curve: Curve, title: str) -> Table:
    """The points of a curve, for the screen."""
    return screen(_points(curve, title))


def summary_tables(comparison: Comparison) -> list[Table]:
    """What is to be seen first, for the screen: BD-rates, and bytes of lossless codecs."""
    lossless = [screen(grid) for grid in _savings(comparison)]
    if lossless and all(delta.bd.bd_rate is None for delta in comparison.deltas):
        return lossless
    return [summary_table(comparison), *lossless]


def summary_table(comparison: Comparison) -> Table:
    """A row per codec: its BD-rates with 95 % intervals, for the screen; by many metrics a row for each."""
    wide = len(comparison.metrics) + len({mean.metric for mean in comparison.means}) <= _MOST_ACROSS
    return screen(_summary(comparison) if wide else _tall_summary(comparison))


def full_tables(comparison: Comparison) -> list[Table]:
    """All that the summary leaves out, for the screen: the deltas with overlap and points, single images,
    all codecs at fixed quality and at fixed rate, times and memory. Tables without a row are left out."""
    return [screen(grid) for grid in _grids(comparison)]


def pareto_tables(comparison: Comparison, axes: Sequence[str]) -> list[Table]:
    """BD-rate over each of these axes of `bench.compare.pareto.AXES`, for the screen."""
    return [screen(grid) for grid in paretos(comparison, axes)]


def write_tables(comparison: Comparison, folder: Path) -> list[Path]:
    """Write all tables of a comparison into a folder; returns the paths.

    ``table.md`` and ``table.tex`` are for humans. ``table.csv`` (`Comparison.records`), ``points.csv``,
    ``images.csv`` (deltas of single images) and ``comparison.json`` hold all digits.

    Raises:
        BenchError: the folder can't be written to.
    """
    contents = {
        "table.md": _markdown(comparison),
        "table.tex": _tex(comparison),
        "comparison.json": json.dumps(comparison.to_dict(), indent=2, allow_nan=False) + "\n",
    }
    records = {
        "table.csv": comparison.records(),
        "points.csv": list(_point_records(comparison)),
        "images.csv": list(_image_records(comparison)),
    }
    with writing(folder):
        for name, text in contents.items():
            write_whole(folder / name, text)
        for name, rows in records.items():
            write_csv(folder / name, rows)
    names = ("table.md", "table.csv", "points.csv", "images.csv", "table.tex", "comparison.json")
    return [folder / name for name in names]


def digits_of(values: Iterable[float | None]) -> int:
    """Decimals that tell values of a metric apart: two for decibels, four on a scale from 0 to 1."""
    return 2 if max((abs(value) for value in values if value is not None), default=0.0) >= 2 else 4


def _points(curve: Curve, title: str) -> Grid:
    known = {name for point in curve.points for name in point.db}
    metrics = [get_metric(name) for name in [*DEFAULT, *sorted(known.difference(DEFAULT))] if name in known]
    columns = ["quality", "bpp"]
    for metric in metrics:
        columns += [metric.title] * _has_scale(metric) + [with_unit(metric)]
    rows = []
    for point in curve.points:
        row = [f"{point.quality:g}", f"{point.bpp:.4f}"]
        for metric in metrics:
            row += [number(point.values.get(metric.name), ".5f")] * _has_scale(metric)
            row += [number(point.db.get(metric.name), ".3f")]
        rows.append([*row, number(point.encode_s, ".3f"), number(point.decode_s, ".3f")])
    return Grid(title, (*columns, "encode (s)", "decode (s)"), rows, left=())


def _summary(comparison: Comparison) -> Grid:
    deltas = {(delta.codec, delta.metric): delta for delta in comparison.deltas}
    columns = ["codec"]
    for metric in comparison.metrics:
        columns += [f"BD-rate (%), {get_metric(metric).title}", "95 % interval"]
    rows = []
    for codec in dict.fromkeys(delta.codec for delta in comparison.deltas):
        row, notes = [codec], [comparison.sampling.get(codec)]
        for metric in comparison.metrics:
            delta = deltas.get((codec, metric))
            if delta is None:
                row += ["", ""]
                continue
            interval = delta.interval.bd_rate if delta.interval else None
            row += [number(delta.bd.bd_rate, "+.2f"), span(interval, "+.2f")]
            if delta.bd.bd_rate is None:
                notes.append(delta.bd.reason)
        for mean in comparison.means:
            if mean.codec == codec:
                row += [number(mean.bd_rate, "+.2f"), span(mean.interval, "+.2f")]
        rows.append([*row, "; ".join(note for note in dict.fromkeys(notes) if note)])
    for name in dict.fromkeys(mean.metric for mean in comparison.means):
        columns += [f"mean BD-rate (%), {name}", "95 % interval"]
    if any(row[-1] for row in rows):
        columns.append("note")
    else:
        rows = [row[:-1] for row in rows]
    return Grid(_title(comparison), tuple(columns), rows)


_MOST_ACROSS = 4  # metrics that fit on a screen side by side


def _tall_summary(comparison: Comparison) -> Grid:
    rows = []
    for codec in dict.fromkeys(delta.codec for delta in comparison.deltas):
        for delta in comparison.deltas:
            if delta.codec == codec:
                ends = delta.interval.bd_rate if delta.interval else None
                title = get_metric(delta.metric).title
                rows.append(_summary_row(codec, title, delta.bd.bd_rate, ends, delta.bd.reason))
        for mean in comparison.means:
            if mean.codec == codec:
                title = f"mean, {mean.metric}"
                rows.append(_summary_row(codec, title, mean.bd_rate, mean.interval, mean.reason))
    return Grid(_title(comparison), ("codec", "metric", "BD-rate (%)", "95 % interval", "note"), rows)


def _summary_row(
    codec: str, title: str, rate: float | None, ends: tuple[float, float] | None, reason: str | None
) -> list[str]:
    return [codec, title, number(rate, "+.2f"), span(ends, "+.2f"), reason or ""]


def _deltas(comparison: Comparison) -> Grid:
    columns = (
        "codec", "metric", "BD-rate (%)", "95 % interval", "BD-metric", "95 % interval", "overlap (%)",
        "points", "note",
    )  # fmt: skip
    return Grid(_title(comparison), columns, [_delta_row(comparison, delta) for delta in comparison.deltas])


def _delta_row(comparison: Comparison, delta: Delta) -> list[str]:
    rate, gain = (delta.interval.bd_rate, delta.interval.bd_metric) if delta.interval else (None, None)
    notes = [comparison.sampling.get(delta.codec), delta.bd.reason]
    if delta.interval and not delta.bd.reason:
        notes.append(delta.interval.reason)
    return [
        delta.codec,
        with_unit(get_metric(delta.metric)),
        number(delta.bd.bd_rate, "+.2f"),
        span(rate, "+.2f"),
        number(delta.bd.bd_metric, "+.3f"),
        span(gain, "+.3f"),
        f"{100 * delta.bd.overlap:.0f}",
        "/".join(map(str, delta.bd.points)),
        "; ".join(note for note in notes if note),
    ]


def _means(comparison: Comparison) -> list[Grid]:
    """Of sets of metrics; none where none was asked for."""
    rows = [
        [
            mean.codec,
            mean.metric,
            number(mean.bd_rate, "+.2f"),
            span(mean.interval, "+.2f"),
            mean.reason or "",
        ]
        for mean in comparison.means
    ]
    columns = ("codec", "metric", "mean BD-rate (%)", "95 % interval", "note")
    return [Grid("Means of the BD-rates by sets of metrics", columns, rows)] if rows else []


def _savings(comparison: Comparison) -> list[Grid]:
    """Of lossless codecs; none unless the anchor and another are such."""
    columns = (
        "codec", "bpp", "saving (%)", "95 % interval", "best image", "worst image", "encode (MP/s)",
        "decode (MP/s)",
    )  # fmt: skip
    rows = [
        [
            saving.codec,
            f"{saving.bpp:.4f}",
            number(saving.saving, "+.2f"),
            span(saving.interval, "+.2f"),
            *(f"{end.image} {end.saving:+.2f}" for end in saving.images[:1] + saving.images[-1:]),
            *([""] * (0 if saving.images else 2)),
            number(saving.encode_speed, ".2f"),
            number(saving.decode_speed, ".2f"),
        ]
        for saving in comparison.savings
    ]
    title = f"Lossless: bytes saved against {comparison.anchor}"
    return (
        [Grid(f"{title} on {comparison.dataset}, {image_count(comparison)}", columns, rows, left=("codec",))]
        if rows
        else []
    )


def _single_points(comparison: Comparison) -> list[Grid]:
    """Of curves of too few points for a delta; none where there are no such."""
    columns = (
        "codec", "metric", "point of", "quality", "bpp", "value", "rate at that quality (%)",
        "gain at that rate",
    )  # fmt: skip
    rows = [
        [
            delta.codec,
            with_unit(get_metric(delta.metric)),
            gap.codec,
            f"{gap.quality:g}",
            f"{gap.bpp:.4f}",
            number(gap.value, ".3f"),
            number(gap.rate, "+.2f"),
            number(gap.gain, "+.3f"),
        ]
        for delta in comparison.deltas
        for gap in delta.points
    ]
    title = f"Single points against {comparison.anchor}"
    return [Grid(title, columns, rows, left=("codec", "metric", "point of"))] if rows else []


def _images(comparison: Comparison) -> Grid:
    columns = ("codec", "metric", "BD-rate (%)", "mean of images", "images", "best image", "worst image")
    rows = []
    for delta in comparison.deltas:
        ranked = delta.ranked
        rows.append(
            [
                delta.codec,
                get_metric(delta.metric).title,
                number(delta.bd.bd_rate, "+.2f"),
                number(delta.mean_bd_rate, "+.2f"),
                f"{len(ranked)} of {len(delta.images)}" if delta.images else "",
                *(f"{end.image} {end.bd.bd_rate:+.2f}" for end in ranked[:1] + ranked[-1:]),
                *([""] * (0 if ranked else 2)),
            ]
        )
    return Grid("BD-rates of single images", columns, rows, left=("codec", "metric"))


def _views(comparison: Comparison) -> list[Grid]:
    return [_view(view) for view in comparison.views if view.lines]


def _view(view: View) -> Grid:
    metric = get_metric(view.metric)
    codecs = [entry.codec for entry in view.lines[0].entries]
    if view.fixed == "quality":
        title, first = f"bpp at fixed {metric.title}, percent against {codecs[-1]}", with_unit(metric)
        value_form, gap_form = ".3f", "+.1f"
    else:
        title, first = f"{with_unit(metric)} at fixed rate, difference from {codecs[-1]}", "bpp"
        digits = digits_of(entry.value for line in view.lines for entry in line.entries)
        value_form, gap_form = f".{digits}f", f"+.{digits}f"
    rows = [
        [
            f"{line.at:g}",
            *(
                number(entry.value, value_form)
                + (f" ({entry.gap:{gap_form}})" if entry.gap is not None else "")
                for entry in line.entries
            ),
        ]
        for line in view.lines
    ]
    return Grid(title, (first, *codecs), rows, left=())


def _title(comparison: Comparison) -> str:
    return f"Against {comparison.anchor} on {comparison.dataset}, {image_count(comparison)}"


def _grids(comparison: Comparison) -> list[Grid]:
    """All tables but those of points."""
    grids = [_deltas(comparison), *_savings(comparison), *_means(comparison), *_single_points(comparison)]
    if any(delta.images for delta in comparison.deltas):
        grids.append(_images(comparison))
    return [*grids, *_views(comparison), costs(comparison)]


def _explanation(comparison: Comparison) -> list[str]:
    lines = [
        f"Negative BD-rates are savings. Interpolated by {comparison.method}. Deltas of a metric are on its "
        "scale of decibels, where it has one: that of MS-SSIM is -10 log10(1 - MS-SSIM).",
    ]
    if comparison.average != USUAL:
        lines.append(f"Means over images: {comparison.average}.")
    if any(delta.interval for delta in comparison.deltas):
        lines.append("Intervals are over images: how far a figure would move on others of the same kind.")
    lines += [f"Warning: {warning}." for warning in comparison.warnings]
    lines += [f"Note: {note}." for note in comparison.notes]
    return lines + [f"{codec} is {version}." for codec, version in comparison.versions.items()]


def _markdown(comparison: Comparison) -> str:
    first, *others = _grids(comparison)
    lines = [f"# {first.title}", "", *markdown_table(first), ""]
    for line in _explanation(comparison):
        lines += [one_line(line), ""]
    for grid in others + [_points(curve, curve.codec) for curve in comparison.curves]:
        lines += [f"## {grid.title}", "", *markdown_table(grid), ""]
    return "\n".join(lines)


def _tex(comparison: Comparison) -> str:
    tables = [
        latex.table(grid.title, grid.columns, grid.rows, grid.left)
        for grid in _grids(comparison) + [_points(curve, curve.codec) for curve in comparison.curves]
    ]
    return latex.HEADER + "\n".join(tables)


def _image_records(comparison: Comparison) -> Iterable[dict[str, Any]]:
    for delta in comparison.deltas:
        for image in delta.images:
            yield {
                "dataset": comparison.dataset,
                "anchor": comparison.anchor,
                "codec": delta.codec,
                "metric": delta.metric,
                "image": image.image,
                "bd_rate": image.bd.bd_rate,
                "bd_metric": image.bd.bd_metric,
                "overlap": image.bd.overlap,
                "reason": image.bd.reason,
            }


def _point_records(comparison: Comparison) -> Iterable[dict[str, Any]]:
    for curve in comparison.curves:
        for point in curve.points:
            yield {
                "dataset": comparison.dataset,
                "codec": curve.codec,
                "quality": point.quality,
                "bpp": point.bpp,
                **point.values,
                **{f"{name}_curve": value for name, value in point.db.items()},
                "images": point.images,
                "encode_s": point.encode_s,
                "decode_s": point.decode_s,
                "encode_memory": point.encode_memory,
                "decode_memory": point.decode_memory,
            }


def _has_scale(metric: Metric) -> bool:
    """Whether curves are drawn on another scale than the metric's own."""
    return type(metric).in_db is not Metric.in_db
