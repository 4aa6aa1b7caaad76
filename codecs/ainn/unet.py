"""The small UNet that two of A-INN's modules are built on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.codecs.ainn.layers import SLOPE, zeroed


class UNet(nn.Module):
    """(N, inputs, H, W) to (N, outputs, H, W), with one average pooling fewer than there are widths.

    H and W must be multiples of 2 ** (len(widths) - 1). The last convolution, 1x1, starts at zero.
    """

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...], convs: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            _level(i, o, convs) for i, o in zip((inputs, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            _level(below + here, here, convs)
            for below, here in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.last = zeroed(nn.Conv2d(widths[0], outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for depth, level in enumerate(self.down):
            x = level(x if depth == 0 else F.avg_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for level in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = level(torch.cat((x, skips.pop()), dim=1))
        out: Tensor = self.last(x)
        return out.float()


def _level(inputs: int, outputs: int, convs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(convs):
        layers.append(nn.Conv2d(outputs if index else inputs, outputs, 3, padding=1))
        layers.append(nn.LeakyReLU(SLOPE, inplace=True))
    return nn.Sequential(*layers)
