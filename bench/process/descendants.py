"""The processes of one worker: itself and all that it started, however deep and whether or not orphaned."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "BENCH_WORKER"  # the environment variable that a worker's descendants inherit


@dataclass
class Descendants:
    """A worker and its descendants, seen from outside.

    Args:
        guard: the process that stays with it, which is none of them.
        worker: its process, which leads a session.
        mark: value of `MARK` in its environment.
        first: the first process of its namespace, which doesn't count; None: it has no namespace of its own.
    """

    guard: int
    worker: int
    mark: str
    first: int | None = None
    others: set[int] = field(default_factory=set, compare=False)  # known to be none of them

    def pids(self) -> list[int]:
        """The live ones that can be recognised cheaply: those in its namespace, or else in its session."""
        if self.first is not None:
            present = set(psutil.pids())
            self.others &= present
            unknown = present - self.others
            theirs = _namespace(self.first)
            ours = {pid for pid in unknown if _namespace(pid) == theirs}
            self.others |= unknown - ours
            return sorted(ours - {self.first})
        pids = []
        for pid in psutil.pids():
            with suppress(OSError):
                if os.getsid(pid) == self.worker:
                    pids.append(pid)
        return pids

    def end(self, but: Collection[int] = ()) -> None:
        """Kill them all.

        They are stopped before they are killed, so that none can start another meanwhile.

        Args:
            but: those to leave alone, which are stopped.
        """
        if self._are_only(but):
            return
        kept = {self.guard, *but}
        for _ in range(1000):  # a fork bomb may win a few rounds
            marked = set() if self.first is not None else _marked(self.mark)
            victims = {pid for pid in (*self.pids(), *marked) if pid not in kept and not is_over(pid)}
            if not victims:
                return
            for number in (signal.SIGSTOP, signal.SIGKILL):
                send_signal(victims, number)
            time.sleep(0.002)

    def _are_only(self, stopped: Collection[int]) -> bool:
        """Whether the worker, stopped, is alone in its namespace; False: it isn't, or that isn't known.

        Looking at all processes of the machine takes ten times as long. Another in the namespace descends from
        a child of the worker, of the guard (clone(2) can make a sibling) or, once its parent has ended, of the
        first process. They are looked at in this order: what moves meanwhile moves to where is looked later.
        """
        if self.first is None or list(stopped) != [self.worker]:
            return False
        try:
            return (
                not _children(self.worker)
                and set(_children(self.guard)) == {self.first, self.worker}
                and not _children(self.first)
            )
        except OSError:  # it is gone, or this kernel tells no children
            return False


def send_signal(pids: Iterable[int], number: int) -> None:
    """Send a signal to processes, as far as they are still there."""
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, number)


def wait_until_stopped(pids: Iterable[int], longest: float = 5.0) -> None:
    """Wait until every thread of processes that were sent SIGSTOP has stopped, or `longest` seconds.

    A signal stops the thread that takes it first. Until that one gets a core, the others go on.
    """
    deadline = time.monotonic() + longest
    waiting = [pid for pid in pids if _goes_on(pid)]
    while waiting and time.monotonic() < deadline:
        time.sleep(0.0002)
        waiting = [pid for pid in waiting if _goes_on(pid)]


def memory_of(pids: Iterable[int]) -> int:
    """Resident bytes of processes together."""
    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total


def is_over(pid: int) -> bool:
    """Dead but not yet waited for, or gone."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return True


def _goes_on(pid: int) -> bool:
    """Whether a thread of a process can still run; False where there is no /proc to tell."""
    try:
        for thread in _threads(pid):
            stat = _read(f"{thread}/stat")
            if stat[stat.rindex(b")") + 2 :][:1] not in b"TtZX":
                return True
    except OSError:  # it is gone
        pass
    return False


def _children(pid: int) -> list[int]:
    """Numbers of the children of all threads of a process; raises OSError where nobody tells."""
    return [int(child) for thread in _threads(pid) for child in _read(f"{thread}/children").split()]


def _threads(pid: int) -> list[str]:
    """Folders of /proc, one for each thread of a process."""
    folder = f"/proc/{pid}/task"
    return [f"{folder}/{thread}" for thread in os.listdir(folder)]


def _read(path: str) -> bytes:
    """A small file of /proc, without the time that Python's files take."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(lambda: os.read(file, 1 << 16), b""))
    finally:
        os.close(file)


def _namespace(pid: int) -> int:
    """A number of the namespace of processes that one is in; another each time where it can't be known."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return -pid


def _marked(mark: str) -> set[int]:
    pids = set()
    wanted = f"{MARK}={mark}".encode()
    for pid in psutil.pids():
        try:
            if Path("/proc").is_dir():
                environment = Path(f"/proc/{pid}/environ").read_bytes()
            else:
                environment = "\0".join(f"{k}={v}" for k, v in psutil.Process(pid).environ().items()).encode()
        except (OSError, psutil.Error):
            continue
        if wanted in environment.split(b"\0"):
            pids.add(pid)
    return pids
