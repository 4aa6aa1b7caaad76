"""The two pictures that a metric is given."""

from __future__ import annotations

from typing import Any

from bench.core.errors import BenchError
from bench.metrics.base import RGB


def check_pair(original: RGB, decoded: RGB) -> None:
    """Refuse what is no pair of 8-bit RGB pictures of one size, rather than give a wrong figure.

    Raises:
        BenchError: a picture isn't uint8, height x width x 3, or the two differ in size.

    >>> import numpy as np
    >>> check_pair(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3)))
    Traceback (most recent call last):
        ...
    bench.core.errors.BenchError: metrics take uint8 arrays (height, width, 3), not float64 (8, 8, 3)
    """
    for picture in (original, decoded):
        if str(getattr(picture, "dtype", "")) != "uint8" or picture.ndim != 3 or picture.shape[2] != 3:
            raise BenchError(f"metrics take uint8 arrays (height, width, 3), not {_kind(picture)}")
    if original.shape != decoded.shape:
        sizes = [f"{picture.shape[1]}x{picture.shape[0]}" for picture in (original, decoded)]
        raise BenchError(f"metrics take two pictures of one size, not {' and '.join(sizes)}")


def _kind(picture: Any) -> str:
    if hasattr(picture, "dtype") and hasattr(picture, "shape"):
        return f"{picture.dtype} {tuple(picture.shape)}"
    return type(picture).__name__
