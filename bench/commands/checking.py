"""`bench check` and `bench conformance`: gates for continuous integration."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import DatasetOption, JsonOption, ResultsOption, TimeoutOption


def check(
    dataset: DatasetOption,
    codec: Annotated[
        list[str] | None, typer.Option(help="Codec to judge; by default all that have a baseline.")
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(help="Rule such as bd-rate:psnr:1% or bpp:0.5%; repeat for several."),
    ] = None,
    baseline: Annotated[Path, typer.Option(help="Folder of baselines.")] = Path("results/baseline"),
    results: ResultsOption = Path("results"),
    update: Annotated[bool, typer.Option("--update", help="Make the results the baseline.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here.")] = None,
    json: JsonOption = False,
) -> None:
    """Judge results against a committed baseline.

    This is the gate. It exits with 0 (passed), 1 (worse) or 2 (can't judge).
    """
    from bench import check as gate
    from bench import console

    rules = gate.parse_rules(fail_on or [])
    if update:
        console.wrote(gate.update(results, baseline, codec or [], dataset))
        return
    report = gate.check(results, baseline, codec or [], dataset, rules)
    if junit is not None:
        gate.write_junit(report, junit)
    if json:
        console.json_document(report.to_dict())
    else:
        console.lines(gate.screen(report))
        console.on_github(gate.github_annotations(report))
    raise typer.Exit(report.exit_code)


def conformance(
    codec: Annotated[list[str], typer.Argument(help="Codecs to check: names, or a .yaml of one.")],
    timeout: TimeoutOption = 120,
    json: JsonOption = False,
) -> None:
    """Check that codecs keep the contract.

    That is of sizes, colours, determinism, damaged streams and more.
    """
    from bench import console
    from bench.run.conformance import conformance as verdicts_on

    runs = [(name, verdicts_on(name, timeout)) for name in codec]
    if json:
        document = {name: [asdict(verdict) for verdict in verdicts] for name, verdicts in runs}
        console.json_document(document)
        held = all(verdict["reason"] is None for verdicts in document.values() for verdict in verdicts)
    else:
        held = all([console.conformance(name, verdicts) for name, verdicts in runs])
    if not held:
        raise typer.Exit(1)
