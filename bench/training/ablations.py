"""`bench train --ablations`: A-INN whole, without each of its modules, and as InvComp, trained alike.

Everything lies in one folder, a subfolder for each variant, and is gone on from wherever it was ended.
Variants are compared on the held-out photos, by the rates that coding them would take.
"""

from __future__ import annotations

import csv
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.codecs.ainn.config import AinnConfig
from bench.compare.curves import Curve, MeasuredCell, curve
from bench.compare.deltas import delta_of
from bench.core.errors import BenchError
from bench.core.whole_file import write_whole
from bench.report.grid import Grid, markdown_table, number, span, write_csv
from bench.training.command import ABLATIONS, TrainingJob, configure, train_model
from bench.training.photos import load_validation
from bench.training.plan import TrainingPlan
from bench.training.trainer import CHECKPOINT, VALIDATION_SIDE, WEIGHTS, Trainer

WHOLE = "whole"
VARIANTS: dict[str, dict[str, Any]] = {
    WHOLE: {},
    **{f"no-{module}": options for module, options in ABLATIONS.items()},
    "invcomp": {"split": True, "fdsm": False, "cfrm": False, "ms_cfrm": False, "pdm": False},
}
TABLE, POINTS, PLAN = "ablations.md", "points.csv", "plan.json"  # what is left in the folder, beside weights
METRICS = ("psnr", "ms_ssim")
COLUMNS = (
    "variant", "parameters (M)", "steps", "minutes", "loss", "bpp", "PSNR (dB)",
    "BD-rate (%), PSNR", "95 % interval", "BD-rate (%), MS-SSIM", "95 % interval",
)  # fmt: skip
_FREE = (
    "record",
    "compile",
    "fastest",
    "export_crops",
)  # of a plan: what doesn't decide what is learned


def run_ablations(plan: TrainingPlan, job: TrainingJob) -> None:
    """Train all variants as planned, each for itself, and write a table of them into `job.out`.

    Called again with the same plan, the command goes on where it was ended.

    Args:
        job: `out` is the folder of all; `stop_after` counts for all variants together.

    Raises:
        BenchError: as `run_training`; or an option that ablations can't have, no photo held out, or `out`
            holds ablations by another plan.
    """
    whole = _whole(job)
    if not len(load_validation(job.data, VALIDATION_SIDE)):
        raise BenchError(
            f"ablations are compared on photos that are held out, and {job.data} has none; call some of them "
            f"valid*, with sides of at least {VALIDATION_SIDE} pixels"
        )
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    _keep_plan(plan, job)
    began = time.monotonic()
    for name, options in VARIANTS.items():
        out = job.out / name
        if (out / POINTS).is_file():
            continue
        left = None if job.stop_after is None else max(0.0, job.stop_after - (time.monotonic() - began) / 60)
        checkpoint = out / CHECKPOINT
        variant = replace(job, out=out, stop_after=left, resume=checkpoint if checkpoint.is_file() else None)
        console.print(f"{name}:")
        trainer, done = train_model(whole.with_options(**options), plan, variant, console)
        if not done:
            console.print(f"not done; go on with the same command. So far: {job.out}")
            return
        write_whole(job.out / f"{name}.pt", (out / WEIGHTS).read_bytes())
        write_csv(out / POINTS, _points(trainer))
        write_whole(job.out / TABLE, "\n".join(markdown_table(_table(job.out))) + "\n")
    print((job.out / TABLE).read_text("utf-8"), end="")
    console.print(f"done. table: {job.out / TABLE}, weights: {job.out}/*.pt")


def _whole(job: TrainingJob) -> AinnConfig:
    for option, given in (("--resume", job.resume), ("--weights", job.weights), ("--without", job.without)):
        if given:
            raise BenchError(
                f"--ablations trains each variant from its start, and goes on by itself; leave {option} out"
            )
    config = configure(job.model, job.config, job.lambdas, (), job.distortion)
    if not isinstance(config, AinnConfig) or config.split:
        raise BenchError("--ablations is A-INN's; leave --model out, and take --config compact or paper")
    return config


def _keep_plan(plan: TrainingPlan, job: TrainingJob) -> None:
    """Write the plan down, so that all variants follow the same one."""
    asked = {name: value for name, value in asdict(plan).items() if name not in _FREE}
    asked |= {"config": job.config, "lambdas": list(job.lambdas), "distortion": job.distortion}
    path = job.out / PLAN
    if path.is_file():
        before = json.loads(path.read_text("utf-8"))
        other = [f"{name} {before.get(name)}" for name, value in asked.items() if before.get(name) != value]
        if other:
            raise BenchError(
                f"{job.out} holds ablations with {', '.join(other)}; go on with that, or take another --out"
            )
        return
    job.out.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asked, indent=1) + "\n")


def _points(trainer: Trainer) -> list[dict[str, Any]]:
    """A record for each held-out photo at each lambda, of the averaged weights."""
    keys = ("loss", "bpp", *METRICS)
    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    facts = {"parameters": parameters, "steps": trainer.step, "minutes": round(trainer.seconds / 60, 2)}
    return [
        {"lambda": lambda_, "photo": photo} | dict(zip(keys, figures, strict=True)) | facts
        for lambda_, rows in zip(trainer.learner.lambdas, trainer.held_out().tolist(), strict=True)
        for photo, figures in enumerate(rows)
    ]


def _table(folder: Path) -> Grid:
    """A row for each variant that is done, its BD-rates against the whole model."""
    curves: dict[str, Curve] = {}
    rows = []
    for name in VARIANTS:
        path = folder / name / POINTS
        if not path.is_file():
            continue
        with path.open(newline="") as file:
            records = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        curves[name] = curve(name, map(_cell, records))
        means = {key: sum(record[key] for record in records) / len(records) for key in records[0]}
        row = [name, f"{means['parameters'] / 1e6:.2f}", f"{means['steps']:.0f}", f"{means['minutes']:.1f}"]
        row += [f"{means['loss']:.4f}", f"{means['bpp']:.4f}", f"{means['psnr']:.2f}"]
        for metric in METRICS:
            row += _bd_cells(curves[name], curves[WHOLE], metric)
        rows.append(row)
    return Grid("Ablations", COLUMNS, rows, left=("variant",))


def _cell(record: dict[str, float]) -> MeasuredCell:
    photo = f"{record['photo']:.0f}"
    values = {metric: record[metric] if record[metric] == record[metric] else None for metric in METRICS}
    return MeasuredCell(photo, photo, record["lambda"], record["bpp"], values)


def _bd_cells(tested: Curve, anchor: Curve, metric: str) -> list[str]:
    """The BD-rate and its interval; empty for the anchor itself."""
    if tested is anchor:
        return ["", ""]
    delta = delta_of(tested, anchor, metric, "pchip")
    interval = delta.interval.bd_rate if delta.interval else None
    return [number(delta.bd.bd_rate, "+.2f") or str(delta.bd.reason), span(interval, "+.2f")]
