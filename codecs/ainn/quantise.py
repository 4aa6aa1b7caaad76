"""Rounding that knows what a symbol costs: the encoder's half of rate-distortion optimisation.

The decoder does not change. Source: rate-distortion optimised quantisation as in HM and VTM (Karczewicz
et al., VCEG-AH21), for one symbol at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor


def choose_symbols(
    residual: Tensor,
    gain: Tensor,
    inverse_gain: Tensor,
    weight: Tensor,
    bits: Callable[[Tensor, Any], Tensor],
) -> Tensor:
    """Symbols for ``residual * gain``: the nearest, or one nearer to zero where that saves more.

    Args:
        residual: y less its mean, of any shape; all others can be broadcast to it.
        gain: of the encoder.
        inverse_gain: of the decoder, which adds ``symbol * inverse_gain`` to the mean.
        weight: what an error of one (squared) of the residual is worth, in bits.
        bits: of symbols (K,), given which elements of `residual` they are, as an index: a mask with K set, or
            ``...`` for all, when they are of its shape.
    """
    nearest = (residual * gain).round()
    # Most are zero. To find which, a GPU would have to be waited for, and computing all is nothing to it.
    some = ... if residual.is_cuda else nearest != 0
    symbols = nearest[some]
    lower = symbols - symbols.sign()
    inverse_gain, weight = (value.expand_as(residual)[some] for value in (inverse_gain, weight))
    residual = residual[some]
    saved = bits(symbols, some) - bits(lower, some)
    lost = weight * (
        (lower * inverse_gain - residual).square() - (symbols * inverse_gain - residual).square()
    )
    nearest[some] = lower.where(saved > lost, symbols)
    return nearest
