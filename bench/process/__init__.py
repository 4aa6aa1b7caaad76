"""Processes of their own for encoding, decoding and scoring, held to limits of time and memory."""

from bench.process.limits import Limits
from bench.process.worker import Reply, Worker, WorkerError

__all__ = ["Limits", "Reply", "Worker", "WorkerError"]
