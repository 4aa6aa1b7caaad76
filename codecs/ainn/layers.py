"""What the modules of A-INN have in common."""

from __future__ import annotations

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
