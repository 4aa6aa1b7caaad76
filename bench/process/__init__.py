"""Processes of their own for encoding, decoding and scoring, held to limits of time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.process.limits import Limits
    from bench.process.worker import Reply, Worker, WorkerError

__all__ = ["Limits", "Reply", "Worker", "WorkerError"]


def __getattr__(name: str) -> Any:
    """Imported when asked for: codecs and child processes need a small part of this package only."""
    if name in __all__:
        from bench.process import worker

        return getattr(worker, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
