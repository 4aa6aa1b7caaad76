"""Channel squeeze on the encoder's side, and the modules that make good on the decoder's: CFRM and PDM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.codecs.ainn.config import BLOCK_CHANNELS, TRANSFORM_CHANNELS, AinnConfig
from bench.codecs.ainn.layers import Compilable, Pair, without_bias, zeroed
from bench.codecs.ainn.unet import UNet

PDM_STRENGTH = 0.2


def squeeze(low: Tensor, high: Tensor, channels: int) -> Tensor:
    """Both branches (N, 768, H, W) to y (N, M, H, W): concatenated, averaged over groups of M channels."""
    return squeeze_one(torch.cat((low, high), dim=1), channels)


def squeeze_one(x: Tensor, channels: int) -> Tensor:
    """The same of one branch."""
    n, _, h, w = x.shape
    return x.view(n, -1, channels, h, w).mean(dim=1)


def unsqueeze(y: Tensor) -> tuple[Tensor, Tensor]:
    """y (N, M, H, W) copied to every group: the inverse of `squeeze` where the groups were equal."""
    one = unsqueeze_one(y)
    return one, one


def unsqueeze_one(y: Tensor) -> Tensor:
    """The same to one branch."""
    return y.repeat(1, TRANSFORM_CHANNELS // y.shape[1], 1, 1)


class DenseRecovery(nn.Module):
    """Three dense layers of 3x3 convolution and ReLU, and a 1x1 convolution of all of them.

    The last convolution starts at zero: what it recovers is added to what the caller has.
    """

    def __init__(self, inputs: int, outputs: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(inputs + i * growth, growth, 3, padding=1) for i in range(3))
        self.last = zeroed(nn.Conv2d(inputs + 3 * growth, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat((x, torch.relu_(layer(x))), dim=1)
        out: Tensor = self.last(x)
        return out.float()


class CFRM(Compilable):
    """Channel feature recovery, one for each branch: y_hat (N, M, H, W) to 768 + 768 channels.

    The skip, a 1x1 convolution of y_hat, starts as `unsqueeze`.
    """

    def __init__(self, config: AinnConfig) -> None:
        super().__init__()
        channels = config.latent_channels
        self.dense = Pair(DenseRecovery(channels, TRANSFORM_CHANNELS, config.cfrm_growth) for _ in range(2))
        skips = [without_bias(nn.Conv2d(channels, TRANSFORM_CHANNELS, 1)) for _ in range(2)]
        copies = unsqueeze(torch.eye(channels)[:, :, None, None])  # M inputs of one channel each
        for conv, copy in zip(skips, copies, strict=True):
            conv.weight.data = copy.transpose(0, 1).contiguous()
        self.skip = nn.ModuleList(skips)

    def forward(self, y_hat: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(y_hat.device.type, enabled=False):
            low, high = (skip(y_hat) for skip in self.skip)
        more_low, more_high = self.dense(y_hat, y_hat)
        return low + more_low, high + more_high


class MultiScaleCFRM(Compilable):
    """MS-CFRM: what recovery is left to do at a second scale, between inverse blocks 3 and 2."""

    def __init__(self, config: AinnConfig) -> None:
        super().__init__()
        channels = BLOCK_CHANNELS[1]
        self.dense = Pair(DenseRecovery(channels, channels, config.cfrm_growth) for _ in range(2))

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        more_low, more_high = self.dense(low, high)
        return low + more_low, high + more_high


class PDM(Compilable):
    """Progressive denoising, after an inverse block: f + 0.2 U(f), a small UNet U for each branch."""

    def __init__(self, channels: int, widths: tuple[int, ...], convs: int) -> None:
        super().__init__()
        self.unets = Pair(UNet(channels, channels, widths, convs) for _ in range(2))

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        more_low, more_high = self.unets(low, high)
        return low + PDM_STRENGTH * more_low, high + PDM_STRENGTH * more_high
