"""FDSM, frequency-aware decomposition and synthesis: two views of the picture in, one picture out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.codecs.ainn.layers import SLOPE, Compilable, without_bias, zeroed
from bench.codecs.ainn.unet import UNet

POOLS = (3, 5, 7)


class Decomposition(nn.Module):
    """FDSM-D: x (N, 3, H, W) to x_L and x_H of the same shape.

    Low frequencies are read off average pools of 3, 5 and 7, high ones off what these leave over;
    each is squeezed to three channels and added to x. Starts with x_L = x_H = x.
    """

    def __init__(self) -> None:
        super().__init__()
        self.low = _Squeeze()
        self.high = _Squeeze()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        planes = x.contiguous()  # pooling three channels side by side takes three times as long
        pools = [F.avg_pool2d(planes, k, stride=1, padding=k // 2, count_include_pad=False) for k in POOLS]
        low = self.low(torch.cat(pools, dim=1))
        high = self.high(torch.cat([x - pool for pool in pools], dim=1))
        return x + low, x + high


class Synthesis(Compilable):
    """FDSM-S: x_hat = m x_L + (1 - m) x_H, with the mask m (N, 1, H, W) from a UNet on both."""

    def __init__(self, widths: tuple[int, ...], convs: int) -> None:
        super().__init__()
        self.mask = UNet(6, 1, widths, convs)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        mask = torch.sigmoid(self.mask(torch.cat((low, high), dim=1)))
        return mask * low + (1 - mask) * high


class _Squeeze(nn.Module):
    """1x1 convolution of nine channels to three, LeakyReLU, a residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = zeroed(nn.Conv2d(9, 3, 1))
        self.first = without_bias(nn.Conv2d(3, 3, 3, padding=1))
        self.second = without_bias(nn.Conv2d(3, 3, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.squeeze(x), SLOPE)
        out: Tensor = x + self.second(F.leaky_relu(self.first(x), SLOPE))
        return out.float()
