"""The processes of one worker: itself and all that it started, however deep and whether or not orphaned."""

from __future__ import annotations

import mmap
import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MARK = "BENCH_WORKER"  # the environment variable that a worker's descendants inherit

_PARENT_OF_NAMESPACE = 0xB702  # NS_GET_PARENT of ioctl_ns(2)
_LONGEST_WAIT_S = 0.002  # between looks at a process that is to stop


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

    def pids(self, most: int | None = None) -> list[int]:
        """The live ones that can be recognised cheaply: those in its namespace and in namespaces made there,
        or else those in its session.

        Args:
            most: look no further once there are more. A fork bomb leaves the runner some milliseconds at a
                time.
        """
        if self._is_alone():
            self.others.clear()  # their numbers may be given anew until all processes are looked at again
            return [self.worker]
        present = set(psutil.pids())
        self.others &= present
        is_one, ours = self._recognise(), []
        for pid in sorted(present - self.others - {self.first}, reverse=True):  # the newest first
            if is_one(pid):
                ours.append(pid)
                if most is not None and len(ours) > most:
                    break
            elif self.first is not None:  # who is in a session may be in another later
                self.others.add(pid)
        return ours[::-1]

    def kill_most(self) -> None:
        """Kill by one signal all in the namespace, or else all in the worker's group.

        Some may be left, of which `end` takes care.
        """
        with suppress(OSError):
            if self.first is not None:
                os.kill(self.first, signal.SIGKILL)
            else:
                os.killpg(self.worker, signal.SIGKILL)

    def end(self, but: Collection[int] = ()) -> None:
        """Kill them all.

        They are stopped before they are killed, so that none can start another meanwhile.

        Args:
            but: those to leave alone, which are stopped.
        """
        kept = {self.guard, *but}
        for _ in range(1000):  # a fork bomb may win a few rounds
            marked = set() if self.first is not None else _marked(self.mark)
            victims = {pid for pid in (*self.pids(), *marked) if pid not in kept and not is_over(pid)}
            if not victims:
                return
            for number in (signal.SIGSTOP, signal.SIGKILL):
                send_signal(victims, number)
            time.sleep(0.002)

    def _recognise(self) -> Callable[[int], bool]:
        """How to tell cheaply whether a process is one of them, or the first of the namespace."""
        if self.first is None:
            return lambda pid: _session(pid) == self.worker
        here, theirs = _namespace(os.getpid()), _namespace(self.first)

        def is_one(pid: int) -> bool:
            namespace = _namespace(pid)
            return namespace == theirs or (namespace not in (here, -pid) and _is_within(pid, theirs))

        return is_one

    def _is_alone(self) -> bool:
        """Whether there is nothing but the worker in its namespace; False: there is, or that isn't known.

        Looking at all processes of the machine takes ten times as long. Any other in the namespace descends
        from a child of the worker, of the guard (clone(2) can make a sibling) or, once its parent has ended,
        of the first process. They are looked at in this order: while the worker is stopped, what moves
        meanwhile is found at the next.
        """
        if self.first is None:
            return False
        try:
            return (
                not any(_children(thread) for thread in _threads(self.worker))
                and set(_children(_only_thread(self.guard))) == {self.first, self.worker}
                and not _children(_only_thread(self.first))
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
    deadline, wait = time.monotonic() + longest, 0.0001
    waiting = list(pids)
    while waiting and time.monotonic() < deadline:
        time.sleep(wait)  # first, as none stops at once
        wait = min(2 * wait, _LONGEST_WAIT_S)
        waiting = [pid for pid in waiting if _goes_on(pid)]


def memory_of(pids: Iterable[int]) -> int:
    """Resident bytes of processes together."""
    return sum(map(_memory, pids))


def is_over(pid: int) -> bool:
    """Dead but not yet waited for, or gone."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return True


def _memory(pid: int) -> int:
    with suppress(OSError):
        return int(_read(f"/proc/{pid}/statm").split()[1]) * mmap.PAGESIZE
    with suppress(psutil.Error):  # it is gone, or there is no /proc
        return int(psutil.Process(pid).memory_info().rss)
    return 0


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


def _children(thread: str) -> list[int]:
    """Numbers of the processes that a thread has started; raises OSError where nobody tells."""
    return [int(child) for child in _read(f"{thread}/children").split()]


def _threads(pid: int) -> list[str]:
    """Folders of /proc, one for each thread of a process."""
    folder = f"/proc/{pid}/task"
    return [f"{folder}/{thread}" for thread in os.listdir(folder)]


def _only_thread(pid: int) -> str:
    """The same of a process that has one thread, as all have that run no code of a codec."""
    return f"/proc/{pid}/task/{pid}"


def _read(path: str) -> bytes:
    """A small file of /proc, without the time that Python's files take."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(lambda: os.read(file, 1 << 16), b""))
    finally:
        os.close(file)


def _session(pid: int) -> int:
    """Who leads the session of a process; 0: it is gone."""
    with suppress(OSError):
        return os.getsid(pid)
    return 0


def _namespace(pid: int) -> int:
    """A number of the namespace of processes that one is in; another each time where it can't be known."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return -pid


def _is_within(pid: int, namespace: int) -> bool:
    """Whether a process is in a namespace that was made within another, however deep."""
    import fcntl

    with suppress(OSError), ExitStack() as files:
        file = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        files.callback(os.close, file)
        while True:  # until there is none above, or none that we may know
            file = fcntl.ioctl(file, _PARENT_OF_NAMESPACE)
            files.callback(os.close, file)
            if os.fstat(file).st_ino == namespace:
                return True
    return False


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
