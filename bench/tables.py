"""Tables: on the screen by rich, in files as Markdown and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from bench.compare import Comparison
from bench.curves import Curve
from bench.metrics import METRICS

POINT_COLUMNS = ("quality", "bpp", "PSNR (dB)", "MS-SSIM", "MS-SSIM (dB)", "encode (s)", "decode (s)")
DELTA_COLUMNS = ("codec", "metric", "BD-rate (%)", "BD-metric (dB)", "overlap (%)", "points", "note")


def points_table(curve: Curve, title: str) -> Table:
    """The points of a curve, for the screen."""
    return _screen(title, POINT_COLUMNS, _point_cells(curve), left=())


def deltas_table(comparison: Comparison) -> Table:
    """The deltas of a comparison, for the screen."""
    return _screen(
        _title(comparison), DELTA_COLUMNS, _delta_cells(comparison), left=("codec", "metric", "note")
    )


def write_tables(comparison: Comparison, folder: Path) -> list[Path]:
    """Write ``table.md`` (deltas and points), ``table.csv`` (deltas), ``points.csv``; returns their paths."""
    import pandas

    folder.mkdir(parents=True, exist_ok=True)
    markdown, deltas, points = (folder / name for name in ("table.md", "table.csv", "points.csv"))
    markdown.write_text(_markdown(comparison), encoding="utf-8")
    rows = [row | {"points": "/".join(map(str, row["points"]))} for row in comparison.rows()]
    pandas.DataFrame(rows).to_csv(deltas, index=False)
    rows = [
        {"dataset": comparison.dataset, "codec": curve.codec} | vars(point)
        for curve in comparison.curves
        for point in curve.points
    ]
    pandas.DataFrame(rows).to_csv(points, index=False)
    return [markdown, deltas, points]


def _markdown(comparison: Comparison) -> str:
    lines = [f"# {_title(comparison)}", ""]
    lines += _markdown_table(DELTA_COLUMNS, _delta_cells(comparison))
    lines += [
        "",
        "Negative BD-rates are savings. Deltas of MS-SSIM are of its decibels, -10 log10(1 - MS-SSIM).",
    ]
    lines += [f"Note: {note}." for note in comparison.notes]
    for curve in comparison.curves:
        lines += ["", f"## {curve.codec}", ""]
        lines += _markdown_table(POINT_COLUMNS, _point_cells(curve))
    return "\n".join(lines) + "\n"


def _title(comparison: Comparison) -> str:
    images = "1 image" if comparison.images == 1 else f"{comparison.images} images"
    return f"Against {comparison.anchor} on {comparison.dataset}, {images}"


def _point_cells(curve: Curve) -> list[list[str]]:
    return [
        [
            f"{point.quality:g}",
            f"{point.bpp:.4f}",
            f"{point.psnr:.3f}",
            _number(point.ms_ssim, ".5f"),
            _number(point.in_db("ms_ssim"), ".3f"),
            f"{point.encode_s:.3f}",
            f"{point.decode_s:.3f}",
        ]
        for point in curve.points
    ]


def _delta_cells(comparison: Comparison) -> list[list[str]]:
    return [
        [
            delta.codec,
            METRICS[delta.metric].title,
            _number(delta.bd.bd_rate, "+.2f"),
            _number(delta.bd.bd_metric, "+.3f"),
            f"{100 * delta.bd.overlap:.0f}",
            "/".join(map(str, delta.bd.points)),
            delta.bd.reason or "",
        ]
        for delta in comparison.deltas
    ]


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _screen(title: str, columns: Sequence[str], rows: list[list[str]], left: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in left else "right", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _markdown_table(columns: Sequence[str], rows: list[list[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]
