"""Muon beside Adam: a small A-INN trained from its head start, by equal steps and equal CPU time.

    python experiments/optimisers.py path/to/photos --steps 600

Muon (K. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) takes the place of Adam for the
weights of convolutions, each seen as a matrix of outputs by all else; Adam keeps biases, gains, factors of z
and the rotations. Its step has the size that Adam's usually has (J. Liu et al. 2025, arXiv 2502.16982), so
that the learning rates mean the same. Prints a line for each optimiser and rate: CPU seconds a step, and the
validation's loss along the way.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.codecs.ainn.config import COMPACT, SubnetShape
from bench.training import trainer
from bench.training.plan import TrainingPlan

SMALL = COMPACT.with_options(
    name="small",
    latent_channels=192,
    hyper_channels=32,
    context_channels=64,
    channel_groups=(8, 24, 64, 96),
    parameters_width=96,
    lambdas=(0.0032, 0.011, 0.03),
    subnets=(SubnetShape((3, 1, 3), 12),) * 2 + (SubnetShape((3, 1, 3), 16), SubnetShape((1, 3, 1), 32)),
    couplings=2,
    fdsm_widths=(8, 12),
    cfrm_growth=12,
    pdm_widths=((8, 8, 8), (12, 12), (16,)),
)


class MuonAndAdam(torch.optim.Optimizer):
    """Muon for matrices, torch's Adam for the rest; learning rates are Adam's, times `factor` for Muon."""

    def __init__(self, groups: list[dict[str, Any]], matrices: set[int], factor: float) -> None:
        super().__init__(groups, {"lr": 0.0})
        self.matrices, self.factor = matrices, factor
        rest = [
            {"params": [p for p in group["params"] if id(p) not in matrices], "lr": group["lr"]}
            for group in self.param_groups
        ]
        self.adam = torch.optim.Adam(rest)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group, rest in zip(self.param_groups, self.adam.param_groups, strict=True):
            rest["lr"] = group["lr"]
            for parameter in group["params"]:
                if id(parameter) in self.matrices and parameter.grad is not None:
                    momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                    momentum.lerp_(parameter.grad, 0.05)
                    direction = torch.lerp(parameter.grad, momentum, 0.95).flatten(1)
                    size = 0.2 * max(direction.shape) ** 0.5
                    update = orthogonal(direction).view_as(parameter)
                    parameter.add_(update, alpha=-group["lr"] * self.factor * size)
        self.adam.step()


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with all singular values near one, by five steps of Newton and Schulz."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.mT if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class MuonTrainer(trainer.Trainer):
    factor = 0.0  # of Muon's rate; 0: Adam alone

    def _settle(self) -> None:
        super()._settle()
        if not self.factor:
            return
        matrices = {
            id(parameter)
            for name, parameter in self.model.named_parameters()
            if parameter.dim() >= 3 and "bottleneck" not in name and min(parameter.flatten(1).shape) > 1
        }
        groups = self.learner.parameter_groups(self.plan.rate)
        self.optimiser = MuonAndAdam(groups, matrices, self.factor)  # type: ignore[assignment]
        for group in self.optimiser.param_groups:
            group["full_lr"] = group["lr"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rates", type=float, nargs="+", default=[2e-4, 6e-4])
    parser.add_argument("--factors", type=float, nargs="+", default=[0.0, 1.0])
    options = parser.parse_args()
    trainer.VALIDATION_SIDE = 128
    for factor in options.factors:
        for rate in options.rates:
            plan = TrainingPlan(options.steps, batch=4, crop=64, rate=rate, entropy_first=0.0, export_crops=1)
            MuonTrainer.factor = factor
            training = MuonTrainer(SMALL, plan, options.photos, "cpu")
            training.seen = training.seen[:0]  # nothing is told of photos here
            losses: list[str] = []
            spent = _train(training, options.steps // 2, losses)
            name = f"Muon x {factor:g}" if factor else "Adam"
            print(
                f"{name}, rate {rate:g}: {spent / training.step:.3f} s a step; {' '.join(losses)}", flush=True
            )


def _train(training: trainer.Trainer, every: int, losses: list[str]) -> float:
    """CPU seconds of the steps, without what validation takes."""
    validating = 0.0
    validate = training.validate

    def timed() -> dict[str, float]:
        nonlocal validating
        began = time.process_time()
        row = validate()
        validating += time.process_time() - began
        return row

    training.validate = timed  # type: ignore[method-assign]
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:

        def keep(row: dict[str, Any]) -> None:
            if "valid_loss" in row:
                losses.append(f"{row['step']}: {row['valid_loss']:.4f}")

        training.save = lambda out: None  # type: ignore[method-assign]
        training.run(Path(folder), validate_every=every, report=keep)
    return time.process_time() - began - validating


if __name__ == "__main__":
    main()
