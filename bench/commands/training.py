"""`bench train`: weights for A-INN, or for a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.training.plan import TrainingPlan


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
    distortion: Annotated[str, typer.Option(help="What the lambdas weigh: mse, or ms-ssim.")] = "mse",
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Train A-INN whole, without each module, and as InvComp.")
    ] = False,
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
    rate: Annotated[float, typer.Option(help="Learning rate of the transform.")] = TrainingPlan.rate,
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
    fastest: Annotated[
        bool, typer.Option("--fastest", help="Time variants of a step first, and go on with the fastest.")
    ] = False,
    export_crops: Annotated[
        int, typer.Option(help="Crops to fit the decoder's filter and count symbols on, at the end.", min=1)
    ] = 64,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    validate_every: Annotated[int, typer.Option(help="Steps between validations.", min=1)] = 500,
) -> None:
    """Train an A-INN, or a baseline.

    Leaves checkpoint, log and weights, at its end and at Ctrl-C.
    """
    from bench.training.ablations import run_ablations
    from bench.training.command import TrainingJob, run_training
    from bench.training.plan import TrainingPlan

    plan = TrainingPlan(
        steps=steps, minutes=minutes, batch=batch, crop=crop, rate=rate, entropy_first=entropy_first,
        entropy_last=entropy_last, seed=seed, precision=precision, record=record, compile=compile,
        fastest=fastest,        export_crops=export_crops,
    )  # fmt: skip
    job = TrainingJob(
        data=data, out=out, model=model, config=config, lambdas=tuple(lambdas or ()),
        without=tuple(without or ()), distortion=distortion, device=device, resume=resume, weights=weights,
        stop_after=stop_after, validate_every=validate_every,
    )  # fmt: skip
    if ablations:
        run_ablations(plan, job)
    else:
        run_training(plan, job)
