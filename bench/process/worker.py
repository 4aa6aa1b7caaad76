"""A process of its own that does one kind of work, seen from the runner."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bench.process import limits
from bench.process.limits import Limits
from bench.process.messages import receive, send

LAST_LINES = 3  # of what a process printed, part of the reason when it dies
_FIRST_LOOK, _LONGEST_WAIT = 0.02, 0.1  # seconds between looks at a process that works


class WorkerError(Exception):
    """Why a piece of work has no result, as a clause: `worker` is as good as new after it, or restarts.

    Args:
        for_users: whether the reason is the sentence of a BenchError, which is written for users.
    """

    def __init__(self, reason: str, for_users: bool = False) -> None:
        super().__init__(reason)
        self.for_users = for_users


class Reply(NamedTuple):
    header: dict[str, Any]
    payload: bytes
    memory: int  # bytes, peak of the process and its children as far as was seen from outside


class Worker:
    """An encoder, a decoder or a scorer, in a process that is started again after it died.

    Args:
        role: "encode", "decode" or "score".
        what: the codec's name, or names of metrics with commas between.
        limits: of each piece of work.
        threads: for libraries that ask the environment.
        cpus: that it may run on; None: all.
        confined: whether a codec is kept from writing outside of its folder.
    """

    def __init__(
        self,
        role: str,
        what: str,
        limits: Limits,
        threads: int,
        cpus: frozenset[int] | None = None,
        confined: bool = True,
    ) -> None:
        self.role, self.what, self.limits, self.threads, self.cpus = role, what, limits, threads, cpus
        self.confined = confined
        self.loaded: dict[str, Any] = {}  # the header that loading gave
        self.start_s: float | None = None  # from nothing to ready
        self._process: subprocess.Popen[bytes] | None = None
        self._mark = ""

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, payload: bytes = b"") -> bytes:
        """Start the process and load what it needs; gives the payload of that.

        Raises:
            WorkerError: it can't be loaded.
        """
        began = time.perf_counter()
        self._spawn()
        # Loading is not coding: weights may come over a network, so it has a limit of its own.
        patience = None if self.limits.seconds is None else max(self.limits.seconds, 600)
        header = {"action": "load", "confine": self.confined}
        try:
            reply = self._ask(header, payload, Limits(patience, self.limits.memory))
        except WorkerError:
            self.close()
            raise
        self.start_s = time.perf_counter() - began
        self.loaded = reply.header
        self._before = self._files()
        return reply.payload

    def ask(self, action: str, payload: bytes | None = None, **values: Any) -> Reply:
        """Have one piece of work done.

        Raises:
            WorkerError: it failed, died, or went over a limit; in the last two cases it must be started
                again, and all that it had started is dead.
        """
        return self._ask({"action": action, **values}, payload, self.limits)

    def cpu_seconds(self) -> float:
        """CPU time that the process and those of its children that have ended have used."""
        with suppress(psutil.Error):
            return float(sum(psutil.Process(self.pid).cpu_times()[:4])) if self.pid else 0.0
        return 0.0

    def tidy(self) -> None:
        """Remove what the process has written to its folder since it was ready."""
        now = self._files()
        for path in sorted(now.keys() - self._before.keys(), reverse=True):  # what is in a folder first
            with suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in now.keys() & self._before.keys():
            if now[path] != self._before[path] and not path.is_dir():
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """End the process, everything that it started, and its folder."""
        process, self._process = self._process, None
        if process is None:
            return
        self._pipe.close()
        os.close(self._lifeline)
        limits.kill_all(process.pid, self._mark)
        process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _spawn(self) -> None:
        self.close()
        self._mark = secrets.token_hex(8)
        self._folder = Path(tempfile.mkdtemp(prefix="bench-")).resolve()
        (work := self._folder / "work").mkdir()
        self._work = work
        self._pipe, theirs = Pipe()
        lifeline, self._lifeline = os.pipe()
        try:
            with (self._folder / "output").open("wb") as output:
                self._process = subprocess.Popen(
                    [
                        *(sys.executable, "-P", "-m", "bench.process.child"),
                        *(str(theirs.fileno()), str(lifeline), self.role, self.what),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(), lifeline),
                    cwd=work,
                    env=self._environment(work),
                    start_new_session=True,  # Ctrl-C doesn't reach it, and its members are known
                )
        finally:
            theirs.close()
            os.close(lifeline)
        if self.cpus is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, self.cpus)

    def _environment(self, work: Path) -> Mapping[str, str]:
        environment = {name: value for name, value in os.environ.items() if name != "BENCH_DATA"}
        for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
            environment[f"{name}_NUM_THREADS"] = str(self.threads)
        # Threads that wait sleep. If they spun, they would hold the core that the other thread needs.
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # The search path of this process, as children of tests and notebooks may not have it.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        return environment | {limits.MARK: self._mark, "TMPDIR": str(work)}

    def _ask(self, header: Mapping[str, Any], payload: bytes | None, allowed: Limits) -> Reply:
        assert self._process is not None
        try:
            send(self._pipe, header, payload)
            memory = self._watch(allowed)
            answer, content = receive(self._pipe)
        except (EOFError, OSError, ValueError, KeyError):
            raise WorkerError(self._died()) from None
        except WorkerError:
            self.close()
            raise
        if "error" in answer:
            raise WorkerError(answer["error"], answer.get("for_users", False))
        return Reply(answer, content, memory)

    def _watch(self, allowed: Limits) -> int:
        """Wait until there is an answer; gives the most memory that was seen in use."""
        assert self._process is not None
        began, wait, most = time.monotonic(), _FIRST_LOOK, 0
        while not self._pipe.poll(wait):
            if allowed.seconds is not None and time.monotonic() - began > allowed.seconds:
                raise WorkerError(f"it took over {allowed.seconds:g} s (--timeout)")
            members = limits.session_members(self._process.pid)
            if len(members) > limits.MAX_PROCESSES:
                raise WorkerError(f"it started over {limits.MAX_PROCESSES} processes")
            most = max(most, limits.memory_of(members))
            if allowed.memory is not None and most > allowed.memory:
                raise WorkerError(f"it took over {allowed.memory / 2**20:.0f} MiB of memory (--memory)")
            left = float("inf") if allowed.seconds is None else began + allowed.seconds - time.monotonic()
            wait = max(0.001, min(2 * wait, _LONGEST_WAIT, left))
        return most

    def _died(self) -> str:
        """Why there is no answer: how the process ended, and its last words."""
        assert self._process is not None
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.returncode
        words = self._last_lines()
        self.close()
        how = (
            f"its process was killed by signal {-code}"
            if code and code < 0
            else f"its process ended ({code})"
        )
        return f"{how}: {words}" if words else how

    def _last_lines(self) -> str:
        with suppress(OSError), (self._folder / "output").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            text = file.read().decode(errors="replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return " | ".join("".join(filter(str.isprintable, line)) for line in lines[-LAST_LINES:])
        return ""

    def _files(self) -> dict[Path, tuple[int, int]]:
        files = {}
        for folder, folders, names in os.walk(self._work):
            for name in (*folders, *names):
                path = Path(folder, name)
                with suppress(OSError):
                    status = path.lstat()
                    files[path] = (status.st_mtime_ns, status.st_size)
        return files
