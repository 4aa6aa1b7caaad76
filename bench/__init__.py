"""codec-bench: an image codec benchmark whose figures others can reproduce.

From Python: `run`, `load_results`, `compare`, `compare_at_targets`, `bd_rate`, `bd_metric`, `get_codec`,
`Settings`, and the packages `metrics`, `codecs` and `datasets`. Each is imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench import codecs, datasets, metrics
    from bench.api import compare as compare
    from bench.api import compare_at_targets, get_codec, load_results
    from bench.api import run as run
    from bench.compare.bd import bd_metric, bd_rate
    from bench.core.errors import BenchError
    from bench.run.settings import Settings

__version__ = "0.2.0"

_NAMES = {
    "BenchError": "bench.core.errors",
    "Settings": "bench.run.settings",
    "bd_metric": "bench.compare.bd",
    "bd_rate": "bench.compare.bd",
    "compare": "bench.api",
    "compare_at_targets": "bench.api",
    "get_codec": "bench.api",
    "load_results": "bench.api",
    "run": "bench.api",
}
_PACKAGES = ("codecs", "datasets", "metrics")

__all__ = [
    "BenchError", "Settings", "__version__", "bd_metric", "bd_rate", "codecs", "compare",
    "compare_at_targets", "datasets", "get_codec", "load_results", "metrics", "run",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _PACKAGES:
        return import_module(f"bench.{name}")
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
