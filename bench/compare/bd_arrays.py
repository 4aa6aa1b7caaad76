"""Bjontegaard deltas of many pairs of curves at once, in arrays: a row per pair, NaN where there is no value.

Intervals and the single images of a dataset need thousands of deltas of curves that have as many points.
What is a value and what isn't is said in `bench.compare.bd`, which explains the latter in words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.compare.bd import refuse_unknown_method
from bench.compare.interpolation import Array, Cubics, akima, cubic, pchip
from bench.compare.part import WHOLE, Ends, Part

MIN_POINTS = 4  # VCEG-M33
# Qualities beyond this are no metric's value, and their products could overflow.
MAX_QUALITY = 1e12
# Both ways, so that swapping the codecs swaps the answer.
MAX_BIT_RATIO = 100.0

# Points nearer than this share of their curve's range, and overlaps narrower than this share of
# both ranges together, leave fewer digits than a result needs.
_MIN_SPACING = 1e-9
_MIN_OVERLAP = 1e-6
# An interpolant may leave the range of its own points by this share: a least-squares cubic
# through more than four points misses the end points a little.
_MAX_EXCURSION = 0.1
# Turning back by less than this share is rounding.
_MAX_FALL = 1e-9


class BDArrays(NamedTuple):
    """Deltas of many pairs, a row per pair; NaN: no value. Compare `bench.compare.bd.BD`."""

    bd_rate: Array  # (pairs,), percent
    bd_metric: Array  # (pairs,), in the unit of quality
    overlap: Array  # (pairs,), 0..1
    points: NDArray[np.int64]  # (pairs, 2), usable ones of the tested curve and of the anchor


class Trouble(IntEnum):
    """Why a pair has no mean gap."""

    none = 0
    apart = 1  # the curves overlap nowhere
    sliver = 2  # or hardly
    close = 3  # points are too close together
    turns = 4  # the interpolant turns back
    leaves = 5  # the interpolant leaves the range of its points


@dataclass(frozen=True)
class Lines:
    """Curves as y over x, a row per curve: x rises strictly, y never falls. Shapes (curves, points)."""

    x: Array
    y: Array

    def swapped(self) -> Lines:
        """x over y."""
        return Lines(self.y, self.x)


class Bounds(NamedTuple):
    """What of `Lines` is looked at: ends of x and of y, None: all."""

    x: Ends | None = None
    y: Ends | None = None

    def swapped(self) -> Bounds:
        return Bounds(self.y, self.x)


_ALL = Bounds()


def bounds_of(part: Part) -> Bounds:
    """For lines of log rate over quality."""
    rates = part.rates
    return Bounds(part.qualities, rates and (math.log(rates[0]), math.log(rates[1])))


@dataclass(frozen=True)
class Gaps:
    """Mean gaps of many pairs, and why some have none. Shapes (pairs,)."""

    value: Array  # mean of tested y less anchor y; NaN: none
    trouble: NDArray[np.int8]  # of `Trouble`
    anchor: NDArray[np.bool_]  # whether the trouble lies in the anchor
    start: Array  # where on x the trouble lies
    end: Array


def bjontegaard_arrays(
    rate: Array,
    quality: Array,
    anchor_rate: Array,
    anchor_quality: Array,
    method: str = "pchip",
    part: Part = WHOLE,
) -> BDArrays:
    """Deltas of each row of the tested curves against the same row of the anchor's.

    Args:
        rate, quality: (pairs, points), in any order within a row.
        anchor_rate, anchor_quality: (pairs, points of the anchor).
        method: of `bench.compare.bd.METHODS`.
        part: of the curves that deltas are about.

    Raises:
        BenchError: unknown method.
    """
    refuse_unknown_method(method)
    bounds = bounds_of(part)
    tested, anchor = _Usable(rate, quality), _Usable(anchor_rate, anchor_quality)
    rows = len(rate)
    points = np.stack((tested.kept.sum(axis=1), anchor.kept.sum(axis=1)), axis=1)
    bd_rate, bd_metric = np.full(rows, np.nan), np.full(rows, np.nan)
    shared = np.zeros(rows)
    kept = np.hstack((tested.kept, anchor.kept))
    for pattern, members in _groups(kept):
        split = tested.kept.shape[1]
        members = members[tested.sound[members] & anchor.sound[members]]
        rates, qualities = tested.select(members, pattern[:split])
        anchor_rates, anchor_qualities = anchor.select(members, pattern[split:])
        rising = _rise(rates, qualities) & _rise(anchor_rates, anchor_qualities)
        members = members[rising]
        if not len(members):
            continue
        lines = Lines(qualities[rising], np.log(rates[rising]))
        anchor_lines = Lines(anchor_qualities[rising], np.log(anchor_rates[rising]))
        swapped, swapped_anchors = lines.swapped(), anchor_lines.swapped()
        bd_rate[members] = percent(mean_gaps(lines, anchor_lines, method, bounds).value)
        bd_metric[members] = mean_gaps(swapped, swapped_anchors, method, bounds.swapped()).value
        shared[members] = overlap(lines, anchor_lines, bounds)[2]
    return BDArrays(bd_rate, bd_metric, shared, points)


def mean_gaps(tested: Lines, anchor: Lines, method: str, bounds: Bounds = _ALL) -> Gaps:
    """Means of tested.y - anchor.y over the ranges of x that both cover within bounds, integrated exactly."""
    low, high, share = overlap(tested, anchor, bounds)
    kind = np.where(high > low, Trouble.sliver, Trouble.apart)
    trouble = np.where(share < _MIN_OVERLAP, kind, Trouble.none)
    anchors = np.zeros(len(low), bool)
    start, end = np.zeros(len(low)), np.zeros(len(low))
    means = []
    for is_anchor, lines in ((False, tested), (True, anchor)):
        mean, own = _means(lines, low, high, method)
        means.append(mean)
        new = (trouble == Trouble.none) & (own.trouble != Trouble.none)
        trouble = np.where(new, own.trouble, trouble)
        anchors |= new & is_anchor
        start, end = np.where(new, own.start, start), np.where(new, own.end, end)
    value = np.where(trouble == Trouble.none, means[0] - means[1], np.nan)
    return Gaps(value, trouble.astype(np.int8), anchors, start, end)


def overlap(tested: Lines, anchor: Lines, bounds: Bounds = _ALL) -> tuple[Array, Array, Array]:
    """Ends of the ranges of x that both cover within bounds, and their shares (0..1): of the bounds of x,
    where there are such, else of the union."""
    (starts, ends), (anchor_starts, anchor_ends) = (_cut(lines, bounds.y) for lines in (tested, anchor))
    low, high = np.maximum(starts, anchor_starts), np.minimum(ends, anchor_ends)
    union = np.maximum(ends, anchor_ends) - np.minimum(starts, anchor_starts)
    if bounds.x is not None:
        low, high = np.maximum(low, bounds.x[0]), np.minimum(high, bounds.x[1])
        union = np.full_like(low, bounds.x[1] - bounds.x[0])
    share = np.maximum(high - low, 0.0) / np.where(union > 0, union, 1.0)
    return low, high, share


def _cut(lines: Lines, ends: Ends | None) -> tuple[Array, Array]:
    """Ends of x of curves that are cut to ends of y, as pchip reads them off."""
    if ends is None:
        return lines.x[:, 0], lines.x[:, -1]
    with np.errstate(all="ignore"):
        spline = pchip(lines.y, lines.x)
        start, end = (spline.values(np.clip(end, lines.y[:, :1], lines.y[:, -1:]))[:, 0] for end in ends)
    return start, end


def percent(log_ratio: Array) -> Array:
    """Changes of rate in percent; NaN for those beyond all reason."""
    with np.errstate(over="ignore"):
        change: Array = np.expm1(log_ratio) * 100.0
    return np.where(np.abs(log_ratio) > math.log(MAX_BIT_RATIO), np.nan, change)


class _Usable:
    """Curves by rising rate, with what of them is usable: as `bench.compare.bd.usable_points`."""

    def __init__(self, rate: Array, quality: Array) -> None:
        positive = (rate > 0) & np.isfinite(rate)
        finite = np.isfinite(quality)
        possible = ~finite | (np.abs(np.where(finite, quality, 0)) <= MAX_QUALITY)
        usable = positive & finite
        rate, quality = np.where(usable, rate, np.inf), np.where(usable, quality, np.inf)
        order = np.lexsort((quality, rate), axis=-1)
        self._rate = np.take_along_axis(rate, order, axis=1)
        self._quality = np.take_along_axis(quality, order, axis=1)
        self.kept = np.isfinite(self._rate)
        twins = (self._rate[:, 1:] == self._rate[:, :-1]) & (self._quality[:, 1:] == self._quality[:, :-1])
        self.kept[:, 1:] &= ~twins
        self.sound = positive.all(axis=1) & possible.all(axis=1) & (self.kept.sum(axis=1) >= MIN_POINTS)

    def select(self, members: NDArray[np.int64], columns: NDArray[np.bool_]) -> tuple[Array, Array]:
        return self._rate[members][:, columns], self._quality[members][:, columns]


def _groups(kept: NDArray[np.bool_]) -> list[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
    """Rows that keep the same points: which, and the rows' numbers."""
    if (kept == kept[:1]).all():  # nearly always
        return [(kept[0], np.arange(len(kept)))] if len(kept) else []
    patterns, group = np.unique(kept, axis=0, return_inverse=True)
    return [(pattern, np.flatnonzero(group.ravel() == i)) for i, pattern in enumerate(patterns)]


def _rise(rates: Array, qualities: Array) -> NDArray[np.bool_]:
    rising: NDArray[np.bool_] = ((np.diff(rates) > 0) & (np.diff(qualities) > 0)).all(axis=1)
    return rising


@dataclass(frozen=True)
class _Own:
    """Trouble of single curves. Shapes (curves,)."""

    trouble: NDArray[np.int64]
    start: Array
    end: Array


def _means(lines: Lines, low: Array, high: Array, method: str) -> tuple[Array, _Own]:
    """Means of the interpolants of y over [low, high], and what is wrong with them.

    The three methods follow any shift and scaling of x and y, so both axes are brought to
    [0, 1] first: no input then over- or underflows, and one tolerance serves all.
    """
    x0, y0 = lines.x[:, :1], lines.y[:, :1]
    x_span, y_span = lines.x[:, -1:] - x0, lines.y[:, -1:] - y0
    y_span = np.where(y_span == 0, 1.0, y_span)  # log rates may coincide where rates don't
    with np.errstate(all="ignore"):  # what isn't finite then is in trouble, and replaced
        u, v = (lines.x - x0) / x_span, (lines.y - y0) / y_span
        a, b = ((end[:, None] - x0) / x_span for end in (low, high))
    steps = np.diff(u)
    nearest = steps.argmin(axis=1)
    close = ~(steps.min(axis=1) >= _MIN_SPACING)
    u = np.where(close[:, None], np.linspace(0, 1, u.shape[1]), u)
    apart = ~(a < b)
    a, b = np.where(apart, 0.0, a), np.where(apart, 1.0, b)
    if method == "pchip":
        spline = pchip(u, v)
    elif method == "akima":
        spline = akima(u, v)
    else:
        spline, determined = cubic(u, v)
        close |= ~determined
    mean = (y0 + y_span * (spline.integral(a[:, 0], b[:, 0])[:, None] / (b - a)))[:, 0]
    rows = np.arange(len(u))
    start, end = lines.x[rows, nearest], lines.x[rows, nearest + 1]
    trouble: NDArray[np.int64] = np.where(close, Trouble.close, Trouble.none)
    if method != "pchip":  # which is monotonic by construction
        shape = _overshoot(spline, a, b)
        trouble = np.where(close, trouble, shape.trouble)
        start = np.where(close, start, x0[:, 0] + x_span[:, 0] * shape.start)
        end = np.where(close, end, x0[:, 0] + x_span[:, 0] * shape.end)
    return mean, _Own(trouble, start, end)


def _overshoot(spline: Cubics, a: Array, b: Array) -> _Own:
    """Whether splines don't rise over [a, b] or leave the range of their points, 0..1, there; and where."""
    places = np.hstack((a, b, *(np.clip(inner, a, b) for inner in (spline.knots, spline.turns()))))
    places.sort(axis=1)
    values = spline.values(places)
    steps = np.diff(values)
    rows, worst = np.arange(len(a)), steps.argmin(axis=1)
    turns = steps[rows, worst] < -_MAX_FALL
    leaves = (values[:, 0] < -_MAX_EXCURSION) | (values[:, -1] > 1 + _MAX_EXCURSION)
    shape = np.where(turns, Trouble.turns, np.where(leaves, Trouble.leaves, Trouble.none))
    start = np.where(turns, places[rows, worst], a[:, 0])
    end = np.where(turns, places[rows, worst + 1], b[:, 0])
    return _Own(shape, start, end)
