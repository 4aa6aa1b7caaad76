"""Why there is no Bjontegaard delta, in words that name the curve and the place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.core.errors import BenchError

if TYPE_CHECKING:
    from bench.compare.bd_arrays import Gaps, Lines

Pairs = Sequence[tuple[float, float]]  # rate and quality of points


def unusable(name: str, pairs: Pairs, usable: Pairs, turned: bool = False) -> str | None:
    """Why a curve gives no delta at all; None if it does.

    Args:
        pairs: all points of the curve.
        usable: those of `bench.compare.bd.usable_points`.
        turned: whether qualities are negatives of what is to be shown.
    """
    sign = -1 if turned else 1
    return (
        _bad_values(name, pairs, sign)
        or _too_few(name, pairs, usable, sign)
        or _not_rising(name, usable, sign)
    )


def no_gap(
    gaps: Gaps,
    axis: str,
    tested: Lines,
    anchor: Lines,
    names: tuple[str, str],
    method: str,
    turned: bool = False,
) -> str | None:
    """Why the first pair of `gaps` has no mean gap; None if it has.

    Args:
        axis: what x is, "quality" or "rate"; the latter stands for log rate.
        turned: whether x is the negative of what is to be shown.
    """
    from bench.compare.bd_arrays import Trouble

    def between(start: float, end: float) -> str:
        return _between(axis, *((-end, -start) if turned else (start, end)))

    trouble, name = Trouble(gaps.trouble[0]), names[int(gaps.anchor[0])]
    if trouble is Trouble.none:
        return None
    if trouble in (Trouble.apart, Trouble.sliver):
        much = "only by a sliver" if trouble is Trouble.sliver else "nowhere"
        spans = (
            f"{own} lies {between(float(lines.x[0, 0]), float(lines.x[0, -1]))}"
            for own, lines in zip(names, (tested, anchor), strict=True)
        )
        return f"the curves overlap {much} in {axis}: {', '.join(spans)}"
    where = between(float(gaps.start[0]), float(gaps.end[0]))
    if trouble is Trouble.close:
        return f"points of {name} are too close together {where}"
    fault = {
        Trouble.turns: "isn't monotonic: it turns back",
        Trouble.leaves: "leaves the range of its points",
    }[trouble]
    return f"the {method} fit of {name} {fault} {where}; use pchip"


def too_many_bits(log_ratio: float, names: tuple[str, str]) -> str:
    """For a ratio of rates that is beyond all reason."""
    from bench.compare.bd_arrays import MAX_BIT_RATIO

    more, less = names if log_ratio > 0 else reversed(names)
    return (
        f"{more} seems to need over {MAX_BIT_RATIO:g} times the bits of {less}, so check the"
        " units of rate and whether the curves saturate"
    )


def refuse_unequal(name: str, rate: Sequence[float], quality: Sequence[float]) -> None:
    """Raise BenchError unless there is one quality per rate."""
    if len(rate) != len(quality):
        raise BenchError(
            f"curve of {name} has {len(rate)} rates and {len(quality)} qualities: give one of each per point"
        )


def _bad_values(name: str, pairs: Pairs, sign: int) -> str | None:
    from bench.compare.bd_arrays import MAX_QUALITY

    for r, q in pairs:
        if not 0 < r < math.inf:
            return f"curve of {name} has a rate of {r:.4g} bpp at {sign * q:#.4g}: rates are above 0"
        if math.isfinite(q) and abs(q) > MAX_QUALITY:
            return f"curve of {name} has an impossible quality: {sign * q:#.4g} at {r:.4g} bpp"
    return None


def _too_few(name: str, pairs: Pairs, usable: Pairs, sign: int) -> str | None:
    from bench.compare.bd_arrays import MIN_POINTS

    if len(usable) >= MIN_POINTS:
        return None
    few = f"curve of {name} has too few points: {len(usable)} usable, {MIN_POINTS} needed"
    lost = [(r, q) for r, q in pairs if not math.isfinite(q)]
    if lost:
        r, q = min(lost)
        few += f", for quality is {sign * q} at {r:.4g} bpp"
    return few


def _not_rising(name: str, usable: Pairs, sign: int) -> str | None:
    for (r0, q0), (r1, q1) in pairwise(usable):
        if r0 < r1 and q0 < q1:
            continue
        low, high = _apart(sign * q0, sign * q1, "#")
        left, right = _apart(r0, r1)
        if r0 == r1:
            return f"curve of {name} has two qualities at {left} bpp: {low} and {high}"
        if q1 == q0:
            return f"curve of {name} is flat: {low} at {left} bpp and at {right} bpp"
        return f"curve of {name} isn't monotonic: {high} at {right} bpp after {low} at {left} bpp"
    return None


def _between(axis: str, start: float, end: float) -> str:
    """The range in words; `axis` "rate" means log rate."""
    if axis == "quality":
        low, high = _apart(start, end, "#")
        return f"between {low} and {high}"
    low, high = _apart(_exp(start), _exp(end))
    return f"between {low} and {high} bpp"


def _exp(log_rate: float) -> float:
    return math.exp(min(log_rate, 709.7))  # rounding could pass the log of the largest float


def _apart(a: float, b: float, flag: str = "") -> tuple[str, str]:
    """Both numbers to the fewest digits, four or more, that tell them apart."""
    for digits in range(4, 18):
        texts = f"{a:{flag}.{digits}g}", f"{b:{flag}.{digits}g}"
        if texts[0] != texts[1] or a == b:
            break
    return texts
