"""Limits of a coding run, what a process and its children use, and the end of all of them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.core.errors import BenchError

MARK = "BENCH_WORKER"  # the environment variable that a worker's descendants inherit
MAX_PROCESSES = 256  # of one worker: no codec needs them, a fork bomb does


@dataclass(frozen=True)
class Limits:
    """What one coding run (an encoding or a decoding) may use, its child processes included."""

    seconds: float | None = None
    memory: int | None = None  # bytes

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise BenchError(f"--timeout is in seconds and must be above 0, not {self.seconds:g}")
        if self.memory is not None and self.memory < 1 << 20:
            raise BenchError("--memory must be at least 1M; give a size such as 500M or 4G")


def parse_size(text: str) -> int:
    """Bytes of a size such as 500M, 4G, 1.5GiB or 100000 (bytes); units are powers of 1024."""
    number = text.strip().lower().removesuffix("b").removesuffix("i")
    factor = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}.get(number[-1:], 1)
    try:
        return int(float(number.rstrip("kmgt")) * factor)
    except (ValueError, OverflowError):
        raise BenchError(f"'{text}' is no size; give one such as 500M or 4G") from None


def fair_share(jobs: int) -> int:
    """Bytes that each of so many jobs may take without bringing the machine down: 90 % of what is free."""
    return int(0.9 * psutil.virtual_memory().available / max(1, jobs))


def session_members(session: int) -> list[int]:
    """The live processes of a session (a worker begins one of its own): itself and its descendants."""
    members = []
    for pid in psutil.pids():
        with suppress(OSError):
            if os.getsid(pid) == session:
                members.append(pid)
    return members


def memory_of(pids: list[int]) -> int:
    """Resident bytes of processes together."""
    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total


def kill_all(session: int, mark: str) -> None:
    """End a worker and everything that it started, however deep and whether or not orphaned.

    Descendants are known by their session and, where they left it, by the mark in their environment.
    They are stopped before they are killed, so that none can start another meanwhile.
    """
    for _ in range(1000):  # a fork bomb may win a few rounds
        victims = {pid for pid in (*session_members(session), *_marked(mark)) if not _is_over(pid)}
        if not victims:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in victims:
                with suppress(OSError):
                    os.kill(pid, number)
        time.sleep(0.002)


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


def _is_over(pid: int) -> bool:
    """Dead but not yet waited for, or gone."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return True
