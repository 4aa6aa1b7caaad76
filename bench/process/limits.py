"""Limits of a piece of work: seconds and memory."""

from __future__ import annotations

from dataclasses import dataclass

from bench.core.errors import BenchError
from bench.process.free_memory import free_memory

MAX_PROCESSES = 256  # of one worker: no codec needs them, a fork bomb does


@dataclass(frozen=True)
class Limits:
    """What one coding run (an encoding or a decoding) may use, its child processes included."""

    seconds: float | None = None  # None or infinite: any
    memory: int | None = None  # bytes

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise BenchError(
                f"--timeout is in seconds and must be above 0, not {self.seconds:g}; inf is no limit"
            )
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
    """Bytes that each of so many jobs may take without bringing down the machine or the cgroup that they are
    in: 90 % of what is free."""
    return int(0.9 * free_memory() / max(1, jobs))
