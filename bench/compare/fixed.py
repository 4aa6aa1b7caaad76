"""Curves at fixed quality and at fixed rate, and where they cross: what one Bjontegaard delta can hide.

Between points, log rate over quality and quality over log rate are pchip interpolants, as in
`bench.compare.bd`. Beyond its points a curve has no value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.compare.curves import Curve
from bench.metrics import get as get_metric

if TYPE_CHECKING:
    from bench.compare.interpolation import Array

RATES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)  # bpp

_MOST_QUALITIES = 8
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
# Two curves cross where each is ahead on one side by this share of the rate; less is noise.
_AHEAD = 0.01
_SAMPLES = 512


@dataclass(frozen=True)
class Entry:
    """A codec at a fixed quality or rate; None: beyond its curve, or beyond the anchor's."""

    codec: str
    value: float | None  # bpp at fixed quality, the metric on the scale of curves at fixed rate
    gap: float | None  # to the anchor: percent of its bpp, or difference of the metric


@dataclass(frozen=True)
class Line:
    """All codecs at one quality or rate."""

    at: float
    entries: tuple[Entry, ...]  # the anchor last


@dataclass(frozen=True)
class View:
    """All codecs at a few round values of what is held fixed, "quality" or "rate"."""

    metric: str
    fixed: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Crossing:
    """Where two curves meet."""

    quality: float  # the metric on the scale of curves
    bpp: float
    cheaper_below: str  # the codec that needs fewer bits at lower quality


def at_fixed_quality(curves: Sequence[Curve], metric: str) -> View:
    """Bits per pixel that each codec needs for round qualities that the anchor, last, and another reach."""
    splines = [_rate_over_quality(curve, metric) for curve in curves]
    turned = get_metric(metric).turned
    lines = []
    for quality in _round_qualities(splines):
        values = [None if (y := spline(quality)) is None else math.exp(y) for spline in splines]
        gaps = [_percent(value, values[-1]) for value in values]
        lines.append(_line(turned(quality), curves, values, gaps))
    return View(metric, "quality", tuple(lines))


def at_fixed_rate(curves: Sequence[Curve], metric: str) -> View:
    """The metric that each codec reaches at round rates that the anchor, last, and another have."""
    splines = [_quality_over_rate(curve, metric) for curve in curves]
    turned = get_metric(metric).turned
    lines = []
    for rate in RATES:
        qualities = [spline(math.log(rate)) for spline in splines]
        values = [None if quality is None else turned(quality) for quality in qualities]
        if values[-1] is not None and any(value is not None for value in values[:-1]):
            gaps = [_difference(value, values[-1]) for value in values]
            lines.append(_line(rate, curves, values, gaps))
    return View(metric, "rate", tuple(lines))


def rate_at(curve: Curve, metric: str, quality: float) -> float | None:
    """Bits per pixel that a curve needs for a quality as of `Curve.axes`; None: beyond the curve."""
    log_rate = _rate_over_quality(curve, metric)(quality)
    return None if log_rate is None else math.exp(log_rate)


def quality_at(curve: Curve, metric: str, bpp: float) -> float | None:
    """The quality, as of `Curve.axes`, that a curve reaches at a rate; None: beyond the curve."""
    return _quality_over_rate(curve, metric)(math.log(bpp))


def quality_at_rate(curve: Curve, metric: str, bpp: float) -> float | None:
    """The quality, as of `Curve.axes`, that a curve reaches at a rate: between its points as in
    `at_fixed_rate`, beyond them straight on over log rate. None: the curve doesn't rise, or has one point."""
    points = curve.usable_points(metric)
    if not _rise(points):
        return None
    import numpy as np

    rates, qualities = np.array(points).T[:, None]
    return float(qualities_at_rates(rates, qualities, np.array([[bpp]]))[0, 0])


def qualities_at_rates(rates: Array, qualities: Array, bpp: Array) -> Array:
    """As `quality_at_rate`, of many curves at once: (curves, places).

    Args:
        rates, qualities: (curves, points), two points or more, both rising strictly within a row.
        bpp: (curves, places).
    """
    import numpy as np

    from bench.compare.interpolation import pchip

    x, at = np.log(rates), np.log(bpp)
    low, high = x[:, :1], x[:, -1:]
    between = pchip(x, qualities).values(np.clip(at, low, high))
    slopes = np.diff(qualities) / np.diff(x)
    before = qualities[:, :1] + slopes[:, :1] * (at - low)
    after = qualities[:, -1:] + slopes[:, -1:] * (at - high)
    values: Array = np.where(at < low, before, np.where(at > high, after, between))
    return values


def crossings(tested: Curve, anchor: Curve, metric: str) -> list[Crossing]:
    """Where one curve overtakes the other, by rising quality; touching and noise don't count."""
    test, other = _rate_over_quality(tested, metric), _rate_over_quality(anchor, metric)
    low, high = max(test.low, other.low), min(test.high, other.high)
    if not low < high:
        return []
    grid = [low + (high - low) * i / (_SAMPLES - 1) for i in range(_SAMPLES - 1)] + [high]
    gaps = [a - b for a, b in zip(test.all(grid), other.all(grid), strict=True)]
    ahead = [i for i, gap in enumerate(gaps) if abs(gap) > _AHEAD]
    places = []
    for i, j in pairwise(ahead):
        if gaps[i] * gaps[j] < 0:
            k = next(k for k in range(i, j) if gaps[k] * gaps[k + 1] <= 0)
            share = gaps[k] / (gaps[k] - gaps[k + 1])
            quality = grid[k] + share * (grid[k + 1] - grid[k])
            (log_rate,) = test.all([quality])
            cheaper = tested.codec if gaps[i] < 0 else anchor.codec
            value = get_metric(metric).turned(quality)
            places.append(Crossing(value, math.exp(log_rate), cheaper))
    return places


def fall(curve: Curve, metric: str) -> tuple[float, float] | None:
    """The two rates between which quality falls or stands still, the first such; None if it rises."""
    for (low, before), (high, after) in pairwise(curve.usable_points(metric)):
        if after <= before:
            return low, high
    return None


class _Spline:
    """A pchip interpolant; without a rising curve of two points or more, it has no value anywhere."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self.low, self.high = math.inf, -math.inf
        if _rise(points):
            import numpy as np

            from bench.compare.interpolation import pchip

            self.low, self.high = points[0][0], points[-1][0]
            x, y = np.array(points).T[:, None]
            self._spline = pchip(x, y)

    def __call__(self, x: float) -> float | None:
        return self.all([x])[0] if self.low <= x <= self.high else None

    def all(self, xs: Sequence[float]) -> list[float]:
        """Values at places that all lie within the curve."""
        import numpy as np

        values: list[float] = self._spline.values(np.array([xs]))[0].tolist()
        return values


def _rise(points: Sequence[tuple[float, float]]) -> bool:
    return len(points) >= 2 and all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(points))


def _rate_over_quality(curve: Curve, metric: str) -> _Spline:
    return _Spline([(quality, math.log(rate)) for rate, quality in curve.usable_points(metric)])


def _quality_over_rate(curve: Curve, metric: str) -> _Spline:
    return _Spline([(math.log(rate), quality) for rate, quality in curve.usable_points(metric)])


def _round_qualities(splines: Sequence[_Spline]) -> list[float]:
    """Multiples of the smallest round step that gives few enough, where the anchor meets another codec."""
    *others, anchor = splines
    low = max(anchor.low, min((other.low for other in others), default=math.inf))
    high = min(anchor.high, max((other.high for other in others), default=-math.inf))
    if not low < high:
        return []
    for step in _STEPS:
        first, last = math.ceil(low / step), math.floor(high / step)
        if last - first < _MOST_QUALITIES:
            break
    else:
        return []
    levels = [round(k * step, 6) for k in range(first, last + 1)]
    return [level for level in levels if any(other.low <= level <= other.high for other in others)]


def _line(
    at: float, curves: Sequence[Curve], values: Sequence[float | None], gaps: Sequence[float | None]
) -> Line:
    return Line(
        at,
        tuple(
            Entry(curve.codec, value, None if curve is curves[-1] else gap)
            for curve, value, gap in zip(curves, values, gaps, strict=True)
        ),
    )


def _percent(value: float | None, anchor: float | None) -> float | None:
    return None if value is None or anchor is None else 100 * (value / anchor - 1)


def _difference(value: float | None, anchor: float | None) -> float | None:
    return None if value is None or anchor is None else value - anchor
