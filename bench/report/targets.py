"""Tables of codecs at targets: what a run reached, and how codecs compare there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from bench.compare.at_targets import RATE, TargetComparison
from bench.core.whole_file import write_whole
from bench.core.words import first_few
from bench.metrics import get as get_metric
from bench.report.grid import Grid, markdown_table, screen, write_csv, writing
from bench.report.labels import with_unit
from bench.results import Row

if TYPE_CHECKING:
    from rich.table import Table

    from bench.run.target_run import Match, TargetRun


def targets_table(run: TargetRun) -> Table:
    """A row for each target: means over the pictures, how far these are off, encodings a picture took."""
    metrics = [get_metric(name) for name in run.metrics]
    columns = (
        "target",
        "images",
        "quality",
        "bpp",
        "off",
        "off, most",
        *map(with_unit, metrics),
        "encodings",
    )
    rows = []
    for target in run.targets:
        matches = [match for match in run.matches if match.target == target]
        found = [(match, match.row) for match in matches if match.row is not None]
        if not found:
            rows.append(
                [target.title, "0", *[""] * (len(columns) - 3), str(sum(m.encodings for m in matches))]
            )
            continue
        own = [row for _, row in found]
        qualities = sorted(row.quality for row in own)
        offs = [off for match, _ in found if (off := match.off) is not None]
        unit = " %" if target.metric is None else ""
        digits = 2 if target.metric is None else 3
        rows.append(
            [
                target.title,
                str(len(own)),
                f"{qualities[0]:g}"
                if qualities[0] == qualities[-1]
                else f"{qualities[0]:g} to {qualities[-1]:g}",
                f"{fmean(row.bpp for row in own):.4f}",
                f"{fmean(offs):+.{digits}f}{unit}",
                f"{max(offs, key=abs):+.{digits}f}{unit}",
                *(_mean(metric.name, own) for metric in metrics),
                f"{sum(match.encodings for match in matches) / len(matches):.1f}",
            ]
        )
    where = f"shard {run.shard} of {run.dataset.name}" if run.shard else run.dataset.label
    title = f"{run.name} on {where}, each picture at its own quality"
    return screen(Grid(title, columns, rows, left=("target",)))


def comparison_tables(comparison: TargetComparison) -> list[Table]:
    """A table for each target, for the screen."""
    return [screen(grid) for grid in _grids(comparison)]


def write_comparison(comparison: TargetComparison, folder: Path) -> list[Path]:
    """Write ``targets.md``, ``targets.csv`` (a row for each picture) and ``targets.json``; returns the paths.

    Raises:
        BenchError: the folder can't be written to.
    """
    lines = []
    for grid in _grids(comparison):
        lines += [f"## {grid.title}", "", *markdown_table(grid), ""]
    lines += [f"Note: {note}." for note in comparison.notes]
    paths = [folder / name for name in ("targets.md", "targets.csv", "targets.json")]
    with writing(folder):
        write_whole(paths[0], "\n".join(lines) + "\n")
        write_csv(paths[1], comparison.pictures)
        text = json.dumps(comparison.to_dict(), indent=2, allow_nan=False)
        write_whole(paths[2], text + "\n")
    return paths


def _grids(comparison: TargetComparison) -> Iterator[Grid]:
    for target in comparison.targets:
        own = [entry for entry in comparison.entries if entry.target == str(target)]
        if not own:
            continue
        figures = list(dict.fromkeys(entry.figure for entry in own))
        columns = ["codec", "off"]
        for figure in figures:
            title = "bpp" if figure == RATE else with_unit(get_metric(figure))
            columns += [title, "gap (%)" if figure == RATE else "gap", "95 % interval"]
        rows = []
        for codec in comparison.codecs:
            entries = {entry.figure: entry for entry in own if entry.codec == codec}
            unit = " %" if target.metric is None else ""
            row = [codec, f"{entries[figures[0]].off:+.2f}{unit}"]
            for figure in figures:
                entry = entries[figure]
                digits, gap_digits = (4, 2) if figure == RATE else (3, 3)
                row += [
                    f"{entry.value:.{digits}f}",
                    "" if entry.gap is None else f"{entry.gap:+.{gap_digits}f}",
                ]
                ends = entry.interval
                row += ["" if ends is None else f"{ends[0]:+.{gap_digits}f} to {ends[1]:+.{gap_digits}f}"]
            rows.append(row)
        images = "1 image" if own[0].images == 1 else f"{own[0].images} images"
        yield Grid(
            f"At {target.title} against {comparison.anchor} on {comparison.dataset}, {images}",
            tuple(columns), rows, left=("codec",),
        )  # fmt: skip


def beyond_reach(run: TargetRun) -> Iterator[str]:
    """Which targets the codec missed, and on which pictures."""
    for target in run.targets:
        far = [match for match in run.matches if match.target == target and _is_far(match)]
        if far:
            names = first_few([match.image.name for match in far])
            where = f"{len(far)} of {len(run.images)} images: {names}"
            yield f"{run.name} doesn't come near {target.title} on {where}"


def _is_far(match: Match) -> bool:
    return match.row is None or not match.target.is_near(match.row)


def _mean(metric: str, rows: Sequence[Row]) -> str:
    values = [row.metrics.get(metric) for row in rows]
    known = [value for value in values if value is not None]
    return f"{get_metric(metric).mean_in_db(known):.3f}" if len(known) == len(values) else ""
