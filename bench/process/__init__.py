"""Processes of their own for encoding, decoding and scoring, held to limits of time and memory."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.process.limits import Limits
    from bench.process.worker import Reply, Worker, WorkerError

__all__ = ["Limits", "Reply", "Worker", "WorkerError"]


def __getattr__(name: str) -> Any:
    """Imported when asked for: each child process pays for imports."""
    if name in __all__:
        return getattr(import_module(f"bench.process.{'limits' if name == 'Limits' else 'worker'}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
