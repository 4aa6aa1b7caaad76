"""What a trainer needs of the model that it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bench.codecs.ainn.config import MS_SSIM, mse_lambda, mse_weight
from bench.metrics.multiscale_ssim import MIN_SIDE
from bench.training.ms_ssim import ms_ssim
from bench.training.variants import Variant


class Coded(NamedTuple):
    """What N pictures cost, and how far off they are."""

    bpp: Tensor  # N
    mse: Tensor  # N, on a scale of [0, 1]
    ms_ssim: Tensor | None = None  # N, 0 to 1; None: not computed, or there are no pictures, only latents

    @classmethod
    def of(cls, bpp: Tensor, x_hat: Tensor, x: Tensor, similarity: bool) -> Coded:
        """Of pictures x (N, 3, H, W) that come out as x_hat; `similarity`: MS-SSIM too, if they are large
        enough for its five scales."""
        x_hat = x_hat.float()
        similar = ms_ssim(x_hat, x) if similarity and min(x.shape[2:]) >= MIN_SIDE else None
        return cls(bpp, (x_hat - x).square().mean((1, 2, 3)), similar)


class Learner(ABC):
    """A model and its losses. `level` is a tensor (N,) of positions among `lambdas`, 0 to L - 1."""

    kind: str  # written into checkpoints, so that one of another model is refused
    axes: tuple[str, ...] = ("channels_last", "record")  # of `Variant`: what may change for this model
    phased = False  # True: the entropy model can be trained alone, first and last
    model: nn.Module

    @property
    @abstractmethod
    def lambdas(self) -> tuple[float, ...]:
        """Weights of the distortion that the model is trained for, L of them."""

    @property
    @abstractmethod
    def distortion(self) -> str:
        """What the model is trained for: "mse" or "ms-ssim"."""

    def loss(self, coded: Coded, lambda_: Tensor) -> Tensor:
        """(N,): bpp + lambda 255^2 MSE, or bpp + lambda (1 - MS-SSIM).

        Latents have no MS-SSIM: where they alone are known, the lambda of MSE that stands for this one
        weighs their squared error.
        """
        if self.distortion == MS_SSIM and coded.ms_ssim is not None:
            return coded.bpp + lambda_ * (1 - coded.ms_ssim)
        return coded.bpp + mse_weight(mse_lambda(lambda_, self.distortion)) * coded.mse

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

    def use(self, variant: Variant) -> None:  # noqa: B027
        """Compute from now on as this variant says, as far as that is the model's to do."""

    @abstractmethod
    def losses(self, x: Tensor, level: Tensor, phase: str, half: bool) -> Coded:
        """What N pictures cost, with gradients; MS-SSIM only where the model is trained for it.

        Args:
            x: what `prepared` returned.
            half: run convolutions in bfloat16, where that is safe.
        """

    @abstractmethod
    def coded(self, x: Tensor, level: Tensor) -> Coded:
        """Of pictures x as coding gives them: latents rounded, pictures clipped."""

    @abstractmethod
    def export(self, path: Path, training: dict[str, Any], crops: Tensor) -> None:
        """Write weights as a codec takes them.

        Args:
            training: steps, minutes and plan, in plain types; kept in the file for readers.
            crops: pictures (N, 3, H, W) of the training, to measure on.
        """

    @abstractmethod
    def load(self, path: Path) -> None:
        """Take over the trained weights in a file, to train on for this learner's distortion.

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
