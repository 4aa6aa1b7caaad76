"""An A-INN small enough for tests, with weights like those of a trained one, and pictures to code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from torch import nn

from bench.codecs.ainn.config import COMPACT, SubnetShape
from bench.codecs.ainn.invertible import Invertible1x1, Subnet
from bench.codecs.ainn.model import Ainn

TINY = COMPACT.with_options(
    name="tiny",
    latent_channels=96,
    hyper_channels=8,
    context_channels=16,
    channel_groups=(8, 24, 64),
    parameters_width=56,
    lambdas=(0.002, 0.01, 0.05),
    subnets=(SubnetShape((3, 1, 3), 8),) * 3 + (SubnetShape((1, 3, 1), 8),),
    couplings=1,
    fdsm_widths=(4, 4),
    cfrm_growth=4,
    pdm_widths=((4, 4, 4), (4, 4), (4,)),
)


@torch.no_grad()
def train_like(module: nn.Module, seed: int = 0) -> None:
    """Move all that a fresh module starts at zero or at the identity to where it has a say.

    Couplings get log-scales and shifts of a few tenths, more than those of the shipped weights.
    """
    generator = torch.Generator().manual_seed(seed)

    def noise(like: torch.Tensor, std: float) -> torch.Tensor:
        return std * torch.randn(like.shape, generator=generator, dtype=like.dtype)

    for part in module.modules():
        if isinstance(part, Subnet):
            convs = [layer for layer in part if isinstance(layer, nn.Conv2d)]
            for conv, gain in zip(convs, (1.0, 1.0, 0.3), strict=True):
                assert conv.bias is not None
                conv.weight.copy_(noise(conv.weight, gain / conv.weight[0].numel() ** 0.5))
                conv.bias.copy_(noise(conv.bias, 0.05))
        elif isinstance(part, Invertible1x1):
            part.weight.add_(noise(part.weight, 0.05 / part.weight.shape[0] ** 0.5))
    for name, parameter in module.named_parameters():
        if name.endswith(("last.weight", "squeeze.weight")) or ".before." in name:
            parameter.add_(noise(parameter, 0.1 / parameter[0].numel() ** 0.5))
        elif "gain" in name or "decoder_" in name:
            parameter.add_(noise(parameter, 0.1))


def tiny_model(seed: int = 0) -> Ainn:
    """A tiny A-INN with weights as if trained, for latents of deviations from 3 down to 0.02."""
    torch.manual_seed(seed)
    model = Ainn(TINY).eval()
    train_like(model, seed)
    model.entropy.latent_std.copy_(torch.logspace(0.5, -1.7, TINY.latent_channels))
    model.entropy.start_gains(TINY)
    return model


def photo(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture (height, width, 3) with large shapes, some texture and colour."""
    rng = np.random.default_rng(seed)
    field = sum(
        weight * _unit(gaussian_filter(rng.normal(size=(height, width, 3)), (blur, blur, 0.4), mode="wrap"))
        for blur, weight in ((12, 45), (3, 20), (0.7, 8))
    )
    return np.clip(np.round(128 + field), 0, 255).astype(np.uint8)


def photo_tensor(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return as_tensor(photo(height, width, seed))


def as_tensor(picture: NDArray[np.uint8]) -> torch.Tensor:
    """A picture (H, W, 3) as a model takes it, (1, 3, H, W) in [0, 1]."""
    return torch.tensor(picture).permute(2, 0, 1)[None].float() / 255


def save_photos(folder: Path, photos: Iterable[NDArray[np.uint8]], prefix: str = "") -> Path:
    """Write them as 0.png, 1.png and so on, after the prefix; returns the folder."""
    for number, picture in enumerate(photos):
        Image.fromarray(picture).save(folder / f"{prefix}{number}.png")
    return folder


def latent(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """(1, M, H, W), as a picture's would be: neighbours resemble one another, a few values are far out."""
    rng = np.random.default_rng(seed)
    channels = TINY.latent_channels
    rows = rng.normal(size=(channels, height, width)).cumsum(1).cumsum(2) / (height * width) ** 0.5
    values = rows * np.logspace(0.5, -1.7, channels)[:, None, None]
    values.flat[rng.integers(values.size, size=3)] = (40, -700, 3)
    return torch.from_numpy(values).float()[None]


def _unit(field: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation = field.std()
    return field / deviation if deviation > 0 else field
