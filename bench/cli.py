"""The command line. It only wires: a command reads its options, calls a module, prints what comes back."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.core.errors import BenchError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark image codecs, learned and conventional: rate, distortion, time, Bjontegaard deltas.",
)


DataOption = Annotated[
    Path | None, typer.Option(help="Folder of datasets; by default $BENCH_DATA, then the user's cache.")
]
DatasetOption = Annotated[str, typer.Option(help="Name of a dataset, or a folder of images.")]
MetricOption = Annotated[
    list[str] | None, typer.Option(help="Metric; repeat for several. By default psnr and ms_ssim.")
]
ResultsOption = Annotated[Path, typer.Option(help="Folder of results.")]
SuffixOption = Annotated[str | None, typer.Option(help="Codec; by default the file's suffix is its name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]


class Kind(StrEnum):
    codecs = "codecs"
    datasets = "datasets"
    metrics = "metrics"
    published = "published"


class ExportFormat(StrEnum):
    codec_compare = "codec-compare"


def _print_version(wanted: bool) -> None:
    if wanted:
        from bench import __version__

        print(f"codec-bench {__version__}")
        raise typer.Exit


@app.callback()
def bench(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """The callback makes the commands subcommands, however few there are."""


@app.command("list")
def list_command(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    name: Annotated[str | None, typer.Argument(help="Show all that is known of this one.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List codecs, datasets, metrics (what is usable here, and for what isn't, what to do) or published
    curves; with a name, all that is known of one."""
    from bench import console

    if kind is Kind.codecs:
        from bench import codecs

        items: Sequence[Mapping[str, object]] = codecs.describe()
    elif kind is Kind.datasets:
        from bench import datasets

        items = datasets.describe(data)
    elif kind is Kind.metrics:
        from bench import metrics

        items = metrics.describe()
    else:
        from bench.compare import published

        items = published.describe()
    if name is not None:
        items = console.named(kind, items, name)
    if json:
        console.json_document(items)
    elif name is not None:
        console.details(items)
    else:
        console.listing(kind, items)


@app.command()
def run(
    codec: Annotated[list[str], typer.Option(help="Codec to run, or a .yaml of one; repeat for several.")],
    dataset: DatasetOption,
    quality: Annotated[
        list[float] | None,
        typer.Option(help="Quality; repeat for several. By default those of the codec's curve."),
    ] = None,
    metric: MetricOption = None,
    images: Annotated[int | None, typer.Option(help="Take the first N images only.")] = None,
    resume: Annotated[
        str,
        typer.Option(help="Measure what is missing, only what failed, all anew, or none: only show."),
    ] = "missing",
    timeout: Annotated[float, typer.Option(help="Seconds that one encoding or decoding may take.")] = 3600,
    memory: Annotated[
        str | None,
        typer.Option(help="Memory that it may take, as 4G; by default 90 % of what is free, per job."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Run N at once; times are then marked, and not shown.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of each; by default cores / jobs.")] = None,
    timing: Annotated[
        bool, typer.Option("--timing", help="Times to quote: alone, pinned to cores, median of five.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="A new process for every encoding and decoding.")
    ] = False,
    unconfined: Annotated[
        bool, typer.Option("--unconfined", help="Let codecs write outside of their folder; rows say so.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep bitstreams and decoded pictures.")] = False,
    results: ResultsOption = Path("results"),
    data: DataOption = None,
) -> None:
    """Code a dataset, measure rate, distortion, times and memory, and keep a row for each image and quality.

    What is in the results already isn't measured again.
    """
    from bench import api, console
    from bench.run.settings import Settings

    settings = Settings(
        jobs=jobs, threads=threads, timeout=timeout, memory=memory, timing=timing, fresh=fresh,
        confined=not unconfined, keep=keep, resume=resume,
    )  # fmt: skip
    runs = api.plan(
        codec, dataset, qualities=quality or (), images=images, metrics=metric or (), settings=settings,
        results=results, data=data,
    )  # fmt: skip
    for planned in runs:
        console.slow(planned)
        steps = planned.execute()
        try:
            console.progress(f"{planned.name} on {planned.dataset.name}", len(planned.cells), steps)
        except KeyboardInterrupt:
            steps.close()
            console.stopped(planned.outcome)
            raise typer.Exit(130) from None
        console.outcome(planned)
    if not all(planned.outcome.complete for planned in runs):
        raise typer.Exit(1)


@app.command()
def score(
    codec: Annotated[list[str], typer.Option(help="Codec whose kept pictures to score; repeat for several.")],
    dataset: DatasetOption,
    metric: MetricOption = None,
    results: ResultsOption = Path("results"),
    data: DataOption = None,
) -> None:
    """Compute metrics from the pictures that `bench run --keep` kept, without coding again."""
    from bench import console, datasets, metrics
    from bench.results import Store
    from bench.results.names import name_of_codec
    from bench.run.rescore import Scored, rescore, rows_to_score

    wanted = tuple(metric or metrics.DEFAULT)
    metrics.check_ready(wanted)  # so that a typo is an error before a dataset is fetched
    store = Store(results)
    loaded = store.named(datasets.load(dataset, data))
    names = [name_of_codec(name, store, loaded.name) for name in codec]
    plans = [(name, rows_to_score(store, loaded, name)) for name in names]
    complete = True
    for name, rows in plans:
        done = Scored()
        title = f"scoring {name} on {loaded.name}"
        console.progress(title, len(rows), rescore(store, loaded, rows, wanted, done))
        console.scored(name, loaded.label, done)
        complete = complete and not (done.failures or done.not_kept)
    if not complete:
        raise typer.Exit(1)


@app.command()
def encode(
    picture: Annotated[Path, typer.Argument(help="Picture to encode.")],
    bitstream: Annotated[Path, typer.Argument(help="File to write, as out.ainn.")],
    codec: SuffixOption = None,
    quality: Annotated[float | None, typer.Option(help="By default in the middle of its curve.")] = None,
) -> None:
    """Encode one picture into a file: the bitstream and nothing else."""
    from bench.run import one_picture

    print(one_picture.encode(picture, bitstream, codec, quality))


@app.command()
def decode(
    bitstream: Annotated[Path, typer.Argument(help="File that `bench encode` wrote.")],
    picture: Annotated[Path, typer.Argument(help="PNG to write.")],
    codec: SuffixOption = None,
) -> None:
    """Decode a file into a picture."""
    from bench.run import one_picture

    print(one_picture.decode(bitstream, picture, codec))


@app.command()
def compare(
    codec: Annotated[
        list[str], typer.Argument(help="Codecs, file:PATH of a CSV, or published:NAME; the anchor last.")
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Dataset; by default every one on which all of them have results.")
    ] = None,
    metric: MetricOption = None,
    method: Annotated[str, typer.Option(help="Interpolation: pchip, cubic or akima.")] = "pchip",
    average: Annotated[
        str, typer.Option(help="Mean over images: usual (as papers), mean-of-db or db-of-mean.")
    ] = "usual",
    replicates: Annotated[int, typer.Option(help="Of the bootstrap; 0 for no intervals.", min=0)] = 1000,
    name: Annotated[
        str | None, typer.Option(help="Folder of the tables and plots; by default the codecs' names.")
    ] = None,
    results: ResultsOption = Path("results"),
    format: Annotated[
        list[str] | None, typer.Option(help="Of plots: png (the default), pdf, svg; repeat for several.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Print all tables, not only the BD-rates.")] = False,
    json: JsonOption = False,
) -> None:
    """Bjontegaard deltas of codecs against the last one named, with tables and plots on disk."""
    from bench import console
    from bench.compare.comparison import compare as compare_codecs
    from bench.report.plots import write_plots
    from bench.report.tables import write_tables

    if name is not None and not re.fullmatch(r"[\w+=-][\w.+=-]*", name):
        raise BenchError(f"--name is that of a folder, of letters, digits and - _ . + =, not '{name}'")
    comparisons = compare_codecs(
        codec, dataset, results, method=method, average=average, metrics=metric or None, replicates=replicates
    )
    if json:
        console.json_document(console.merged(comparisons))
        return
    for comparison in comparisons:
        folder = results / "compare" / comparison.dataset / (name or comparison.folder_name)
        paths = write_tables(comparison, folder) + write_plots(comparison, folder, format or ("png",))
        console.comparison(comparison, paths, full)


@app.command()
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
    """The gate: results against a committed baseline. Exits with 0 (passed), 1 (worse) or 2 (can't judge)."""
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


@app.command()
def conformance(
    codec: Annotated[list[str], typer.Argument(help="Codecs to check: names, or a .yaml of one.")],
    timeout: Annotated[float, typer.Option(help="Seconds that one encoding or decoding may take.")] = 120,
    json: JsonOption = False,
) -> None:
    """Check that codecs keep the contract: sizes, colours, determinism, damaged streams and more."""
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


@app.command()
def train(
    data: Annotated[
        Path, typer.Option(help="Folder of photos, or of .tar shards of photos; valid* is held out.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights.")],
    model: Annotated[
        str, typer.Option(help="ainn, or a model of CompressAI's zoo as a baseline: mbt2018-mean, ...")
    ] = "ainn",
    config: Annotated[
        str, typer.Option(help="Configuration of A-INN: compact, invcomp or paper.")
    ] = "compact",
    lambdas: Annotated[
        list[float] | None,
        typer.Option("--lambda", help="Weight of the distortion; repeat for one model of several rates."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Switch a module off: fdsm, cfrm, pdm, or couplings.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Length of the training, all slices together.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Length in steps; one seed, one result on a CPU.")] = None,
    stop_after: Annotated[float | None, typer.Option(help="Minutes after which this slice ends.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Checkpoint to go on from, exactly.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights to start from, with a fresh optimiser.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Crops in a step.", min=1)] = 8,
    crop: Annotated[int, typer.Option(help="Side of the crops, a multiple of 64.")] = 128,
    rate: Annotated[float, typer.Option(help="Learning rate of the transform.")] = 2e-4,
    entropy_first: Annotated[
        float, typer.Option(help="Share of the training for the entropy model alone, first.", min=0, max=0.5)
    ] = 0.12,
    entropy_last: Annotated[
        float, typer.Option(help="Share of the training for the entropy model alone, last.", min=0, max=1)
    ] = 0.0,
    precision: Annotated[str, typer.Option(help="float32, or bfloat16 where it is safe.")] = "float32",
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    record: Annotated[bool, typer.Option(help="On a GPU, record a step once and replay it.")] = True,
    compile: Annotated[bool, typer.Option(help="On a GPU, compile A-INN's coupling layers.")] = True,
    export_crops: Annotated[
        int, typer.Option(help="Crops to fit the decoder's filter and count symbols on, at the end.", min=1)
    ] = 64,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    validate_every: Annotated[int, typer.Option(help="Steps between validations.", min=1)] = 500,
) -> None:
    """Train an A-INN, or a baseline; leaves checkpoint, log and weights, at its end and at Ctrl-C."""
    from bench.training.command import TrainingJob, run_training
    from bench.training.plan import TrainingPlan

    plan = TrainingPlan(
        steps=steps, minutes=minutes, batch=batch, crop=crop, rate=rate, entropy_first=entropy_first,
        entropy_last=entropy_last, seed=seed, precision=precision, record=record, compile=compile,
        export_crops=export_crops,
    )  # fmt: skip
    job = TrainingJob(
        data=data, out=out, model=model, config=config, lambdas=tuple(lambdas or ()),
        without=tuple(without or ()), device=device, resume=resume, weights=weights,
        stop_after=stop_after, validate_every=validate_every,
    )  # fmt: skip
    run_training(plan, job)


@app.command()
def report(
    codec: Annotated[
        list[str], typer.Argument(help="Codecs, file:PATH of a CSV, or published:NAME; the anchor last.")
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Dataset; by default every one on which all of them have results.")
    ] = None,
    metric: MetricOption = None,
    method: Annotated[str, typer.Option(help="Interpolation: pchip, cubic or akima.")] = "pchip",
    average: Annotated[
        str, typer.Option(help="Mean over images: usual (as papers), mean-of-db or db-of-mean.")
    ] = "usual",
    replicates: Annotated[int, typer.Option(help="Of the bootstrap; 0 for no intervals.", min=0)] = 1000,
    pictures: Annotated[
        str, typer.Option(help="Images that the viewer shows: a number, or all; those that --keep kept.")
    ] = "6",
    single_file: Annotated[
        bool, typer.Option("--single-file", help="One file to mail, with the pictures in it.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; by default under --results.")] = None,
    results: ResultsOption = Path("results"),
    data: DataOption = None,
) -> None:
    """Write a page: plots to point at, tables, and pictures side by side. It opens from the disk."""
    from bench.report.page.anchors import Terms
    from bench.report.page.build import write_reports

    terms = Terms(tuple(metric or ()), method, average, replicates)
    for written in write_reports(
        codec, dataset, results, terms, out=out, images=pictures, single_file=single_file, data=data,
        tell=_on_stderr,
    ):  # fmt: skip
        print(written.summary())


@app.command()
def export(
    format: Annotated[ExportFormat, typer.Argument(help="Whose format: codec-compare is Google's page.")],
    codec: Annotated[list[str], typer.Argument(help="Measured codecs.")],
    dataset: DatasetOption,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; by default under --results.")] = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Write results in the format of another page."""
    from bench import console
    from bench.report.export import export_codec_compare

    console.wrote(export_codec_compare(codec, dataset, results, out, _on_stderr))


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Entry point of the console script: user errors become one sentence and exit code 2."""
    # Threads that wait must sleep: what they wait for may want the same core. torch reads this once.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signal.signal(signal.SIGTERM, _interrupt)  # ended by a scheduler, as by Ctrl-C: what is measured is kept
    try:
        app()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
