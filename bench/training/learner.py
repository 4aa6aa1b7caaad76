"""What a trainer needs of the model that it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Learner(ABC):
    """A model and its losses. `level` is a tensor (N,) of positions among `lambdas`, 0 to L - 1."""

    kind: str  # written into checkpoints, so that one of another model is refused
    phased = False  # True: the entropy model can be trained alone, first and last
    model: nn.Module

    @property
    @abstractmethod
    def lambdas(self) -> tuple[float, ...]:
        """Weights of the distortion that the model is trained for, L of them."""

    @abstractmethod
    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Groups for an optimiser; `rate` is the learning rate of the transform."""

    def pictures(self, batch: int, phase: str) -> int:
        """How many pictures a step of this phase takes, where a step of phase `ALL` takes `batch`."""
        return batch

    def fixed(self, phase: str) -> bool:
        """Whether `prepared` returns the same from the first step of this phase to its last."""
        return False

    def prepared(self, x: Tensor, phase: str, half: bool) -> Tensor:
        """Turn pictures x (N, 3, H, W) in [0, 1] into what `losses` takes; `half` as there."""
        return x

    def compile(self) -> None:  # noqa: B027
        """Compile the parts of the model that gain by it; called when the model is on its device."""

    @abstractmethod
    def losses(self, x: Tensor, level: Tensor, phase: str, half: bool) -> tuple[Tensor, Tensor]:
        """bpp (N,) and MSE (N,), on a scale of [0, 1], of N pictures; both with gradients.

        Args:
            x: what `prepared` returned.
            half: run convolutions in bfloat16, where that is safe.
        """

    @abstractmethod
    def coded(self, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """bpp (N,) and MSE (N,) of pictures x as coding gives them: latents rounded, pictures clipped."""

    @abstractmethod
    def export(self, path: Path, training: dict[str, Any], crops: Tensor) -> None:
        """Write weights as a codec takes them.

        Args:
            training: steps, minutes and plan, in plain types; kept in the file for readers.
            crops: pictures (N, 3, H, W) of the training, to measure on.
        """

    @abstractmethod
    def load(self, path: Path) -> None:
        """Take over the trained weights in a file.

        Raises:
            BenchError: the file holds no weights of this model.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """All that `restore` needs beside the model's state, in plain types."""

    @abstractmethod
    def restore(self, described: dict[str, Any], state: dict[str, Tensor]) -> None:
        """Become the learner that `describe` described, with this state of its model."""

    def learns(self, name: str, phase: str) -> bool:
        """Whether a parameter is trained in a phase."""
        return True


def bits(likelihoods: Iterable[Tensor]) -> Tensor:
    """Bits (N,) of likelihoods, which are tensors (N, ...)."""
    return torch.stack([-torch.log2(p).flatten(1).sum(1) for p in likelihoods]).sum(0)
