"""Processes that have imported what every worker needs. They start workers by forking, in milliseconds.

    runner -> template -> guard -> worker, and what the worker starts

Importing NumPy takes longer than many a codec takes for a picture. A template runs no code of a codec or of a
metric, so a worker knows no more than one that was started from nothing. It has one thread when it forks.

Processes of one template share the order of Python's sets and the addresses of objects. A codec that works
only as long as these are the same would pass unseen. So there are two templates, and who is compared with
another comes from the other one.
"""

from __future__ import annotations

import array
import atexit
import ctypes
import errno
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

REUSED = sys.platform == "linux"  # elsewhere NumPy's libraries don't bear to be forked

_MOST = 6  # that are kept: a run needs four at most
_START_S = 60.0  # that a start may take
_TITLE, _VARIABLES = 120, 1500  # bytes kept free for a worker's arguments and variables
_ROOM = "BENCH_ROOM"  # the variable that keeps it free
_NUMBER = struct.Struct("i")


class Template:
    """A template, seen from the runner.

    Args:
        environment: of its workers.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        began = time.perf_counter()
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_START_S)
        with theirs, tempfile.TemporaryFile() as output:
            command = (sys.executable, "-P", "-m", "bench.process.template", str(theirs.fileno()))
            self._process = subprocess.Popen(
                [*command, " " * _TITLE],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={**environment, _ROOM: " " * _VARIABLES} if REUSED else environment,
                start_new_session=True,  # Ctrl-C doesn't reach it
            )
            theirs.close()
            with suppress(OSError):
                if self._control.recv(1):
                    self.start_s = time.perf_counter() - began
                    return
            self.close()
            output.seek(0)
            words = output.read().decode(errors="replace").strip().splitlines()[-1:]
            raise OSError(f"Python doesn't start ({self._process.returncode}): {''.join(words)}")

    def fork(self, pipe: Connection, lifeline: socket.socket, output: int) -> int:
        """Start a guard, which then starts its worker (`bench.process.child.begin`); gives its number.

        Args:
            output: the file that it prints to.

        Raises:
            OSError: the template is gone, or can't start a process.
        """
        files = array.array("i", [pipe.fileno(), lifeline.fileno(), output])
        with self._lock:
            self._control.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
            answer = self._control.recv(_NUMBER.size)
        number = _NUMBER.unpack(answer)[0] if len(answer) == _NUMBER.size else 0
        if number <= 0:
            raise OSError(-number, os.strerror(-number) if number else "the template is gone")
        return int(number)

    def close(self) -> None:
        """End the template. What it started goes on."""
        self._control.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_lock = threading.Lock()
_templates: OrderedDict[tuple[object, ...], Template] = OrderedDict()


def template_for(environment: Mapping[str, str], number: int) -> tuple[Template, float]:
    """A template with an environment, and how long ago its start took, in seconds: 0 if it started just now.

    Args:
        number: 0 or 1, which of the two.
    """
    key = (os.getpid(), number, *sorted(environment.items()))
    with _lock:
        template = _templates.pop(key, None)
        if template is not None:
            _templates[key] = template  # the one that was used last
            return template, template.start_s
        while len(_templates) >= _MOST:
            _templates.popitem(last=False)[1].close()
        _templates[key] = template = Template(environment)
        return template, 0.0


def forget(template: Template) -> None:
    """Use a template no more."""
    with _lock:
        for key in [key for key, known in _templates.items() if known is template]:
            del _templates[key]
    template.close()


@atexit.register
def close_all() -> None:
    with _lock:
        for key, template in _templates.items():
            if key[0] == os.getpid():
                template.close()
        _templates.clear()


def main(control: socket.socket) -> None:
    """Fork a guard for each message, until the runner ends."""
    from bench.process import child
    from bench.process.file_pages import mapped, mapped_files

    before = mapped_files()
    if REUSED:
        import numpy

        import bench.codecs  # noqa: F401
    pages = mapped(mapped_files() - before)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, _reap)
    control.send(b".")
    while True:
        message, files, _, _ = socket.recv_fds(control, 1, 3)
        if not message:
            _reap()
            return
        try:
            number = os.fork()
        except OSError as error:
            number = -(error.errno or errno.EAGAIN)
        if number == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if REUSED:
                numpy.random.seed()  # or all of them would draw the same
            pipe, lifeline, output = files
            child.begin(pipe, lifeline, output, pages)
            return
        for file in files:
            os.close(file)
        control.send(_NUMBER.pack(number))


def _reap(*_: object) -> None:
    """Wait for guards that have ended, so that they are gone, and what they used counts."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def become(variables: Mapping[str, str], *title: str) -> None:
    """Have this process these variables in its environment, and let the kernel tell others of it as if it
    had been started with them and with these arguments."""
    os.environ.update(variables)
    if os.environ.pop(_ROOM, None) is None:
        return
    fields = Path("/proc/self/stat").read_bytes().rsplit(b")", 1)[1].split()
    arguments, arguments_end, environment, environment_end = (int(field) for field in fields[45:49])
    _overwrite(arguments, arguments_end, b" " * _TITLE, title)
    own = [f"{name}={value}" for name, value in variables.items()]
    _overwrite(environment, environment_end, f"{_ROOM}={' ' * _VARIABLES}".encode(), own)


def _overwrite(start: int, end: int, room: bytes, words: Iterable[str]) -> None:
    """Put words, which end with a zero, where there is room for them between two addresses."""
    at = ctypes.string_at(start, end - start).find(room)
    if at >= 0:
        text = "\0".join(words).encode(errors="surrogateescape")[: len(room)]
        ctypes.memmove(start + at, text.ljust(len(room), b"\0"), len(room))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
