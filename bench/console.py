"""What the command line prints: tables and JSON on stdout, progress and remarks on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench.compare.comparison import Comparison
from bench.compare.curves import cell_of, curve
from bench.report.tables import costs_table, deltas_table, images_table, points_table, views_tables
from bench.run.conformance import Verdict
from bench.run.measurer import Cell
from bench.run.rescore import Scored
from bench.run.runner import Outcome, Run

MOST_FAILURES = 10  # that are told one by one


def json_document(content: Any) -> None:
    """One JSON document, and nothing else on stdout."""
    print(json.dumps(content, indent=2, allow_nan=False))


def merged(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """One object for all: ``dataset`` is a name, or a list of names where there are several."""
    if len(comparisons) == 1:
        return comparisons[0].to_dict()
    return {
        "anchor": comparisons[0].anchor,
        "dataset": [each.dataset for each in comparisons],
        "images": [each.images for each in comparisons],
        "rows": [row for each in comparisons for row in each.rows()],
    }


def listing(kind: str, items: Sequence[Mapping[str, Any]]) -> None:
    """A table of codecs, datasets or metrics."""
    columns = {
        "codecs": ("name", "usable", "version", "qualities", "parameters", "summary", "note"),
        "datasets": ("name", "split", "count", "present", "usable", "licence", "note"),
        "metrics": ("name", "usable", "title", "unit", "by", "note"),
        "published": ("name", "dataset", "split", "points", "metrics", "version", "title"),
    }[kind]
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for item in items:
        table.add_row(*(_text(item[column]) for column in columns))
    _stdout().print(table)


def progress(title: str, total: int, steps: Iterable[Any]) -> None:
    """Go through the steps behind a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        for _ in steps:
            bar.advance(task)


def slow(run: Run, cells: Sequence[Cell]) -> None:
    """How long a run of a slow codec will take, before it starts."""
    if seconds := run.seconds(cells):
        minutes = max(2, round(seconds / 60))
        told = f"{seconds / 3600:.1f} hours" if minutes > 90 else f"{minutes} minutes"
        stderr = Console(stderr=True, highlight=False, soft_wrap=True)
        stderr.print(f"{run.name} is slow: its {len(cells)} cells take some {told} on two cores")


def outcome(run: Run, done: Outcome) -> None:
    """The table of a run, how much of it is new, and what failed."""
    if done.rows:
        title = f"{run.name} on {run.dataset.label}, mean over images"
        _stdout().print(points_table(curve(run.name, map(cell_of, done.rows)), title))
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    stderr.print(f"{done.measured} measured, {len(done.rows) - done.measured} were in the results already")
    for metric in run.metrics:
        if missing := sum(row.metrics.get(metric) is None for row in done.rows):
            stderr.print(f"{metric} isn't defined for {missing} of the pictures, as when they are too small")
    if done.measured and not all(row.alone for row in done.rows):
        stderr.print("times were taken while other work went on; they are marked, and left out of tables")
    for failure in done.failures[:MOST_FAILURES]:
        what = f"{failure.image} at quality {failure.quality:g}"
        stderr.print(f"failed: {what}: {failure.side}: {failure.reason}", markup=False)
    if len(done.failures) > MOST_FAILURES:
        stderr.print(f"... and {len(done.failures) - MOST_FAILURES} more failed")
    if done.untried:
        stderr.print(f"{done.untried} not measured, as --resume {run.resume} asks")


def stopped(done: Outcome) -> None:
    """What Ctrl-C leaves."""
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    stderr.print(f"stopped; {done.measured} measured and kept, run again for the rest")


def scored(codec: str, dataset: str, done: Scored) -> None:
    """The table of what was scored, and what could not be."""
    if done.rows:
        title = f"{codec} on {dataset}, mean over images"
        _stdout().print(points_table(curve(codec, map(cell_of, done.rows)), title))
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    if done.not_kept:
        stderr.print(
            f"{len(done.not_kept)} pictures aren't kept; make them with: bench run --keep --resume all"
        )
    for failure in done.failures[:MOST_FAILURES]:
        stderr.print(f"failed: {failure}", markup=False)


def conformance(name: str, verdicts: Iterable[Verdict]) -> bool:
    """Each verdict as it comes, and how many hold; returns whether all do."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(name, style="bold", markup=False)
    found = []
    for verdict in verdicts:
        found.append(verdict)
        if verdict.reason is None:
            console.print(f"  holds   {verdict.check}", markup=False)
        else:
            console.print(f"  BROKEN  {verdict.check}: {verdict.reason}", style="red", markup=False)
    held = sum(verdict.reason is None for verdict in found)
    console.print(f"  {held} of {len(found)} hold", markup=False)
    return held == len(found)


def lines(texts: Iterable[Any]) -> None:
    """Lines of rich text, as wide as they are."""
    console = Console(highlight=False, soft_wrap=True)
    for text in texts:
        console.print(text)


def on_github(texts: Iterable[str]) -> None:
    """Commands to GitHub's runner, where it is there."""
    if os.environ.get("GITHUB_ACTIONS"):
        for text in texts:
            print(text)


def wrote(paths: Iterable[Path]) -> None:
    """Where files were written."""
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for path in paths:
        stderr.print(f"wrote {path}", markup=False)


def comparison(result: Comparison, paths: Sequence[Path]) -> None:
    """The deltas, views and costs, remarks, and where the files lie."""
    stdout = _stdout()
    for table in (
        deltas_table(result), images_table(result), *views_tables(result), costs_table(result)
    ):  # fmt: skip
        stdout.print(table)
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for warning in result.warnings:
        stderr.print(f"warning: {warning}", markup=False)
    for note in result.notes:
        stderr.print(f"note: {note}", markup=False)
    names = ", ".join(path.name for path in paths)
    stderr.print(f"wrote {names} to {paths[0].parent}", markup=False)


def _stdout() -> Console:
    # In a pipe rich would squeeze every table into 80 columns.
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=140)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return " ".join(item if isinstance(item, str) else f"{item:g}" for item in value)
    return str(value)
