"""How a step is computed, and which way is the fastest here. The outcome is the same but for rounding."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from bench.core.errors import first_line

NOTHING, COUPLINGS, DECODER = "nothing", "couplings", "decoder"  # that is compiled; the last with couplings
BUDGET_S = 60.0  # after which no further variant is begun
GAIN = 0.99  # of the best time so far, at most, for a variant to be taken: less is noise
_WARM_UPS, _STEPS = 2, 4


@dataclass(frozen=True)
class Variant:
    """One way to compute a step.

    >>> print(Variant(compile="couplings", record=True))
    couplings compiled, channels last, recorded
    """

    compile: str = NOTHING
    side_by_side: bool = False  # both branches' networks in one pass (`bench.codecs.ainn.layers.Pair`)
    channels_last: bool = True  # how pictures and weights lie in memory
    record: bool = False  # on a GPU: a step is recorded once and replayed

    def __str__(self) -> str:
        parts = ["couplings and decoder" if self.compile == DECODER else self.compile]
        parts[0] += " compiled"
        parts += ["branches side by side"] if self.side_by_side else []
        parts += ["channels last" if self.channels_last else "channels first"]
        parts += ["recorded"] if self.record else []
        return ", ".join(parts)


# What is tried, one after the other, each on the best so far: first what should gain most for its time.
CHANGES: tuple[dict[str, Any], ...] = (
    {"side_by_side": True},
    {"channels_last": False},
    {"compile": DECODER},
    {"compile": COUPLINGS},
    {"compile": NOTHING},
    {"record": False},
)


def fastest(
    start: Variant,
    axes: Sequence[str],
    measure: Callable[[Variant], float],
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Variant:
    """The fastest of `start` and of `CHANGES` to it, one by one, each kept if it gains.

    A variant that fails is left out. No variant is begun after `BUDGET_S` seconds; one may take longer.

    Args:
        axes: fields of a variant that may change here.
        measure: seconds of a step; raises any exception where a variant fails.
        say: called with a line for each variant.

    >>> seconds = {"nothing": 3.0, "couplings": 1.0, "decoder": 2.0}
    >>> print(fastest(Variant(), ["compile"], lambda variant: seconds[variant.compile], print))
    nothing compiled, channels last: 3000.0 ms a step, the first
    couplings and decoder compiled, channels last: 2000.0 ms a step, taken
    couplings compiled, channels last: 1000.0 ms a step, taken
    couplings compiled, channels last

    Raises:
        Exception: what `measure` raised of `start`, if all others failed, too.
    """
    began = clock()
    best, least, failed = start, float("inf"), None
    tried: set[Variant] = set()
    for change in ({}, *CHANGES):
        variant = replace(best, **{name: value for name, value in change.items() if name in axes})
        if variant in tried or (tried and clock() - began > BUDGET_S):
            continue
        tried.add(variant)
        try:
            seconds = measure(variant)
        except Exception as error:  # compilers and GPUs raise many kinds
            failed = failed or error.with_traceback(None)  # which would keep its tensors
            say(f"{variant}: left out ({first_line(error)[:120]})")
            continue
        taken = seconds < GAIN * least
        verdict = "the first" if least == float("inf") else "taken" if taken else "not taken"
        say(f"{variant}: {1000 * seconds:.1f} ms a step, {verdict}")
        if taken:
            best, least = variant, seconds
    if failed is not None and least == float("inf"):
        raise failed
    return best


def time_step(step: Callable[[], Any], device: torch.device) -> float:
    """Seconds that a step takes: the least of some, after it was run for the first times."""
    times = []
    for _ in range(_WARM_UPS + _STEPS):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        began = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[_WARM_UPS:])
