"""What a trainer needs to know of the model that it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

FIRST, ALL, LAST = "entropy-first", "all", "entropy-last"  # the phases


class Learner(ABC):
    """A model and its losses. `level` is a tensor (N,) of positions among `lambdas`."""

    kind: str  # that a checkpoint tells
    phased = False  # whether its entropy model can be trained alone, first and last
    model: nn.Module

    @property
    @abstractmethod
    def lambdas(self) -> tuple[float, ...]:
        """Weights of the distortion that it is trained for."""

    @abstractmethod
    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """For an optimiser, whose rate of the transform is `rate`."""

    def pictures(self, batch: int, phase: str) -> int:
        """How many a step of this phase takes, where a full one takes `batch`."""
        return batch

    def fixed(self, phase: str) -> bool:
        """Whether `prepared` gives the same all through this phase."""
        return False

    def prepared(self, x: Tensor, phase: str, half: bool) -> Tensor:
        """What `losses` is given of pictures x (N, 3, H, W) in [0, 1]; `half` as there."""
        return x

    def compile(self) -> None:  # noqa: B027
        """Have those parts of the model compiled where that pays; called when the model is on its device."""

    @abstractmethod
    def losses(self, x: Tensor, level: Tensor, phase: str, half: bool) -> tuple[Tensor, Tensor]:
        """bpp (N,) and MSE (N,) on a scale of [0, 1], with gradients, of N pictures as `prepared`.

        `half`: convolutions in bfloat16, where that is safe.
        """

    @abstractmethod
    def coded(self, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        """The same as coding would give it: rounded, clipped."""

    @abstractmethod
    def export(self, path: Path, training: dict[str, Any], crops: Tensor) -> None:
        """Write weights as a codec takes them.

        Args:
            training: how they came about, in plain types.
            crops: pictures (N, 3, H, W) of the training, to measure on.
        """

    @abstractmethod
    def load(self, path: Path) -> None:
        """Take over trained weights.

        Raises:
            BenchError: the file isn't one of this model's weights.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What `restore` needs beside the model's state, in plain types."""

    @abstractmethod
    def restore(self, described: dict[str, Any], state: dict[str, Tensor]) -> None:
        """Become what was described, with this state."""

    def learns(self, name: str, phase: str) -> bool:
        """Whether a parameter is trained in a phase."""
        return True


def bits(likelihoods: Iterable[Tensor]) -> Tensor:
    """Bits (N,) of likelihoods, each (N, ...)."""
    return torch.stack([-torch.log2(each).flatten(1).sum(1) for each in likelihoods]).sum(0)
