"""Muon and SOAP beside Adam: a small A-INN trained from its head start, by equal steps and equal CPU time.

    python experiments/optimisers.py path/to/photos --steps 600 --optimisers adam muon

They take the place of Adam for the weights of convolutions, each seen as a matrix of outputs by all else;
Adam keeps biases, gains, factors of z and the rotations. Learning rates mean the same for all. Prints a line
for each optimiser and rate: CPU seconds a step, and the validation's loss along the way.

Sources: Muon, K. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/, with steps of the size that
Adam's usually have (J. Liu et al. 2025, arXiv 2502.16982). SOAP, Vyas et al. 2024, arXiv 2409.11321.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
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


LARGEST = 1024  # side of a covariance that SOAP follows
# Takes what is kept for a matrix, and its gradient; returns what is taken off, at a learning rate of 1.
Update = Callable[[dict[str, Any], Tensor], Tensor]


class MatricesAndAdam(torch.optim.Optimizer):
    """An update of its own for matrices, torch's Adam for the rest."""

    def __init__(self, groups: list[dict[str, Any]], matrices: set[int], update: Update) -> None:
        super().__init__(groups, {"lr": 0.0})
        self.matrices, self.update = matrices, update
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
                    update = self.update(self.state[parameter], parameter.grad.flatten(1))
                    parameter.add_(update.view_as(parameter), alpha=-group["lr"])
        self.adam.step()


def muon(state: dict[str, Any], gradient: Tensor) -> Tensor:
    momentum: Tensor = state.setdefault("momentum", torch.zeros_like(gradient))
    momentum.lerp_(gradient, 0.05)
    size: float = 0.2 * max(gradient.shape) ** 0.5
    return size * orthogonal(torch.lerp(gradient, momentum, 0.95))


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


def soap(state: dict[str, Any], gradient: Tensor) -> Tensor:
    """Adam along the eigenvectors of the gradients' covariances, which are followed every ten steps."""
    sides = (gradient, gradient.mT)
    if not state:
        state |= {"step": 0, "momentum": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
        state["covariances"] = [side @ side.mT if len(side) <= LARGEST else None for side in sides]
        state["axes"] = [None if one is None else torch.linalg.eigh(one)[1] for one in state["covariances"]]
        return torch.zeros_like(gradient)  # the first step only looks
    state["step"] += 1
    state["momentum"].lerp_(gradient, 0.05)
    turned = _turned(gradient, *state["axes"])
    state["square"].lerp_(turned.square(), 0.05)
    correction = 1 - 0.95 ** state["step"]
    deviation = (state["square"] / correction).sqrt() + 1e-8
    update = _turned(state["momentum"], *state["axes"]) / correction / deviation
    update = _turned(update, *(None if axes is None else axes.mT for axes in state["axes"]))
    for index, side in enumerate(sides):
        covariance = state["covariances"][index]
        if covariance is not None:
            covariance.lerp_(side @ side.mT, 0.05)
            if state["step"] % 10 == 0:
                state["axes"][index] = torch.linalg.qr(covariance @ state["axes"][index])[0]
    return update


def _turned(matrix: Tensor, rows: Tensor | None, columns: Tensor | None) -> Tensor:
    """A matrix along other axes, those of rows and of columns."""
    matrix = matrix if rows is None else rows.mT @ matrix
    return matrix if columns is None else matrix @ columns


OPTIMISERS: dict[str, Update | None] = {"adam": None, "muon": muon, "soap": soap}


class MatricesTrainer(trainer.Trainer):
    update: Update | None = None  # of matrices; None: Adam's

    def _settle(self) -> None:
        super()._settle()
        if MatricesTrainer.update is None:
            return
        matrices = {
            id(parameter)
            for name, parameter in self.model.named_parameters()
            if parameter.dim() >= 3 and "bottleneck" not in name and min(parameter.flatten(1).shape) > 1
        }
        groups = self.learner.parameter_groups(self.plan.rate)
        self.optimiser = MatricesAndAdam(groups, matrices, MatricesTrainer.update)  # type: ignore[assignment]
        for group in self.optimiser.param_groups:
            group["full_lr"] = group["lr"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--rates", type=float, nargs="+", default=[2e-4, 6e-4])
    parser.add_argument("--optimisers", choices=OPTIMISERS, nargs="+", default=list(OPTIMISERS))
    options = parser.parse_args()
    trainer.VALIDATION_SIDE = 128
    for name in options.optimisers:
        for rate in options.rates:
            plan = TrainingPlan(options.steps, batch=4, crop=64, rate=rate, entropy_first=0.0, export_crops=1)
            MatricesTrainer.update = OPTIMISERS[name]
            training = MatricesTrainer(SMALL, plan, options.photos, "cpu")
            training.seen = training.seen[:0]  # nothing is told of photos here
            losses: list[str] = []
            spent = _train(training, options.steps // 2, losses)
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
