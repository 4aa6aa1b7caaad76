"""What the modules of A-INN have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn

SLOPE = 0.2  # of every LeakyReLU outside the entropy model
ENTROPY_SLOPE = 2.0**-7  # inside it, a power of two: multiplying by it is exact (see fixed_point.py)


def zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution with weights and bias of zero: what follows it starts as if it weren't there."""
    nn.init.zeros_(conv.weight)
    return without_bias(conv)


def without_bias(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution with a bias of zero, to begin with."""
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


class Compilable(nn.Module):
    """A module whose passes with gradients, which are a training's, go through torch.compile if `compiled`.

    Without, it is many small operations, and a GPU moves more than it computes.
    """

    compiled = False

    def __call__(self, *inputs: Any) -> Any:
        if self.compiled and torch.is_grad_enabled():
            return compiled_code(type(self).forward)(self, *inputs)
        return super().__call__(*inputs)


@cache
def compiled_code(function: Callable[..., Any]) -> Callable[..., Any]:
    """What torch.compile makes of a function; it then takes a while for the first inputs of each shape."""
    return torch.compile(function, dynamic=False)  # shapes are few; code for any shape is slower


class Pair(nn.ModuleList):
    """Two networks of one shape, one for each branch: a, b to first(a), second(b).

    `side_by_side`: whether passes with gradients run both as one, whose kernels are half as many and twice
    as large. The figures are the same but for rounding.
    """

    side_by_side = False

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self
        if not (self.side_by_side and torch.is_grad_enabled()):
            return first(low), second(high)

        def one(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
            return cast(Tensor, torch.func.functional_call(first, parameters, (x,)))

        others = dict(second.named_parameters())
        both = {name: torch.stack((value, others[name])) for name, value in first.named_parameters()}
        out: Tensor = torch.vmap(one)(both, torch.stack((low, high)))
        return out[0], out[1]


def lower_bound(x: Tensor, bound: float) -> Tensor:
    """max(x, bound), whose gradient still lets x come back from below.

    Source: the lower bound of TensorFlow Compression and CompressAI.
    """
    bounded: Tensor = _LowerBound.apply(x, bound)
    return bounded


class _LowerBound(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, bound: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        return gradient * ((x >= ctx.bound) | (gradient < 0)), None
