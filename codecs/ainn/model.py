"""A-INN from top to bottom: picture to latent, latent to picture.

Source: Gao et al., Approximately Invertible Neural Network for Learned Image Compression,
IEEE TIP 2025 (arXiv 2408.17073). Shapes are N, C, H, W; pictures are RGB in [0, 1], H and W
multiples of 64.

    x (3) -> FDSM-D -> x_L (3), x_H (3) -> 4 invertible blocks -> 768 + 768 at 1/16 -> squeeze -> y (M)
    y_hat (M) -> CFRM -> 768 + 768 -> inverse blocks 4, 3, 2, 1, with PDM between -> FDSM-S -> x_hat (3)

`picture_filter` then filters x_hat, by what is measured when weights are exported; training doesn't see it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bench.codecs.ainn.config import BLOCK_CHANNELS, AinnConfig
from bench.codecs.ainn.entropy import EntropyModel
from bench.codecs.ainn.fdsm import Decomposition, Synthesis
from bench.codecs.ainn.invertible import InvertibleTransform
from bench.codecs.ainn.picture_filter import PictureFilter
from bench.codecs.ainn.recovery import (
    CFRM,
    PDM,
    MultiScaleCFRM,
    squeeze,
    squeeze_one,
    unsqueeze,
    unsqueeze_one,
)

SIDE_MULTIPLE = 64  # 16 for y, 4 more for z


class Output(NamedTuple):
    x_hat: Tensor  # N, 3, H, W
    y_bits: Tensor  # N, estimated
    z_bits: Tensor  # N, estimated


class Ainn(nn.Module):
    def __init__(self, config: AinnConfig) -> None:
        super().__init__()
        self.config = config
        self.decomposition = Decomposition() if config.fdsm else None
        self.transform = InvertibleTransform(config)
        self.entropy = EntropyModel(config)
        self.cfrm = CFRM(config) if config.cfrm else None
        self.ms_cfrm = MultiScaleCFRM(config) if config.ms_cfrm else None
        self.pdms = nn.ModuleList()  # pdms[i] comes after the inverse of block i + 2: 12, 48, 192 channels
        if config.pdm:
            self.pdms.extend(
                PDM(channels, widths, config.unet_convs)
                for channels, widths in zip(BLOCK_CHANNELS[:3], config.pdm_widths, strict=True)
            )
        self.synthesis = Synthesis(config.fdsm_widths, config.unet_convs) if config.fdsm else None
        self.picture_filter = PictureFilter()

    def forward(self, x: Tensor, level: Tensor, rounded: bool = False) -> Output:
        """Training's pass; `level` and `rounded` as in `EntropyModel.forward`."""
        y = self.encode(x)
        with torch.autocast(x.device.type, enabled=False):  # rates in half precision are no rates
            latent = self.entropy(y, level, rounded)
        return Output(self.decode(latent.y_hat), latent.y_bits, latent.z_bits)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """For an optimiser: the entropy model learns five times faster than the transform, which
        starts well; rotations, where a small step moves everything, ten times slower."""
        groups: dict[float, list[nn.Parameter]] = {5 * rate: [], rate: [], 0.1 * rate: []}
        for name, parameter in self.named_parameters():
            if name.endswith("quantiles"):  # set when the weights are exported, not trained
                continue
            if name.endswith("mix.weight"):
                groups[0.1 * rate].append(parameter)
            elif name.startswith("entropy.") and not name.endswith("gain"):
                groups[5 * rate].append(parameter)
            else:
                groups[rate].append(parameter)
        return [{"params": parameters, "lr": lr} for lr, parameters in groups.items()]

    def encode(self, x: Tensor, linear: bool = False) -> Tensor:
        """x (N, 3, H, W) to y (N, M, H/16, W/16), not yet rounded.

        `linear`: without all that is still the identity in a fresh model, and on one branch, since
        both are still the same: the same result at a fraction of the cost.
        """
        if linear:
            for block in self.transform.blocks:
                x = block.linear(x)
            return squeeze_one(x, self.config.latent_channels)
        if self.config.split:
            for block in self.transform.blocks:
                x = block.split_forward(x)
            return squeeze_one(x, self.config.latent_channels)
        low, high = (x, x) if self.decomposition is None else self.decomposition(x)
        low, high = self.transform(low, high)
        return squeeze(low, high, self.config.latent_channels)

    def decode(self, y_hat: Tensor) -> Tensor:
        """y_hat (N, M, H/16, W/16) to x_hat (N, 3, H, W), neither filtered yet nor clipped to [0, 1]."""
        if self.config.split:
            x = unsqueeze_one(y_hat)
            for block in reversed(self.transform.blocks):
                x = block.split_inverse(x)
            return x
        low, high = unsqueeze(y_hat) if self.cfrm is None else self.cfrm(y_hat)
        for index, block in reversed(list(enumerate(self.transform.blocks))):
            low, high = block.inverse(low, high)
            if self.pdms and index > 0:
                low, high = self.pdms[index - 1](low, high)
            if self.ms_cfrm is not None and index == 2:
                low, high = self.ms_cfrm(low, high)
        return 0.5 * (low + high) if self.synthesis is None else self.synthesis(low, high)
