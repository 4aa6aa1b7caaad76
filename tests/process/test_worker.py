"""Worker processes: what they are started with, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from bench.process import Limits, Worker


@contextmanager
def started(role: str = "encode", codec: str = "jpeg", threads: int = 1) -> Iterator[Worker]:
    worker = Worker(role, codec, Limits(), threads)
    try:
        worker.start()
        yield worker
    finally:
        worker.close()


def environment_of(worker: Worker) -> dict[str, str]:
    return psutil.Process(worker.pid).environ()


def test_threads_that_wait_do_not_spin_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with started(threads=2) as worker:
        environment = environment_of(worker)
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE" and environment["OMP_NUM_THREADS"] == "2"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with started() as worker:
        assert environment_of(worker)["OMP_WAIT_POLICY"] == "ACTIVE"
