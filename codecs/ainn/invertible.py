"""The invertible transform: pixel unshuffle, invertible 1x1 convolution, coupling layers; four times.

Two branches (x_L and x_H of the frequency decomposition) go through together; a coupling layer
couples the branches, it does not split one (unless asked to: that is InvComp's transform). Forward
and inverse share every weight, so what the inverse adds to the picture is only what quantisation
took from the latent: a noise e on the latent reaches the picture as J e, J the Jacobian of the
inverse.

Shapes are N, C, H, W. Source: Gao et al. 2025 (arXiv 2408.17073), Xie et al. 2021 (InvComp).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.codecs.ainn.config import BLOCK_CHANNELS, AinnConfig, SubnetShape
from bench.codecs.ainn.layers import SLOPE, compiled_code, without_bias, zeroed

Branches = tuple[Tensor, Tensor]
CouplingPass = Callable[["Coupling", Tensor, Tensor], Branches]


class Subnet(nn.Sequential):
    """conv, LeakyReLU, conv, LeakyReLU, conv; the last starts at zero: a fresh coupling is the identity."""

    def __init__(self, channels: int, shape: SubnetShape, outputs: int) -> None:
        first, middle, last = (
            nn.Conv2d(i, o, k, padding=k // 2)
            for i, o, k in zip(
                (channels, shape.width, shape.width),
                (shape.width, shape.width, outputs),
                shape.kernels,
                strict=True,
            )
        )
        for conv in (first, middle):
            nn.init.xavier_normal_(conv.weight)
            without_bias(conv).weight.data *= 0.1
        super().__init__(
            first, nn.LeakyReLU(SLOPE, inplace=True), middle, nn.LeakyReLU(SLOPE, inplace=True), zeroed(last)
        )


class AffineParameters(nn.Module):
    """From one branch, G and H for the other, which is scaled and shifted by them."""

    def __init__(self, channels: int, shape: SubnetShape, joint: bool) -> None:
        super().__init__()
        self.joint = joint
        if joint:
            self.subnet = Subnet(channels, shape, 2 * channels)
        else:
            self.scale = Subnet(channels, shape, channels)
            self.shift = Subnet(channels, shape, channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.joint:
            g, h = self.subnet(x).chunk(2, dim=1)
            return g, h
        return self.scale(x), self.shift(x)


class Coupling(nn.Module):
    """y1 = x1 exp(s(x2)) + H(x2), then y2 = x2 exp(s(y1)) + H(y1), where s = c (2 sigmoid(G) - 1)
    and c = 1; the inverse is exact.

    `compiled`: whether passes with gradients, which are a training's, go through what torch.compile
    makes of them. Without, this is some twenty small operations each way, and a GPU moves more than
    it computes.
    """

    compiled = False

    def __init__(self, channels: int, shape: SubnetShape, joint: bool) -> None:
        super().__init__()
        self.from_first = AffineParameters(channels, shape, joint)
        self.from_second = AffineParameters(channels, shape, joint)

    def forward(self, x1: Tensor, x2: Tensor) -> Branches:
        return self._maybe_compiled(_forward)(self, x1, x2)

    def inverse(self, y1: Tensor, y2: Tensor) -> Branches:
        return self._maybe_compiled(_inverse)(self, y1, y2)

    def _maybe_compiled(self, function: CouplingPass) -> CouplingPass:
        return compiled_code(function) if self.compiled and torch.is_grad_enabled() else function


class Invertible1x1(nn.Module):
    """A square 1x1 convolution that starts as a random rotation; its inverse is computed in float64."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        rotation, _ = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))
        self.weight = nn.Parameter(rotation.float())
        self._frozen_inverse: Tensor | None
        self.register_buffer("_frozen_inverse", None, persistent=False)  # goes where the model goes
        self._last_inverse: Tensor | None = None  # of the training step before
        self.register_load_state_dict_post_hook(Invertible1x1._invert_anew)

    def freeze(self) -> None:
        """Invert once, as the weight will not change any more: of block 4 it takes as long as a coupling."""
        self._frozen_inverse = self._inverse_weight().detach()

    def forward(self, x: Tensor) -> Tensor:
        return _conv1x1(x, self.weight)

    def inverse(self, y: Tensor) -> Tensor:
        weight = self._inverse_weight() if self._frozen_inverse is None else self._frozen_inverse
        return _conv1x1(y, weight.to(y.dtype))

    def _inverse_weight(self) -> Tensor:
        weight = self.weight.double()
        if not (weight.is_cuda and torch.is_grad_enabled()):
            inverse: Tensor = torch.linalg.inv(weight)
            return inverse
        # On a GPU an inverse takes many small kernels, longer than all that block 4 does with it.
        with torch.no_grad():
            if self._last_inverse is None:
                self._last_inverse = torch.linalg.inv(weight)
            else:
                guess = refined_inverse(weight, self._last_inverse)
                self._last_inverse.copy_(refined_inverse(weight, guess))
        return refined_inverse(weight, self._last_inverse)

    def _invert_anew(self, _: object) -> None:
        """Other weights than the step before had."""
        if self._last_inverse is not None:
            self._last_inverse.copy_(torch.linalg.inv(self.weight.detach().double()))


class InvertibleBlock(nn.Module):
    """Halves the sides, quarters nothing away: (N, C, H, W) twice to (N, 4C, H/2, W/2) twice."""

    def __init__(
        self, channels: int, shape: SubnetShape, couplings: int, joint: bool, split: bool = False
    ) -> None:
        super().__init__()
        self.mix = Invertible1x1(channels)  # one weight serves both branches
        coupled = channels // 2 if split else channels
        self.couplings = nn.ModuleList(Coupling(coupled, shape, joint) for _ in range(couplings))

    def forward(self, low: Tensor, high: Tensor) -> Branches:
        return self._couple(self.linear(low), self.linear(high))

    def inverse(self, low: Tensor, high: Tensor) -> Branches:
        low, high = self._uncouple(low, high)
        low, high = self.linear_inverse(torch.cat((low, high))).chunk(
            2
        )  # so that one matrix inverse serves both
        return low, high

    def split_forward(self, x: Tensor) -> Tensor:
        """One branch (N, C, H, W), whose halves couple, to (N, 4C, H/2, W/2)."""
        first, second = self.linear(x).chunk(2, dim=1)
        return torch.cat(self._couple(first, second), dim=1)

    def split_inverse(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        return self.linear_inverse(torch.cat(self._uncouple(first, second), dim=1))

    def linear(self, x: Tensor) -> Tensor:
        """What the block does to each branch while its couplings are the identity."""
        y: Tensor = self.mix(_channels_last(F.pixel_unshuffle(x, 2)))
        return y

    def linear_inverse(self, x: Tensor) -> Tensor:
        return _channels_last(F.pixel_shuffle(self.mix.inverse(x), 2))

    def _couple(self, first: Tensor, second: Tensor) -> Branches:
        for coupling in self.couplings:
            first, second = coupling(first, second)
        return first, second

    def _uncouple(self, first: Tensor, second: Tensor) -> Branches:
        for coupling in reversed(self.couplings):
            first, second = cast(Coupling, coupling).inverse(first, second)
        return first, second


class InvertibleTransform(nn.ModuleList):
    """The four blocks: x_L, x_H (N, 3, H, W) to 768 channels each at 1/16 of the sides."""

    def __init__(self, config: AinnConfig) -> None:
        super().__init__(
            InvertibleBlock(channels, shape, config.couplings, config.joint_subnets, config.split)
            for channels, shape in zip(BLOCK_CHANNELS, config.subnets, strict=True)
        )

    def forward(self, low: Tensor, high: Tensor) -> Branches:
        for block in self.blocks:
            low, high = block(low, high)
        return low, high

    def freeze(self) -> None:
        """Invert each block's matrix once: no weight will change any more."""
        for block in self.blocks:
            block.mix.freeze()

    @property
    def blocks(self) -> list[InvertibleBlock]:
        return [cast(InvertibleBlock, block) for block in self]


def scale_and_shift(x: Tensor, g: Tensor, h: Tensor) -> Tensor:
    """What a coupling does to one branch, x (N, C, H, W), given G and H of the other."""
    log_scale = (g.float() * 0.5).tanh_()  # 2 sigmoid(g) - 1 = tanh(g / 2)
    return torch.addcmul(h.float(), x, log_scale.exp())


def shift_and_scale_back(y: Tensor, g: Tensor, h: Tensor) -> Tensor:
    """The inverse of `scale_and_shift`."""
    log_scale = (g.float() * -0.5).tanh_()
    return (y - h.float()) * log_scale.exp()


def refined_inverse(matrix: Tensor, guess: Tensor) -> Tensor:
    """A step of Newton's method: the inverse, with the square of the guess's error. Where that is
    nothing its gradient with respect to the matrix is the inverse's own. Source: Schulz 1933."""
    return 2 * guess - guess @ (matrix @ guess)


def _forward(coupling: Coupling, x1: Tensor, x2: Tensor) -> Branches:
    y1 = scale_and_shift(x1, *coupling.from_second(x2))
    return y1, scale_and_shift(x2, *coupling.from_first(y1))


def _inverse(coupling: Coupling, y1: Tensor, y2: Tensor) -> Branches:
    x2 = shift_and_scale_back(y2, *coupling.from_first(y1))
    return shift_and_scale_back(y1, *coupling.from_second(x2)), x2


def _channels_last(x: Tensor) -> Tensor:
    """On a GPU pixels come out of shuffling channel by channel, and each convolution would sort them anew."""
    return x.contiguous(memory_format=torch.channels_last) if x.is_cuda else x


def _conv1x1(x: Tensor, weight: Tensor) -> Tensor:
    # Half precision here would blur the latent itself, not just what the subnets add to it.
    with torch.autocast(x.device.type, enabled=False):
        return F.conv2d(x.float() if x.dtype == torch.bfloat16 else x, weight[:, :, None, None].to(x.dtype))
