"""`bench train`: from names to a trained model, and what is printed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from bench.codecs.ainn.config import CONFIGS, DISTORTIONS, MSE, AinnConfig
from bench.codecs.compressai_zoo import ARCHITECTURES as ZOO
from bench.core.errors import BenchError, first_line
from bench.training.log import PARTS
from bench.training.plan import TrainingPlan
from bench.training.trainer import CHECKPOINT, LOG, WEIGHTS, Trainer
from bench.training.zoo_learner import ZooConfig

# How each module of the paper is switched off.
ABLATIONS: dict[str, dict[str, Any]] = {
    "fdsm": {"fdsm": False},
    "cfrm": {"cfrm": False},
    "pdm": {"pdm": False},
    "couplings": {"couplings": 0},
}


def configure(
    model: str, name: str, lambdas: tuple[float, ...], without: tuple[str, ...], distortion: str = MSE
) -> AinnConfig | ZooConfig:
    """The configuration of a model: A-INN's by name, with other lambdas or without modules; or a zoo model's.

    >>> configure("ainn", "compact", (0.02, 0.01), ("pdm",)).lambdas
    (0.01, 0.02)
    >>> configure("ainn", "paper", (), (), "ms-ssim").lambdas
    (16.64,)

    Raises:
        BenchError: no such model, configuration or module, or options that the model doesn't have.
    """
    if distortion not in DISTORTIONS:
        raise BenchError(f"no distortion '{distortion}' to train for; there are {', '.join(DISTORTIONS)}")
    if model in ZOO:
        if without or name != "compact":
            raise BenchError(f"--config and --without are A-INN's; {model} has none")
        return ZooConfig.of(model, lambdas, distortion)
    if model != "ainn":
        raise BenchError(f"no model '{model}' to train; there are ainn, {', '.join(ZOO)}")
    if name not in CONFIGS:
        raise BenchError(f"no configuration '{name}'; there are {', '.join(sorted(CONFIGS))}")
    config = CONFIGS[name].for_distortion(distortion)
    if lambdas:
        config = config.with_options(lambdas=tuple(sorted(lambdas)))
    for module in without:
        if module not in ABLATIONS:
            raise BenchError(f"'{module}' can't be switched off; --without takes {', '.join(ABLATIONS)}")
        config = config.with_options(**ABLATIONS[module])
    return config


@dataclass(frozen=True)
class TrainingJob:
    """What to train on what, and where. The plan, which decides the outcome, is apart: `TrainingPlan`.

    Args:
        data: folder of photos, or of .tar shards of photos; ``valid*`` is held out.
        out: folder for checkpoint, log and weights.
        model: "ainn", or a model of CompressAI's zoo as a baseline.
        config: name of A-INN's configuration.
        lambdas: weights of the distortion; none: those of the configuration.
        without: modules of A-INN to switch off, names of `ABLATIONS`.
        distortion: what the lambdas weigh, "mse" or "ms-ssim".
        device: "cpu", "cuda", ...
        resume: checkpoint to go on from, exactly.
        weights: weights to start from, with a fresh optimiser.
        stop_after: minutes after which this slice ends; None: when the plan is done.
        validate_every: steps between validations.
    """

    data: Path
    out: Path
    model: str = "ainn"
    config: str = "compact"
    lambdas: tuple[float, ...] = ()
    without: tuple[str, ...] = ()
    distortion: str = MSE
    device: str = "cpu"
    resume: Path | None = None
    weights: Path | None = None
    stop_after: float | None = None
    validate_every: int = 500


def run_training(plan: TrainingPlan, job: TrainingJob) -> None:
    """Train as planned and print where the results lie.

    Raises:
        BenchError: no photos, no such device, unreadable checkpoint, or `out` holds a training already.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    config = configure(job.model, job.config, job.lambdas, job.without, job.distortion)
    _, done = train_model(config, plan, job, console)
    state = "done" if done else f"not done; go on with --resume {job.out / CHECKPOINT}"
    console.print(f"{state}. weights: {job.out / WEIGHTS}, log: {job.out / LOG}")


def train_model(
    config: AinnConfig | ZooConfig, plan: TrainingPlan, job: TrainingJob, console: Console
) -> tuple[Trainer, bool]:
    """Train a model of this configuration, whatever the job says of it, and print rows of the log.

    Returns:
        What holds the trained model, and whether the plan is done.

    Raises:
        BenchError: as `run_training`.
    """
    out, resume = job.out, job.resume
    if resume is None and (out / CHECKPOINT).exists():
        raise BenchError(
            f"{out} holds a training already; go on with --resume {out / CHECKPOINT}, or take another --out"
        )
    if resume is not None and not resume.is_file():
        raise BenchError(f"no checkpoint at {resume}; give the {CHECKPOINT} that an earlier training left")
    if out.exists() and not out.is_dir():
        raise BenchError(f"{out} is a file; give --out a folder")
    _check_device(job.device)
    trainer = Trainer(config, plan, job.data, job.device)
    if resume is not None:
        trainer.resume(resume)
    elif job.weights is not None:
        trainer.start_from(job.weights)
        if job.lambdas and trainer.learner.lambdas != tuple(sorted(job.lambdas)):
            known = ", ".join(f"{value:g}" for value in trainer.learner.lambdas)
            raise BenchError(f"{job.weights} is for lambdas of {known}, and keeps them; leave --lambda out")
    parameters = sum(p.numel() for p in trainer.model.parameters())
    console.print(
        f"{config.name}: {parameters / 1e6:.2f} M parameters, for {trainer.learner.distortion}, "
        f"{len(trainer.crops)} photos, "
        f"{len(trainer.validation)} for validation, {job.device}, {plan.precision}"
    )
    if plan.precision == "bfloat16" and job.device == "cpu" and _lacks_bfloat16():
        console.print("this CPU computes no bfloat16 by itself: steps take many times as long as in float32")
    try:
        done = trainer.run(
            out, job.stop_after, job.validate_every, lambda row: console.print(_describe(row)), console.print
        )
    except OSError as error:
        raise BenchError(
            f"can't write to {out} ({error.strerror}); make room, and go on with --resume {out / CHECKPOINT} "
            "if that is there"
        ) from error
    return trainer, done


def _check_device(device: str) -> None:
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error)[:120]
        raise BenchError(f"can't train on device '{device}' ({reason}); take --device cpu") from error


def _lacks_bfloat16() -> bool:
    """Whether oneDNN, which runs convolutions on a CPU, emulates bfloat16: without AVX-512, a step
    took 28 seconds instead of 3.4."""
    return torch.backends.mkldnn.is_available() and not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _describe(row: dict[str, Any]) -> str:
    parts = [f"step {row['step']}", f"{row['minutes']:.1f} min", row["phase"]]
    if "loss" in row:
        similar = f", MS-SSIM {row['ms_ssim']:.4f}" if "ms_ssim" in row else ""
        parts.append(f"loss {row['loss']:.3f}, {row['bpp']:.3f} bpp, {row['psnr']:.2f} dB{similar}")
        parts.append(f"{row['patches_per_second']:.0f} patches/s")
    if row["steps_back"]:
        parts.append(f"stepped back {row['steps_back']} times after bad steps, rates halved each time")
    if "valid_loss" in row:
        parts.append(
            f"validation: loss {row['valid_loss']:.4f}, "
            f"{row['valid_bpp']:.4f} bpp, {row['valid_psnr']:.3f} dB, MS-SSIM {row['valid_ms_ssim']:.5f}"
        )
        if "train_loss" in row:
            parts.append(f"as many training photos: loss {row['train_loss']:.4f}")
        if "loss" in row:
            parts.append(", ".join(f"{part} {row[f'{part}_share']:.0%}" for part in PARTS) + " of the time")
    return " | ".join(parts)
