"""What a training is to be: its length, its steps, its phases."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.core.errors import BenchError

FIRST, ALL, LAST = "entropy-first", "all", "entropy-last"  # the phases


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides the outcome of a training. Defaults are those of `bench train`.

    A training ends after `steps` or `minutes`, whichever comes first. With `steps` alone, two
    trainings on a CPU give the same weights.

    Raises:
        BenchError: a value that makes no sense; the sentence names the option.

    >>> plan = TrainingPlan(steps=100, entropy_first=0.5)
    >>> plan.phase(plan.progress(step=75, seconds=0))
    ('all', 0.5)
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 8  # crops in a step
    crop: int = 128  # side of the crops in pixels, a multiple of 64
    rate: float = 2e-4  # learning rate of the transform; `Ainn.parameter_groups` has the others
    entropy_first: float = 0.12  # share of the first phase
    entropy_last: float = 0.0  # share of the last
    seed: int = 0
    precision: str = "float32"  # or bfloat16, for convolutions; sums, latents and rates stay float32
    ema: float = 0.999  # of the averaged weights
    clip: float = 1.0  # largest norm of the gradient
    record: bool = True  # on a GPU, record a step once and replay it
    compile: bool = True  # on a GPU, compile A-INN's couplings
    fastest: bool = False  # time other variants of a step (`variants`), and go on with the fastest
    export_crops: int = 64  # that symbols are counted on, and the filter is fitted to, at the end

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise BenchError("say how long to train: --minutes or --steps")
        if self.steps is not None and self.steps < 1:
            raise BenchError(f"steps must be at least 1, not {self.steps}")
        if self.minutes is not None and not 0 <= self.minutes < math.inf:
            raise BenchError(f"minutes must be a number from 0 on, not {self.minutes:g}")
        if self.precision not in ("float32", "bfloat16"):
            raise BenchError(f"precision '{self.precision}' is not known; take float32 or bfloat16")
        if self.entropy_first + self.entropy_last > 1:
            raise BenchError(
                "--entropy-first and --entropy-last are shares of a training: at most 1 together"
            )
        if self.crop % 64 or self.crop <= 0:
            raise BenchError(f"--crop {self.crop} is not a multiple of 64; take 128 or 256")

    def progress(self, step: int, seconds: float) -> float:
        """How much of the plan is done, 0 to 1."""
        shares = [step / self.steps] if self.steps is not None else []
        if self.minutes is not None:
            shares.append(seconds / (60 * self.minutes) if self.minutes > 0 else 1.0)
        return min(1.0, max(shares))

    def phase(self, progress: float) -> tuple[str, float]:
        """Name of the phase, and how much of it is done, 0 to 1."""
        first, last = self.entropy_first, 1 - self.entropy_last
        if progress < first or first == 1:
            return FIRST, progress / first
        if progress < last or last == 1:  # at the very end, too: a phase that isn't planned isn't the last
            return ALL, (progress - first) / (last - first)
        return LAST, (progress - last) / max(self.entropy_last, 1e-9)
