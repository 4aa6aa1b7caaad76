"""Whether a measurement has the machine to itself: times taken beside other work mean nothing."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil

from bench.core.errors import BenchError
from bench.core.locks import lock

MOST_FOREIGN = 0.2  # of one core, that others may use beside us
_ATTEMPTS = 10
_NO_LOCKS = "runs on this machine see each other by a lock: set TMPDIR to a folder on a disk of this machine"
_WINDOW_S = 0.5  # the system counts in hundredths of a second


class Presence:
    """This run among those on this machine: others that go on are seen, and so is other work."""

    def __init__(self, file: IO[Any] | None, jobs: int) -> None:
        self._file, self._jobs = file, jobs
        self._foreign = 0.0
        self._since, self._busy, self._ours = time.monotonic(), _busy(), 0.0

    def alone(self, ours: Callable[[], float]) -> bool:
        """Whether nothing else runs now.

        Args:
            ours: gives the seconds of CPU time that this run and its processes have used so far.
        """
        now = time.monotonic()
        if now - self._since >= _WINDOW_S:
            busy, mine = _busy(), ours()
            used = (busy - self._busy) - (mine - self._ours)
            self._foreign = used / (now - self._since)
            self._since, self._busy, self._ours = now, busy, mine
        return self._jobs == 1 and self._foreign < MOST_FOREIGN and self._only()

    def _only(self) -> bool:
        """Whether no other run holds the lock: then we can have it for ourselves for a moment."""
        if self._file is None:
            return True
        only = lock(self._file, self._file.name, _NO_LOCKS)
        lock(self._file, self._file.name, _NO_LOCKS, shared=True)  # a run with --timing may be quicker
        return only


@contextmanager
def presence(jobs: int, exclusive: bool = False) -> Iterator[Presence]:
    """Register this run with the machine for as long as it lasts.

    Args:
        exclusive: no other run may go on at the same time.

    Raises:
        BenchError: another run goes on and one of the two must be alone.
    """
    path = Path(tempfile.gettempdir(), f"codec-bench-{os.getuid()}.lock")
    with path.open("a") as file:
        attempts = 0
        while not lock(file, path, _NO_LOCKS, shared=not exclusive):
            attempts += 1  # another may hold it for the moment that `_only` takes
            if attempts == _ATTEMPTS:
                raise BenchError(
                    "another bench run goes on, and --timing must run alone; wait for its end"
                    if exclusive
                    else "a bench run with --timing goes on, which must run alone; wait for its end"
                )
            time.sleep(0.02)
        yield Presence(None if exclusive else file, jobs)


def _busy() -> float:
    """Seconds of CPU time that the machine has spent on anything, all cores together."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return float(sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0))
