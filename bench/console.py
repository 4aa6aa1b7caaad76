"""What the command line prints: tables and JSON on stdout, progress and remarks on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bench.core.errors import BenchError

if TYPE_CHECKING:
    from bench.compare.at_targets import TargetComparison
    from bench.compare.comparison import Comparison
    from bench.results.merge import Merged
    from bench.run.conformance import Verdict
    from bench.run.crosscheck import Crosschecks
    from bench.run.rescore import Scored
    from bench.run.runner import Outcome, Run

MOST_FAILURES = 10  # that are printed one by one


def json_document(content: Any) -> None:
    """One JSON document, and nothing else on stdout."""
    print(json.dumps(content, indent=2, allow_nan=False))


def merged(comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """One object for all: ``dataset`` is a name, or a list of names where there are several."""
    if len(comparisons) == 1:
        return comparisons[0].to_dict()
    return {
        "anchor": comparisons[0].anchor,
        "dataset": [comparison.dataset for comparison in comparisons],
        "images": [comparison.images for comparison in comparisons],
        "rows": [row for comparison in comparisons for row in comparison.rows()],
    }


def listing(kind: str, items: Sequence[Mapping[str, Any]]) -> None:
    """A table of codecs, datasets, metrics or published curves, what is usable here first."""
    columns, titles = {
        "codecs": (("name", "summary"), "what it is"),
        "datasets": (("name", "split", "count", "present", "licence"), "licence"),
        "metrics": (("name", "better", "unit", "summary"), "what it measures"),
        "published": (("name", "dataset", "points", "metrics", "title"), "title"),
    }[kind]
    usable = [item for item in items if item.get("usable", True)]
    console = _stdout(width=100)
    console.print(_table(columns, usable, last=titles))
    if lacking := [item for item in items if not item.get("usable", True)]:
        console.print(_table(("name", "note"), lacking, last="not usable here: what to do"))
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"more of one: bench list {kind} NAME")


def named(kind: str, items: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The items of that name: one, or for published curves one for each dataset.

    Raises:
        BenchError: there is none.
    """
    if chosen := [item for item in items if item["name"] == name]:
        return chosen
    names = list(dict.fromkeys(str(item["name"]) for item in items))
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    raise BenchError(f"{kind}: there is none called '{name}'; {hint}`bench list {kind}` shows all")


def with_complexity(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A codec of `bench list codecs NAME`, its complexity in words for each quality."""
    if "complexity" not in item:
        return item
    known = {key: value for key, value in item.items() if key != "complexity"}
    if not item["complexity"]:
        return known | {"multiply_adds": "none: no networks"}
    lines = []
    for line in item["complexity"]:
        text = (
            f"quality {line['quality']:g}: {line['encode_multiply_adds'] / 1e3:.1f} kMAC/pixel to encode, "
            f"{line['decode_multiply_adds'] / 1e3:.1f} to decode"
        )
        if line.get("model_parameters"):
            text += f"; {line['model_parameters'] / 1e6:.1f} M parameters"
        if line.get("model_bytes"):
            text += f", {line['model_bytes'] / 2**20:.1f} MiB of weights"
        if line.get("trained_for"):
            text += f", trained for {line['trained_for']}"
        lines.append(text)
    return known | {"complexity": "\n".join(lines)}


def details(items: Sequence[Mapping[str, Any]]) -> None:
    """All that is known of items, a line for each fact."""
    for item in items:
        table = Table(show_header=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for key, value in item.items():
            if _text(value):
                table.add_row(key.replace("_", " "), Text(_text(value)))
        _stdout().print(table)


def progress(title: str, total: int, steps: Iterable[Any], every_s: float = 30) -> None:
    """Go through steps behind a progress bar; in a log, where no bar can be, print a line now and then.

    Args:
        every_s: seconds between lines in a log.
    """
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    if not stderr.is_terminal:
        _progress_lines(stderr, title, total, steps, every_s)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr) as bar:
        task = bar.add_task(title, total=total)
        for _ in steps:
            bar.advance(task)


def remark(text: str) -> None:
    """A line on stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


def slow(run: Run) -> None:
    """How long a run of a slow codec will take, before it starts."""
    if seconds := run.seconds():
        stderr = Console(stderr=True, highlight=False, soft_wrap=True)
        cells = f"its {len(run.cells)} cells take about {_duration(max(seconds, 120))}"
        stderr.print(f"{run.name} is slow: {cells} on two cores", markup=False)


def outcome(run: Run) -> None:
    """The table of a run, how much of the run is new, and what failed."""
    from bench.run.target_run import TargetRun

    done = run.outcome
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    if isinstance(run, TargetRun):
        from bench.report.targets import beyond_reach, targets_table

        _stdout().print(targets_table(run))
        for line in beyond_reach(run):
            stderr.print(line, markup=False)
    elif done.rows:
        _print_points(run, stderr)
    for note in run.dataset.notes:
        stderr.print(f"note: {note}", markup=False)
    if isinstance(run, TargetRun):
        stderr.print(f"{done.measured} encodings; rows are in {run.store.folder}", markup=False)
    else:
        stderr.print(
            f"{done.measured} measured, {len(done.rows) - done.measured} were in the results already"
        )
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
        stderr.print(f"{done.untried} not measured, as --resume {run.settings.resume} asks")


def stopped(done: Outcome) -> None:
    """What Ctrl-C leaves."""
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    stderr.print(f"stopped; {done.measured} measured and kept, run again for the rest")


def scored(codec: str, dataset: str, done: Scored) -> None:
    """The table of what was scored, and what could not be."""
    from bench.compare.curves import cell_of, curve
    from bench.report.tables import points_table

    if done.rows:
        images = len({row.image_sha256 for row in done.rows})
        title = f"{codec} on {dataset}, mean over {'1 image' if images == 1 else f'{images} images'}"
        _stdout().print(points_table(curve(codec, map(cell_of, done.rows)), title))
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    if done.not_kept:
        stderr.print(
            f"{len(done.not_kept)} pictures aren't kept; make them with: bench run --keep --resume all"
        )
    for failure in done.failures[:MOST_FAILURES]:
        stderr.print(f"failed: {failure}", markup=False)


def crosschecked(plan: Crosschecks) -> None:
    """A row for each setup that decoded, after a line for bitstreams that have no picture there."""
    from bench.results.crosschecks import summary

    progress(f"{plan.name} on {plan.dataset.name}", plan.most, plan.execute())
    for check in [check for check in plan.checks if check.reason][:MOST_FAILURES]:
        remark(f"{check.image} at quality {check.quality:g}, by {check.read_by}: {check.reason}")
    table = Table(title=f"{plan.name} on {plan.dataset.name}: decodes elsewhere", title_justify="left")
    for column in ("written by", "read by", "picture"):
        table.add_column(column)
    for column in ("bitstreams", "least PSNR, dB"):
        table.add_column(column, justify="right")
    for written, read in dict.fromkeys((check.written_by, check.read_by) for check in plan.checks):
        checks = [check for check in plan.checks if (check.written_by, check.read_by) == (written, read)]
        psnr = min((check.psnr for check in checks if check.psnr is not None), default=None)
        table.add_row(written, read, summary(checks), str(len(checks)), "" if psnr is None else f"{psnr:.2f}")
    _stdout().print(table)


def conformance(name: str, verdicts: Iterable[Verdict]) -> bool:
    """Each verdict as it comes, and how many hold; returns whether all do."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(name, style="bold", markup=False)
    seen = []
    for verdict in verdicts:
        seen.append(verdict)
        if verdict.reason is None:
            console.print(f"  holds   {verdict.check}", markup=False)
        else:
            console.print(f"  BROKEN  {verdict.check}: {verdict.reason}", style="red", markup=False)
    held = sum(verdict.reason is None for verdict in seen)
    console.print(f"  {held} of {len(seen)} hold", markup=False)
    return held == len(seen)


def merged_results(done: Merged) -> None:
    """What a merge brought, and which cells two runs disagree on."""
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for conflict in done.conflicts[:MOST_FAILURES]:
        stderr.print(f"conflict: {conflict}", markup=False)
    if len(done.conflicts) > MOST_FAILURES:
        stderr.print(f"... and {len(done.conflicts) - MOST_FAILURES} more conflicts")
    wrote(done.files)
    stderr.print(
        f"{done.added} rows added, {done.replaced} replaced by newer ones, {done.known} were there already"
        + (f"; kept bitstreams or pictures of {done.kept} rows came along" if done.kept else "")
    )


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


def comparison(
    result: Comparison, paths: Sequence[Path], full: bool = False, costs: Sequence[str] = ()
) -> None:
    """The BD-rates (with `full` all tables), remarks, and where the files lie."""
    from bench.report.plots.looks import font_note
    from bench.report.tables import full_tables, pareto_tables, summary_tables

    stdout = _stdout()
    more = full_tables(result) if full else []
    for table in [*summary_tables(result), *more, *pareto_tables(result, costs)]:
        stdout.print(table)
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for warning in result.warnings:
        stderr.print(f"warning: {warning}", markup=False)
    for note in [*result.notes, *filter(None, [font_note(result)])]:
        stderr.print(f"note: {note}", markup=False)
    names = ", ".join(path.name for path in paths)
    stderr.print(f"wrote {names} to {paths[0].parent}", markup=False)
    if not full:
        stderr.print("for all tables on the screen, add --full", markup=False)


def at_targets(result: TargetComparison, paths: Sequence[Path]) -> None:
    """Codecs at targets, what is left out, and where the files lie."""
    from bench.report.targets import comparison_tables

    for table in comparison_tables(result):
        _stdout().print(table)
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for note in result.notes:
        stderr.print(f"note: {note}", markup=False)
    stderr.print(f"wrote {', '.join(path.name for path in paths)} to {paths[0].parent}", markup=False)


def _print_points(run: Run, stderr: Console) -> None:
    """The points of a run, all of them over the same images: those that have every quality."""
    from bench.compare.curves import cell_of, curve, whole_curves
    from bench.report.tables import points_table

    cells = [cell_of(row) for row in run.outcome.rows]
    images, qualities = whole_curves(cell.place for cell in cells)
    whole = [cell for cell in cells if cell.image in images and cell.quality in qualities]
    title = f"{run.name} on {run.dataset.label}, mean over images"
    if run.shard:
        title = f"{run.name} on shard {run.shard} of {run.dataset.name}, mean over {len(run.images)} images"
    if lacking := sorted(image.name for image in run.images if image.sha256 not in images):
        title = f"{run.name} on {len(images)} of the images of {run.dataset.name}, mean over them"
        names = ", ".join(lacking[:MOST_FAILURES]) + (" and others" if len(lacking) > MOST_FAILURES else "")
        stderr.print(f"left out of the table, as figures are missing: {names}", markup=False)
    _stdout().print(points_table(curve(run.name, whole), title))


def _progress_lines(stderr: Console, title: str, total: int, steps: Iterable[Any], every_s: float) -> None:
    began = last = time.monotonic()
    for done, _ in enumerate(steps, start=1):
        now = time.monotonic()
        if now - last >= every_s and done < total:
            left = _duration((now - began) / done * (total - done))
            stderr.print(f"{title}: {done} of {total} cells, {left} left", markup=False)
            last = now


def _duration(seconds: float) -> str:
    """Roughly, for people: "40 seconds", "12 minutes", "2.5 hours"."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 3600:.1f} hours" if seconds > 90 * 60 else f"{seconds / 60:.0f} minutes"


def _table(columns: Sequence[str], items: Sequence[Mapping[str, Any]], last: str) -> Table:
    """A table within 100 columns in a pipe; the last column takes what is left."""
    table = Table()
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True)
    table.add_column(last, overflow="fold")
    for item in items:
        table.add_row(*(Text(_text(item[column])) for column in columns))
    return table


def _stdout(width: int = 140) -> Console:
    """To print tables; in a pipe rich would squeeze tables into 80 columns."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=width)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return " ".join(item if isinstance(item, str) else f"{item:g}" for item in value)
    return str(value)
