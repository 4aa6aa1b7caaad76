"""The guard of a worker: a process that runs no code of a codec, and ends the worker when its runner is gone.

    runner -> guard -> worker, and what the worker starts
                    -> first process of the worker's namespace, where there are namespaces

Whatever the worker does, the guard goes on. A codec that stays in C code with Python's lock held would stop
every thread of its own process, and with them one that waits for the runner's end. When the first process of
a namespace dies, the kernel kills all others in it.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from bench.process.messages import Channel

FAREWELL = b"."  # what a runner that lives sends before it closes the lifeline


def split(channel: Channel, lifeline: int, folder: str, isolated: bool) -> frozenset[str]:
    """Go on in a new process, the worker, which leads a session, and stay behind as its guard.

    The guard sends the numbers of the processes that it starts, and ends as the worker ends.

    Args:
        channel: to the runner.
        lifeline: one end of a pipe. When the runner's end of it closes, all processes here end.
        folder: removed when the runner died.
        isolated: whether to make namespaces, where the kernel lets us.

    Returns:
        In the worker: the namespaces that it is in.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to handle
    entered = _entered(channel) if isolated and sys.platform == "linux" else frozenset()
    ours, theirs = os.pipe(), os.pipe()
    for end in ours:
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ours[1])
    first = None
    if "pid" in entered:
        first = os.fork()
        if first == 0:
            _become_child((*ours, lifeline, channel.fileno()), theirs)
            _reap_for_ever()
    worker = os.fork()
    if worker == 0:
        _become_child((*ours, lifeline), theirs)
        os.setsid()
        if first is not None:
            from bench.process import namespaces

            namespaces.limit_tasks()
        return entered
    os.close(theirs[0])
    os.chdir("/")
    with suppress(OSError):
        channel.send({"worker": worker, "first": first})
    channel.close()
    _stand(worker, first, lifeline, ours[0], folder)


def _entered(channel: Channel) -> frozenset[str]:
    from bench.process import namespaces

    try:
        return namespaces.enter()
    except namespaces.NotMapped:
        channel.send({"worker": None})
        os._exit(1)


def _become_child(files: tuple[int, ...], guard: tuple[int, int]) -> None:
    """Close the guard's files, and die when the guard dies.

    Args:
        guard: a pipe, of which only the guard keeps the second end open.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for file in (*files, guard[1]):
        os.close(file)
    if sys.platform == "linux":
        from bench.process.system_calls import die_with_parent

        die_with_parent(signal.SIGKILL)
    if select.select([guard[0]], [], [], 0)[0]:  # it died before it was asked
        os._exit(1)
    os.close(guard[0])


def _reap_for_ever() -> NoReturn:
    """What the first process of a namespace is for: orphans become its children."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # and are gone when they end
    os.chdir("/")
    while True:
        signal.pause()


def _stand(worker: int, first: int | None, lifeline: int, ended: int, folder: str) -> NoReturn:
    """Wait for the end of the worker or of the runner, and end what is left."""
    status = None
    farewell = b""
    while status is None:
        ready, _, _ = select.select([lifeline, ended], [], [])
        if lifeline in ready:
            farewell = os.read(lifeline, 1)
            break
        with suppress(BlockingIOError):
            os.read(ended, 4096)
        pid, code = os.waitpid(worker, os.WNOHANG)
        status = code if pid else None
    if status is None and first is None and not farewell:
        from bench.process.descendants import MARK, Descendants

        Descendants(os.getpid(), worker, os.environ[MARK]).end()
    for pid in filter(None, (first, None if status is not None else worker)):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.wait()
    if status is None and not farewell:
        shutil.rmtree(folder, ignore_errors=True)
    _end_like(status or 0)


def _end_like(status: int) -> NoReturn:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with suppress(OSError):  # SIGKILL is as it should be
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))
