"""The colour space XYB of JPEG XL, with the approximations and the rounding of libjxl.

The approximations are good to 1e-6, and both pictures of a pair go through the same. But where a picture is
flat, SSIMULACRA 2 depends on errors of rounding, and so on the last bit of what comes out here. The formulas
are those of libjxl (BSD licence, the JPEG XL Project Authors), whose cube root is Agner Fog's (vector class
library, Apache 2 licence).
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from bench.metrics.float32 import Values, fused, rounded

Planes = NDArray[np.float32]  # 3 x height x width

# sRGB's curve as the ratio of two polynomials, the lowest power first.
_NUMERATOR = rounded([2.200248328e-04, 1.043637593e-02, 1.624820318e-01, 7.961564959e-01, 8.210152774e-01])
_DENOMINATOR = rounded([2.631846970e-01, 1.076976492e00, 4.987528350e-01, -5.512498495e-02, 6.521209011e-03])

# The shares of red, green and blue light in what the three kinds of cones answer to; what is added to them.
_SHARES = np.array(
    [
        [0.3, 0.622, 0.078],
        [0.23, 0.692, 0.078],
        [0.24342268924547819, 0.20476744424496821, 0.5518098665095536],
    ],
    np.float32,
)
_BIAS, _ROOT_OF_BIAS = (float(np.float32(value)) for value in (0.0037930732552754493, 0.15595420054924863))


@functools.cache
def linear_light() -> NDArray[np.float32]:
    """Light, 0 to 1, by sRGB sample, 0 to 255.

    >>> [round(float(linear_light()[sample]), 4) for sample in (0, 128, 255)]
    [0.0, 0.2159, 1.0]
    """
    sample = rounded(np.arange(256, dtype=np.float32) * np.float32(1 / 255))
    above, below = _NUMERATOR[-1], _DENOMINATOR[-1]
    for p, q in zip(_NUMERATOR[-2::-1], _DENOMINATOR[-2::-1], strict=True):
        above, below = fused(above, sample, p), fused(below, sample, q)
    low = rounded(sample * rounded(np.float32(1) / np.float32(12.92)))
    return np.where(sample > np.float32(0.04045), rounded(above / below), low).astype(np.float32)


def xyb(linear: Planes) -> Planes:
    """X, Y and B - Y, each brought to 0 to 1.

    Args:
        linear: light, R, G and B, 0 to 1.

    >>> [round(float(value), 3) for value in xyb(np.ones((3, 1, 1), np.float32)).ravel()]
    [0.42, 0.855, 0.55]
    """
    long, middle, short = _cones(linear)
    half = np.float32(0.5)
    x, y = half * (long - middle), half * (long + middle)
    x_up, y_up, b_up = np.float32(0.42), np.float32(0.01), np.float32(0.55)
    return np.stack([x * np.float32(14) + x_up, y + y_up, (short - y) + b_up])


def _cones(linear: Planes) -> list[NDArray[np.float32]]:
    red, green, blue = linear.astype(np.float64)
    answers = []
    for r, g, b in _SHARES.astype(np.float64):
        mixed = fused(r, red, fused(g, green, fused(b, blue, _BIAS)))
        answers.append(_cube_root(mixed, -_ROOT_OF_BIAS).astype(np.float32))
    return answers


def _cube_root(x: Values, more: float) -> Values:
    """The cube root of positive numbers, and more added: by Newton's method for its inverse."""
    third, four_thirds = float(np.float32(1 / 3)), float(np.float32(4 / 3))
    exponent = x.astype(np.float32).view(np.int32) >> 23
    inverse = (0x54800000 - exponent * 0x2AAAAA).astype(np.int32).view(np.float32).astype(np.float64)
    third_of_x = rounded(third * x)
    for _ in range(3):
        inverse = fused(-third_of_x, _fourth_power(inverse), rounded(four_thirds * inverse))
    inverse = fused(third, fused(-x, _fourth_power(inverse), inverse), inverse)
    return fused(rounded(inverse * inverse), x, more)


def _fourth_power(values: Values) -> Values:
    squares = rounded(values * values)
    return rounded(squares * squares)
