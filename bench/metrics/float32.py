"""Arithmetic that is rounded to float32 after each step, as in programs in C, where a score depends on that.

Values are float64 arrays that hold float32 numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]


def rounded(values: ArrayLike) -> Values:
    """The nearest float32 numbers.

    >>> float(rounded(0.1))
    0.10000000149011612
    """
    return np.asarray(values).astype(np.float32).astype(np.float64)


def fused(a: ArrayLike, b: Values, c: ArrayLike) -> Values:
    """a * b + c, rounded once, as CPUs with fused multiplication and addition do.

    The product of two float32 numbers is exact in float64.
    """
    return rounded(np.asarray(a) * b + np.asarray(c))
