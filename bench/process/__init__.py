"""Processes of their own for encoding, decoding and scoring, held to limits of time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.core.lazy import lazy_names

if TYPE_CHECKING:
    from bench.process.limits import Limits
    from bench.process.worker import Reply, Worker, WorkerError

__all__ = ["Limits", "Reply", "Worker", "WorkerError"]
__getattr__ = lazy_names(
    __name__,
    {"Limits": "bench.process.limits"}
    | dict.fromkeys(("Reply", "Worker", "WorkerError"), "bench.process.worker"),
)
