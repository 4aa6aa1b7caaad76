"""Codecs against an anchor: curves, Bjontegaard deltas, intervals. Called, it is `bench.api.compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.lazy import lazy_names, make_callable

if TYPE_CHECKING:
    from bench.compare.comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
__getattr__ = lazy_names(__name__, dict.fromkeys(__all__, "bench.compare.comparison"))
make_callable(__name__, "bench.api", "compare")
