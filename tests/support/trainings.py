"""Trainings of a tiny model, for the tests of training, and what they leave."""

from __future__ import annotations

import csv
import os
import signal
from pathlib import Path
from typing import Any

import torch
from tiny import TINY

from bench.training.plan import TrainingPlan
from bench.training.trainer import CHECKPOINT, LOG, Trainer

# Steps 0 to 2 are of the first phase, 3 to 5 train everything, 6 to 8 are of the last.
PLAN = TrainingPlan(
    steps=9, batch=1, crop=64, rate=1e-3, entropy_first=0.3, entropy_last=0.35, export_crops=4
)

State = dict[str, Any]


def train(
    photos: Path,
    out: Path,
    plan: TrainingPlan = PLAN,
    resume: bool = False,
    stop_at: int | None = None,
    validate_every: int = 1,
    device: str = "cpu",
) -> State:
    """Train a tiny model, with Ctrl-C pressed before step `stop_at` ends; the checkpoint that is left."""
    trainer = Trainer(TINY, plan, photos, device)
    if resume:
        trainer.resume(out / CHECKPOINT)

    def press(row: dict[str, Any]) -> None:
        if stop_at is not None and row["step"] == stop_at - 1:
            os.kill(os.getpid(), signal.SIGINT)

    done = trainer.run(out, validate_every=validate_every, report=press)
    assert done == (stop_at is None)
    return checkpoint(out)


def checkpoint(out: Path) -> State:
    state: State = torch.load(out / CHECKPOINT, weights_only=True)
    return state


def log(out: Path) -> list[dict[str, str]]:
    with (out / LOG).open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same(a: Any, b: Any, path: str = "") -> None:
    """Bit by bit, through dictionaries and lists."""
    assert type(a) is type(b), path
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), path
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_same(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), path
        for index, pair in enumerate(zip(a, b, strict=True)):
            assert_same(*pair, f"{path}/{index}")
    else:
        assert a == b, path


def without_time(state: State) -> State:
    return {name: value for name, value in state.items() if name != "seconds"}
