"""The command line. It only wires: each command reads its options, calls one module, prints what came back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench.errors import BenchError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Benchmark image codecs, learned and conventional: rate, distortion, time, Bjontegaard deltas.",
)


@app.callback()
def bench() -> None:
    pass


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder of photos, or of .tar shards of photos; valid* is held out.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log and weights.")],
    config: Annotated[str, typer.Option(help="Configuration of the model: compact or paper.")] = "compact",
    lambdas: Annotated[
        list[float] | None,
        typer.Option("--lambda", help="Weight of the distortion; repeat for one model of several rates."),
    ] = None,
    without: Annotated[
        list[str] | None, typer.Option(help="Switch a module off: fdsm, cfrm, pdm, or couplings.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="Length of the training, all slices together.")] = None,
    steps: Annotated[int | None, typer.Option(help="Length in steps; one seed, one result on a CPU.")] = None,
    stop_after: Annotated[float | None, typer.Option(help="Minutes after which this slice ends.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Checkpoint to go on from, exactly.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights to start from, with a fresh optimiser.")] = None,
    batch: Annotated[int, typer.Option(help="Crops in a step.", min=1)] = 8,
    crop: Annotated[int, typer.Option(help="Side of the crops, a multiple of 64.")] = 128,
    rate: Annotated[float, typer.Option(help="Learning rate of the transform.")] = 2e-4,
    entropy_first: Annotated[
        float, typer.Option(help="Share of the training for the entropy model alone, first.", min=0, max=0.5)
    ] = 0.12,
    entropy_last: Annotated[
        float, typer.Option(help="Share of the training for the entropy model alone, last.", min=0, max=0.5)
    ] = 0.1,
    precision: Annotated[str, typer.Option(help="float32, or bfloat16 where it is safe.")] = "float32",
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    validate_every: Annotated[int, typer.Option(help="Steps between validations.", min=1)] = 500,
) -> None:
    """Train an A-INN; leaves a checkpoint, a log as CSV and the weights, at its end and at Ctrl-C."""
    from bench.training.command import run_training
    from bench.training.trainer import TrainingPlan

    plan = TrainingPlan(
        steps=steps, minutes=minutes, batch=batch, crop=crop, rate=rate, entropy_first=entropy_first,
        entropy_last=entropy_last, seed=seed, precision=precision,
    )  # fmt: skip
    run_training(
        plan, data, out, config, tuple(lambdas or ()), tuple(without or ()), device,
        resume, weights, stop_after, validate_every,
    )  # fmt: skip


def main() -> None:
    """Entry point of the console script: user errors become one sentence and exit code 2."""
    try:
        app()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
