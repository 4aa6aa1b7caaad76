"""Rounding by rate and distortion: the encoder takes the symbol that costs least in both together.

The decoder does not change. Source: rate-distortion optimised quantisation as in HM and VTM
(Karczewicz et al., VCEG-AH21), for one symbol at a time.
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
    """Choose symbols for ``residual * gain``: the nearest, or the next nearer to zero where that saves more.

    Args:
        residual: y less its mean, of any shape; all others can be broadcast to it. gain: of the
        encoder. inverse_gain: of the decoder, which adds ``symbol * inverse_gain`` to the mean.
        weight: what an error of one (squared) of the residual is worth, in bits. bits: gives the
        bits of symbols (K,) and takes an index too, of the elements of `residual` that these
            are: a mask with K set, or ``...`` for all.
    """
    nearest = (residual * gain).round()
    # Most are zero and stay so. A GPU computes all of them, as finding the others would mean to
    # wait for it.
    candidates = ... if residual.is_cuda else nearest != 0
    symbols = nearest[candidates]
    lower = symbols - symbols.sign()
    inverse_gain, weight = (value.expand_as(residual)[candidates] for value in (inverse_gain, weight))
    residual = residual[candidates]
    saved = bits(symbols, candidates) - bits(lower, candidates)
    lost = weight * (
        (lower * inverse_gain - residual).square() - (symbols * inverse_gain - residual).square()
    )
    nearest[candidates] = lower.where(saved > lost, symbols)
    return nearest


def slopes(
    residual: Tensor,
    gain: Tensor,
    inverse_gain: Tensor,
    weight: Tensor,
    bits: Callable[[Tensor, Any], Tensor],
) -> tuple[Tensor, Tensor]:
    """For training: how a symbol, and its bits, follow ``residual * gain``.

    Both are staircases. Their means over uniform noise of width one aren't, and these are the
    derivatives of the means: what lies between half a step below and half a step above (Agustsson
    and Theis 2020, arXiv 2006.09952, have it for rounding to the nearest). A zero that such noise
    can't carry over its threshold stays one, so neither rate nor distortion pulls at it.

    Args:
        residual, gain, inverse_gain, weight, bits: as `choose_symbols` has them.

    Returns:
        Derivatives by ``residual * gain`` of the symbol and of its bits, both of the shape of `residual`.
    """
    below, above = (
        choose_symbols(residual + half / gain, gain, inverse_gain, weight, bits) for half in (-0.5, 0.5)
    )
    return above - below, bits(above, ...) - bits(below, ...)
