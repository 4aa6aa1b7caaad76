"""Codecs that come inside packages of Python: whether the packages are installed, and what they return."""

from __future__ import annotations

from importlib.metadata import version as _version
from importlib.util import find_spec
from typing import Any

import numpy as np

from bench.codecs.base import RGB, CodecError


def missing(*modules: str) -> str | None:
    """What to install, as a sentence; None if all these modules are there.

    >>> missing("numpy")
    >>> missing("no_such_module")
    "it needs no-such-module; pip install 'codec-bench[codecs]', or only that"
    """
    absent = [module.replace("_", "-") for module in modules if find_spec(module) is None]
    if not absent:
        return None
    return f"it needs {' and '.join(absent)}; pip install 'codec-bench[codecs]', or only that"


def version(distribution: str) -> str:
    """Name and version of an installed package: "imagecodecs 2026.1.14"."""
    return f"{distribution} {_version(distribution)}"


def rgb(picture: Any, kind: str) -> RGB:
    """Check that a decoded picture is RGB with 8 bits, and return it: uint8, height x width x 3.

    Args:
        picture: an array, as a library returns it.
        kind: of the stream, for the error: "AVIF file".

    Raises:
        CodecError: the picture is another, as the stream was damaged, or of another codec.
    """
    pixels = np.asarray(picture)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise CodecError(f"this {kind} holds no picture in RGB with 8 bits")
    return np.ascontiguousarray(pixels)
