"""What the command line prints: tables and JSON on stdout, progress and remarks on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench.compare import Comparison
from bench.curves import curve
from bench.runner import Outcome, Run
from bench.tables import deltas_table, points_table

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
        "codecs": ("name", "usable", "version", "qualities", "summary", "note"),
        "datasets": ("name", "split", "count", "present", "usable", "licence", "note"),
        "metrics": ("name", "title", "unit", "by"),
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


def outcome(run: Run, done: Outcome) -> None:
    """The table of a run, how much of it is new, and what failed."""
    if done.rows:
        title = f"{run.codec} on {run.dataset.label}, mean over images"
        _stdout().print(points_table(curve(run.codec, done.rows), title))
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    stderr.print(f"{done.measured} measured, {len(done.rows) - done.measured} were in the results already")
    for failure in done.failures[:MOST_FAILURES]:
        cell = failure.cell
        stderr.print(f"failed: {cell.image.name} at quality {cell.quality:g}: {failure.reason}", markup=False)
    if len(done.failures) > MOST_FAILURES:
        stderr.print(f"... and {len(done.failures) - MOST_FAILURES} more failed")


def stopped(done: Outcome) -> None:
    """What Ctrl-C leaves."""
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    stderr.print(f"stopped; {done.measured} measured and kept, run again for the rest")


def comparison(result: Comparison, paths: Sequence[Path]) -> None:
    """The deltas, remarks, and where the files lie."""
    _stdout().print(deltas_table(result))
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for note in result.notes:
        stderr.print(f"note: {note}", markup=False)
    for path in paths:
        stderr.print(f"wrote {path}", markup=False)


def _stdout() -> Console:
    # In a pipe rich would squeeze every table into 80 columns.
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=140)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return " ".join(f"{item:g}" for item in value)
    return str(value)
