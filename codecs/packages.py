"""Codecs that come inside packages of Python: whether these are installed."""

from __future__ import annotations

from importlib.metadata import version as _version
from importlib.util import find_spec
from typing import Any

import numpy as np

from bench.codecs.base import RGB, CodecError


def missing(*modules: str) -> str | None:
    """What to install, as a sentence; None if all these modules are there."""
    absent = [module.replace("_", "-") for module in modules if find_spec(module) is None]
    if not absent:
        return None
    return f"it needs {' and '.join(absent)}; pip install 'codec-bench[codecs]', or only that"


def version(distribution: str) -> str:
    """Name and version of an installed package: "imagecodecs 2026.1.14"."""
    return f"{distribution} {_version(distribution)}"


def rgb(picture: Any, kind: str) -> RGB:
    """What a library decoded, if it is a picture in RGB with 8 bits.

    Raises:
        CodecError: it isn't: the stream was damaged, or is another's.
    """
    found = np.asarray(picture)
    if found.ndim != 3 or found.shape[2] != 3 or found.dtype != np.uint8:
        raise CodecError(f"this {kind} holds no picture in RGB with 8 bits")
    return np.ascontiguousarray(found)
