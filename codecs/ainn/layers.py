"""What the modules of A-INN have in common."""

from __future__ import annotations

from torch import nn

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
