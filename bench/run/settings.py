"""How a run measures: at once or alone, within which limits, and what of the results it measures anew."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bench.core.errors import BenchError
from bench.process import Limits

TIMING_REPEATS = 5


class Resume(StrEnum):
    """Which cells a run measures."""

    missing = "missing"  # those without figures, never tried or failed
    failed = "failed"  # only those that failed
    all = "all"  # every one anew
    none = "none"  # not one: only show what is there

    @classmethod
    def of(cls, name: str) -> Resume:
        """The policy of that name; raises BenchError if there is none."""
        if name not in list(cls):
            raise BenchError(f"--resume is one of {', '.join(cls)}, not '{name}'")
        return cls(name)


@dataclass(frozen=True)
class Settings:
    """How codecs are run; the options of `bench run` have the same names.

    Args:
        jobs: cells measured at once. With more than one, times are marked and not shown.
        threads: of each process; None: the cores divided by the jobs.
        timeout: seconds that one encoding or decoding may take; inf: any.
        memory: that it may take, in bytes or as "4G"; None: 90 % of what is free, per job.
        timing: alone on the machine, pinned to cores, median of five codings: for times to quote.
        fresh: a new process for every encoding and decoding. Slower, but nothing is carried over.
        confined: hold codecs to their own files, and to processes of their own.
        keep: keep bitstreams and decoded pictures beside the results.
        resume: "missing", "failed", "all" or "none".

    Raises:
        BenchError: a value that cannot be.

    >>> Settings(jobs=2, timeout=60).repeats
    1
    """

    jobs: int = 1
    threads: int | None = None
    timeout: float = 3600
    memory: int | str | None = None
    timing: bool = False
    fresh: bool = False
    confined: bool = True
    keep: bool = False
    resume: Resume | str = Resume.missing

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise BenchError(f"--jobs must be at least 1, not {self.jobs}")
        if self.threads is not None and self.threads < 1:
            raise BenchError(f"--threads must be at least 1, not {self.threads}")
        if self.timing and self.jobs > 1:
            raise BenchError("--timing runs one job alone; leave out --jobs")
        object.__setattr__(self, "resume", Resume.of(self.resume))
        self.limits()  # so that a wrong one is refused here

    @property
    def repeats(self) -> int:
        """How often a cell is encoded and decoded."""
        return TIMING_REPEATS if self.timing else 1

    def limits(self) -> Limits:
        """Time and memory of one encoding or decoding."""
        from bench.process import limits

        if self.memory is None:
            return Limits(self.timeout, limits.fair_share(self.jobs))
        size = limits.parse_size(self.memory) if isinstance(self.memory, str) else self.memory
        return Limits(self.timeout, size)
