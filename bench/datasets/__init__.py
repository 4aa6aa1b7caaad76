"""Datasets by name or folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.datasets.catalogue import Dataset, Image, describe, known, load, read_rgb

__all__ = ["Dataset", "Image", "describe", "known", "load", "read_rgb"]


def __getattr__(name: str) -> Any:
    """Imported when asked for: each child process pays for imports."""
    if name in __all__:
        from bench.datasets import catalogue

        return getattr(catalogue, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
