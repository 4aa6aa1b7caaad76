"""A process of its own that does one kind of work, seen from the runner."""

from __future__ import annotations

import functools
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bench.core.errors import BenchError
from bench.core.openmp import wait_passively
from bench.process import libraries
from bench.process.confine import Reach
from bench.process.descendants import MARK, Descendants, memory_of, send_signal, wait_until_stopped
from bench.process.folders import Folder
from bench.process.guard import FAREWELL
from bench.process.limits import MAX_PROCESSES, Limits
from bench.process.messages import Channel, Payload, content_of

LAST_LINES = 3  # of what a process printed, part of the reason when it dies
PATIENCE_S = 600.0  # that a process may stop in the middle of a message
LEAST_LOADING_S = 60.0  # that importing a codec may take, however low the limit of coding is
_FIRST_LOOK, _LONGEST_WAIT = 0.05, 0.1  # seconds between looks at a process that works
_END_S = 10.0  # that the end of all processes of a worker may take

# Where libraries keep what they compile: by default in the user's home folder, which a confined codec can't
# write to. Each process has a place of its own, or one could leave word for another there.
_CACHES = (
    "CUDA_CACHE_PATH", "NUMBA_CACHE_DIR", "PYTORCH_KERNEL_CACHE_PATH", "TORCHINDUCTOR_CACHE_DIR",
    "TRITON_CACHE_DIR",
)  # fmt: skip

# Places that the runner's environment tells, and that are nobody's business.
_PLACES = ("BENCH_DATA", "OLDPWD", "PYTEST_CURRENT_TEST", "_")

_can_isolate = True  # until a kernel says otherwise


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
    content: Payload  # can be passed on to another process as it is
    memory: int  # bytes, peak of the process and its children as far as was seen from outside

    @property
    def payload(self) -> bytes:
        """A copy of the content, if that is a file."""
        return bytes(content_of(self.content))


class Worker:
    """An encoder, a decoder or a scorer, in a process that is started again after it died.

    A confined one works only while it is asked something: between two pieces of work the process, and what it
    started when it was loaded, are stopped; what it started later is dead.

    Args:
        role: "encode", "decode" or "score".
        what: the codec's name, or names of metrics with commas between.
        limits: of each piece of work.
        threads: for libraries that ask the environment.
        cpus: that it may run on; None: all.
        confined: whether a codec is held to its own files, and to processes of its own.
        hidden: files and folders that a codec mustn't read even where they lie among its own.
        variables: of the environment, beside the usual ones.
    """

    _processes: Descendants  # since the last start

    def __init__(
        self,
        role: str,
        what: str,
        limits: Limits,
        threads: int,
        cpus: frozenset[int] | None = None,
        confined: bool = True,
        hidden: Iterable[Path] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.role, self.what, self.limits, self.threads, self.cpus = role, what, limits, threads, cpus
        self.confined = confined and role != "score"
        self.hidden, self.variables = tuple(hidden), dict(variables or {})
        self.loaded: dict[str, Any] = {}  # what it said of itself when it was loaded
        self.start_s: float | None = None  # from nothing to ready
        self._guard: subprocess.Popen[bytes] | None = None
        self._mark = ""

    @property
    def running(self) -> bool:
        return self._guard is not None

    @property
    def pid(self) -> int | None:
        return self._processes.worker if self._guard else None

    @property
    def gpu(self) -> str | None:
        """UUID of the GPU that the codec computes on; None: on none, or not known."""
        return self.loaded.get("gpu") if self.running else None

    @property
    def on_gpu(self) -> bool:
        """Whether the codec computes on a GPU."""
        return self.running and self.loaded.get("device", "CPU") != "CPU"

    @property
    def pids(self) -> list[int]:
        """Numbers of the process and of all that it started."""
        return self._processes.pids() if self.running else []

    def start(self, payload: bytes = b"") -> bytes:
        """Start the process, load what it needs and warm it up.

        Args:
            payload: for a decoder, a bitstream to warm up with.

        Returns:
            Of an encoder, such a bitstream.

        Raises:
            WorkerError: it can't be loaded, or that took over the limits.
        """
        reach = json.dumps(asdict(self._reach)).encode() if self.confined else b"{}"
        began = time.perf_counter()
        self._spawn()
        seconds = self.limits.seconds
        loading = Limits(seconds and max(seconds, LEAST_LOADING_S), self.limits.memory)
        try:
            loaded = self._ask({"action": "load"}, reach, loading)
            warm = self._warm_up(payload)
        except WorkerError:
            self.close()
            raise
        self.start_s = time.perf_counter() - began
        self.loaded = loaded.header | warm.header
        self.loaded["libraries"] = libraries.versions(self.loaded.get("libraries", ()))
        self._before = self._files()
        self._rest()
        return warm.payload

    def ask(self, action: str, payload: Payload | memoryview | None = None, **values: Any) -> Reply:
        """Have one piece of work done.

        Args:
            payload: a file goes to the process as it is; of bytes a new one is made.

        Raises:
            WorkerError: it failed, died, or went over a limit; in the last two cases it must be started
                again, and all that it had started is dead.
        """
        self._signal_resting(signal.SIGCONT)
        try:
            return self._ask({"action": action, **values}, payload, self.limits)
        finally:
            if self._guard is not None and self._resting:
                self._signal_resting(signal.SIGSTOP)
                self._processes.end(but=self._resting)

    def cpu_seconds(self) -> float:
        """CPU time that the process and those of its children that have ended have used."""
        with suppress(psutil.Error):
            return float(sum(psutil.Process(self.pid).cpu_times()[:4])) if self.pid else 0.0
        return 0.0

    def tidy(self) -> None:
        """Remove what the process has written to its folder since it was ready, but for what it compiled."""
        now = self._files()
        for path in sorted(now.keys() - self._before.keys(), reverse=True):  # what is in a folder first
            with suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        for path in now.keys() & self._before.keys():
            if now[path] != self._before[path] and not path.is_dir():
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """End the process, everything that it started, and its folder."""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        self._channel.close()
        if self._processes.first is None:  # the guard kills all that are in the namespace
            self._processes.end()
        with suppress(OSError):
            os.write(self._lifeline, FAREWELL)
        os.close(self._lifeline)
        with suppress(subprocess.TimeoutExpired):
            guard.wait(_END_S)
        guard.kill()
        guard.wait()
        self._folder.remove()

    def _spawn(self) -> None:
        self.close()
        self._resting: list[int] = []
        global _can_isolate
        if not self._spawned(self.confined and _can_isolate):
            _can_isolate = False
            if not self._spawned(False):
                raise WorkerError(self._died())
        if self.cpus is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._processes.worker, self.cpus)

    def _spawned(self, isolated: bool) -> bool:
        """Start the processes; False: namespaces were to be made, and no use of them."""
        self._mark = secrets.token_hex(8)
        self._folder = Folder()
        self._channel, theirs = Channel.pair(PATIENCE_S)
        lifeline, self._lifeline = os.pipe()
        try:
            with self._folder.output.open("wb") as output:
                self._guard = subprocess.Popen(
                    [
                        *(sys.executable, "-P", "-m", "bench.process.child"),
                        *(str(theirs.fileno()), str(lifeline), self.role, self.what),
                        *("confined" if self.confined else "free", "isolated" if isolated else "beside"),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(), lifeline),
                    cwd=self._folder.work,
                    env=self._environment(),
                    start_new_session=True,  # Ctrl-C doesn't reach it
                )
        finally:
            theirs.close()
            os.close(lifeline)
        self._processes = Descendants(self._guard.pid, self._guard.pid, self._mark)
        try:
            if not self._channel.waits(LEAST_LOADING_S):
                raise EOFError
            started, _ = self._channel.receive()
        except (EOFError, OSError, ValueError):
            raise WorkerError(self._died()) from None
        if started["worker"] is None:
            self.close()
            return False
        self._processes = Descendants(self._guard.pid, started["worker"], self._mark, started["first"])
        return True

    def _environment(self) -> Mapping[str, str]:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in _PLACES and (name == "HOME" or os.path.abspath(value) not in self._secret_places)
        }
        for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
            environment[f"{name}_NUM_THREADS"] = str(self.threads)
        if self.role == "score":
            # NumPy's products in metrics are small. OpenBLAS's threads spin between them, whatever
            # OMP_WAIT_POLICY says, and beside other programs take three times as long as one does.
            environment["OPENBLAS_NUM_THREADS"] = "1"
        wait_passively(environment)
        # The search path of this process, as children of tests and notebooks may not have it.
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        work = str(self._folder.work)
        if self.confined:
            environment |= dict.fromkeys(_CACHES, str(self._folder.cache))
        return environment | self.variables | {MARK: self._mark, "TMPDIR": work, "PWD": work}

    @functools.cached_property
    def _secret_places(self) -> set[str]:
        """What is hidden, and the folders of hidden files."""
        places = {os.path.abspath(path) for path in self.hidden}
        return places | {os.path.dirname(path) for path in places if os.path.isfile(path)}

    @functools.cached_property
    def _reach(self) -> Reach:
        from bench import codecs
        from bench.process.readable import reach

        try:
            described = [Path(self.what)] if os.path.isfile(self.what) else []  # by a YAML file
            return reach([*described, *codecs.get(self.what).reads()], self.hidden)
        except BenchError as error:
            raise WorkerError(str(error), for_users=True) from None
        except Exception as error:  # a plugin may raise anything
            raise WorkerError(f"what it reads isn't known ({type(error).__name__}: {error})") from None

    def _warm_up(self, payload: bytes) -> Reply:
        try:
            return self._ask({"action": "warm_up"}, payload, self.limits)
        except WorkerError as error:
            raise WorkerError(f"in its warm-up {error}", error.for_users) from None

    def _rest(self) -> None:
        """Stop the process, and what it started so far, until it is asked something."""
        if self.confined:
            self._resting = self._processes.pids()
            self._signal_resting(signal.SIGSTOP)

    def _signal_resting(self, number: int) -> None:
        """Send a signal to those that rest, unless their numbers may be those of others by now."""
        if self._guard is None or self._guard.poll() is not None:
            return
        if len(self._resting) > 1:
            self._resting = [pid for pid in self._processes.pids() if pid in self._resting]
        send_signal(self._resting, number)
        if number == signal.SIGSTOP:
            wait_until_stopped(self._resting)

    def _ask(self, header: Mapping[str, Any], payload: Payload | memoryview | None, allowed: Limits) -> Reply:
        assert self._guard is not None
        try:
            self._channel.send(header, payload)
            memory = self._watch(allowed)
            answer, content = self._channel.receive()
            if "error" in answer:
                self._members()  # a bomb's processes fail at the kernel's limit
        except (EOFError, OSError, ValueError, KeyError):
            raise WorkerError(self._died()) from None
        except WorkerError:
            self.close()
            raise
        if "error" in answer:
            raise WorkerError(self._explained(answer["error"]), answer.get("for_users", False))
        return Reply(answer, content, memory)

    def _watch(self, allowed: Limits) -> int:
        """Wait until there is an answer; gives the most memory that was seen in use."""
        began, wait, most = time.monotonic(), _FIRST_LOOK, 0
        while not self._channel.waits(wait):
            if allowed.seconds is not None and time.monotonic() - began > allowed.seconds:
                raise WorkerError(f"it took over {allowed.seconds:g} s{self._option('timeout')}")
            most = max(most, memory_of(self._members()))
            if allowed.memory is not None and most > allowed.memory:
                mebibytes = f"{allowed.memory / 2**20:.0f} MiB of memory"
                raise WorkerError(f"it took over {mebibytes}{self._option('memory')}")
            left = float("inf") if allowed.seconds is None else began + allowed.seconds - time.monotonic()
            wait = max(0.001, min(2 * wait, _LONGEST_WAIT, left))
        return most

    def _members(self) -> list[int]:
        """Numbers of its processes; raises WorkerError if they are too many."""
        members = self._processes.pids(MAX_PROCESSES)
        if len(members) > MAX_PROCESSES:
            self._processes.kill_most()  # before anything else: the guard may wait long for its turn
            raise WorkerError(f"it started over {MAX_PROCESSES} processes")
        return members

    def _option(self, name: str) -> str:
        """Which option sets a limit; those of scoring are ours."""
        return "" if self.role == "score" else f" (--{name})"

    def _explained(self, reason: str) -> str:
        if self.confined and reason.startswith("PermissionError"):
            reason += "; codecs reach only their own files: name more in BENCH_READABLE, or run --unconfined"
        return reason

    def _died(self) -> str:
        """Why there is no answer: how the process ended, and its last words."""
        assert self._guard is not None
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(1)
        code = self._guard.returncode
        words = self._last_lines()
        self.close()
        if code is None:
            how = "its process doesn't answer as it should"
        elif code < 0:
            how = f"its process was killed by signal {-code}"
        else:
            how = f"its process ended ({code})"
        return f"{how}: {words}" if words else how

    def _last_lines(self) -> str:
        with suppress(OSError), self._folder.output.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            text = file.read().decode(errors="replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return " | ".join("".join(filter(str.isprintable, line)) for line in lines[-LAST_LINES:])
        return ""

    def _files(self) -> dict[Path, tuple[int, int]]:
        files = {}
        for folder, folders, names in os.walk(self._folder.work):
            if folder == str(self._folder.work):
                folders[:] = [name for name in folders if name != self._folder.cache.name]
            for name in (*folders, *names):
                path = Path(folder, name)
                with suppress(OSError):
                    status = path.lstat()
                    files[path] = (status.st_mtime_ns, status.st_size)
        return files
