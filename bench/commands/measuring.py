"""`bench run` and `bench score`: rows of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import (
    DataOption,
    DatasetOption,
    MetricOption,
    ResultsOption,
    TargetBppOption,
    TargetOption,
    TimeoutOption,
)
from bench.core.errors import BenchError


def run(
    codec: Annotated[list[str], typer.Option(help="Codec to run, or a .yaml of one; repeat for several.")],
    dataset: DatasetOption,
    quality: Annotated[
        list[float] | None,
        typer.Option(help="Quality; repeat for several. By default those of the codec's curve."),
    ] = None,
    target_bpp: TargetBppOption = None,
    target: TargetOption = None,
    metric: MetricOption = None,
    images: Annotated[int | None, typer.Option(help="Take the first N images only.")] = None,
    resume: Annotated[
        str,
        typer.Option(help="Measure what is missing, only what failed, all anew, or none: only show."),
    ] = "missing",
    timeout: TimeoutOption = 3600,
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
        bool, typer.Option("--unconfined", help="Let codecs read and write everywhere; rows say so.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep bitstreams and decoded pictures.")] = False,
    shard: Annotated[
        str | None, typer.Option(help="Measure this part of the images, as 2/8; bench merge joins them.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Workers that measure: local:4, slurm:8, tls://host:8786 or a scheduler's .json."),
    ] = None,
    results: ResultsOption = Path("results"),
    data: DataOption = None,
) -> None:
    """Code a dataset; keep a row for each image and quality.

    A row has rate, distortion, times and memory. What is in the results already isn't measured again.
    """
    from bench import api, console
    from bench.results.targets import parse_targets
    from bench.run.settings import Settings
    from bench.run.shard import Shard

    settings = Settings(
        jobs=jobs, threads=threads, timeout=timeout, memory=memory, timing=timing, fresh=fresh,
        confined=not unconfined, keep=keep, resume=resume,
    )  # fmt: skip
    if cluster is not None and jobs > 1:
        raise BenchError("--jobs is for this machine alone; with --cluster, start more workers")
    with api.workers(cluster) as machines:
        runs = api.plan(
            codec, dataset, qualities=quality or (), targets=parse_targets(target_bpp or (), target or ()),
            images=images, metrics=metric or (), settings=settings, results=results, data=data,
            shard=Shard.of(shard) if shard else None, machines=machines,
        )  # fmt: skip
        for planned in runs:
            console.slow(planned)
            steps = planned.execute()
            try:
                console.progress(f"{planned.name} on {planned.dataset.name}", planned.total, steps)
            except KeyboardInterrupt:
                steps.close()
                console.stopped(planned.outcome)
                raise typer.Exit(130) from None
            console.outcome(planned)
    if not all(planned.complete for planned in runs):
        raise typer.Exit(1)


def worker(
    address: Annotated[
        str, typer.Argument(help="Of the scheduler: tls://host:8786, tcp://127.0.0.1:8786, or its .json.")
    ],
    name: Annotated[str | None, typer.Option(help="Name of this worker.")] = None,
    lifetime: Annotated[
        float | None, typer.Option(help="Seconds after which this worker will be ended by others.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Take an address that is neither local nor encrypted.")
    ] = False,
) -> None:
    """Measure cells for `bench run --cluster`, one at a time, until the scheduler ends."""
    from bench.run.cluster.worker import serve

    serve(address, name, lifetime, insecure)


def score(
    codec: Annotated[list[str], typer.Option(help="Codec whose kept pictures to score; repeat for several.")],
    dataset: DatasetOption,
    metric: MetricOption = None,
    results: ResultsOption = Path("results"),
    data: DataOption = None,
) -> None:
    """Score the pictures that `bench run --keep` kept.

    Nothing is coded again.
    """
    from bench import console, datasets, metrics
    from bench.results import Store
    from bench.results.names import name_of_codec
    from bench.run.rescore import Scored, rescore, rows_to_score

    wanted = tuple(metrics.expand(metric or metrics.DEFAULT))
    metrics.check_ready(wanted)  # so that a typo is an error before a dataset is fetched
    store = Store(results)
    loaded = store.named(datasets.load(dataset, data))
    names = [name_of_codec(name, [store], loaded.name) for name in codec]
    plans = [(name, rows_to_score(store, loaded, name)) for name in names]
    complete = True
    for name, rows in plans:
        done = Scored()
        title = f"scoring {name} on {loaded.name}"
        console.progress(title, len(rows), rescore(store, loaded, rows, wanted, done))
        console.scored(name, loaded.name, done)
        complete = complete and not (done.failures or done.not_kept)
    if not complete:
        raise typer.Exit(1)


def merge(
    folder: Annotated[list[Path], typer.Argument(help="Folders of results, such as those of shards.")],
    into: Annotated[Path, typer.Option(help="Folder of results that all go to.")] = Path("results"),
) -> None:
    """Bring results of several machines together.

    The newest row of each cell counts, and nothing comes twice.
    """
    from bench import console
    from bench.results.merge import merge as merge_results

    console.merged_results(merge_results(folder, into))


def crosscheck(
    codec: Annotated[list[str], typer.Option(help="Codec whose bitstreams to check; repeat for several.")],
    dataset: DatasetOption,
    quality: Annotated[
        list[float] | None, typer.Option(help="Quality; repeat. By default all of its curve.")
    ] = None,
    images: Annotated[int | None, typer.Option(help="Take the first N images only.")] = None,
    results: ResultsOption = Path("results"),
    data: DataOption = None,
) -> None:
    """Decode bitstreams of one setup by others: threads, an old CPU's instructions, no oneDNN.

    Bitstreams that `bench run --keep` kept are taken, also those of another machine.
    """
    from bench import console, datasets
    from bench.results import Store
    from bench.results.crosschecks import Verdict
    from bench.run.crosscheck import Crosschecks

    loaded, store = datasets.load(dataset, data, images), Store(results)
    plans = [Crosschecks(name, loaded, store, quality or ()) for name in codec]
    for plan in plans:
        console.crosschecked(plan)
    if any(check.verdict is Verdict.derailed for plan in plans for check in plan.checks):
        raise typer.Exit(1)
