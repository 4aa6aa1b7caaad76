"""Datasets by name or folder: which images they hold, and that these are the right ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.lazy import lazy_names

if TYPE_CHECKING:
    from bench.datasets.catalogue import Dataset, Image, describe, known, load, name_and_place

__all__ = ["Dataset", "Image", "describe", "known", "load", "name_and_place"]
__getattr__ = lazy_names(__name__, dict.fromkeys(__all__, "bench.datasets.catalogue"))
