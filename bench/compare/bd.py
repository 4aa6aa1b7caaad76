"""Bjontegaard deltas: the mean gap between two rate-distortion curves, or why there is none.

Sources:
- G. Bjontegaard, "Calculation of average PSNR differences between RD-curves", ITU-T VCEG-M33,
  2001: four points a curve, a polynomial of degree 3 ("cubic"), the gap averaged over the
  range that both curves cover. Log rate as a function of quality gives the BD-rate, quality
  as a function of log rate the BD-PSNR.
- JCT-VC and JVET common test conditions: "pchip", piecewise and monotonic (Fritsch and
  Carlson, 1980), which cannot overshoot.
- C. Herglotz et al., "Beyond Bjontegaard: Limits of Video Compression Performance
  Comparisons", ICIP 2022: pchip and "akima" follow the measured curve more closely.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bench.core.errors import BenchError

METHODS = ("pchip", "cubic", "akima")

_MIN_POINTS = 4  # VCEG-M33
# Qualities beyond this are no metric's value, and their products could overflow.
_MAX_QUALITY = 1e12
# Points nearer than this share of their curve's range, and overlaps narrower than this share of
# both ranges together, leave fewer digits than a result needs.
_MIN_SPACING = 1e-9
_MIN_OVERLAP = 1e-6
# An interpolant may leave the range of its own points by this share: a least-squares cubic
# through more than four points misses the end points a little.
_MAX_EXCURSION = 0.1
# Turning back by less than this share is rounding.
_MAX_FALL = 1e-9
# Both ways, so that swapping the codecs swaps the answer.
_MAX_BIT_RATIO = 100.0


@dataclass(frozen=True)
class BD:
    """The result of `bjontegaard`. A float here is always finite; a missing value is None.

    bd_rate: percent; negative: the tested codec needs fewer bits at equal quality.
    bd_metric: in the metric's unit (dB for PSNR); positive: the tested codec is better at
        equal rate.
    overlap: the range of quality that both curves cover, as a share (0..1) of the union of
        both; 0 when either curve is unusable. Judge a delta with a small overlap with care.
    points: usable distinct points of the tested curve and of the anchor.
    reason: why one or both values are missing; None when both are there.
    """

    bd_rate: float | None
    bd_metric: float | None
    overlap: float
    points: tuple[int, int]
    reason: str | None


class BDValue(float):
    """A Bjontegaard delta as a float: NaN where there is none, and then `reason` says why."""

    reason: str | None

    def __new__(cls, value: float | None, reason: str | None = None) -> BDValue:
        """`value` None stands for a missing value; `reason` is kept only then."""
        number = super().__new__(cls, math.nan if value is None else value)
        number.reason = reason if value is None else None
        return number

    def __reduce__(self) -> tuple[type[BDValue], tuple[float | None, str | None]]:  # for copy and pickle
        return BDValue, (None if math.isnan(self) else float(self), self.reason)


def bd_rate(
    rates: Iterable[float],
    qualities: Iterable[float],
    anchor_rates: Iterable[float],
    anchor_qualities: Iterable[float],
    method: str = "pchip",
) -> BDValue:
    """BD-rate of a curve against the anchor, in percent: negative where it needs fewer bits.

    Args:
        rates: bits per pixel (or any other unit, the same for both), above 0, in any order.
        qualities: PSNR in dB, or any metric of which more is better; one per rate.
        anchor_rates: as `rates`, of the curve to compare with.
        anchor_qualities: as `qualities`.
        method: interpolation: "pchip" (as JVET), "cubic" (as VCEG-M33), or "akima".

    Returns:
        A float with an attribute `reason`: NaN and the reason where there is no honest value, see
        `bjontegaard`.

    Raises:
        BenchError: unknown method, or rates and qualities of unequal number.

    >>> rates, psnrs = [0.2, 0.4, 0.8, 1.6], [30.0, 33.0, 36.0, 39.0]
    >>> round(bd_rate([0.18, 0.36, 0.72, 1.44], psnrs, rates, psnrs), 6)
    -10.0
    >>> bd_rate(rates, [50.0, 53.0, 56.0, 59.0], rates, psnrs)
    nan
    >>> bd_rate(rates[:3], psnrs[:3], rates, psnrs).reason
    'curve of test has too few points: 3 usable, 4 needed'
    """
    result = bjontegaard(list(rates), list(qualities), list(anchor_rates), list(anchor_qualities), method)
    return BDValue(result.bd_rate, result.reason)


def bd_metric(
    rates: Iterable[float],
    qualities: Iterable[float],
    anchor_rates: Iterable[float],
    anchor_qualities: Iterable[float],
    method: str = "pchip",
) -> BDValue:
    """BD-metric of a curve against the anchor, in the unit of qualities: positive where it is better.

    Of PSNR in dB this is the BD-PSNR. Arguments, result and errors are those of `bd_rate`.

    >>> rates, psnrs = [0.2, 0.4, 0.8, 1.6], [30.0, 33.0, 36.0, 39.0]
    >>> round(bd_metric(rates, [30.5, 33.5, 36.5, 39.5], rates, psnrs), 6)
    0.5
    """
    result = bjontegaard(list(rates), list(qualities), list(anchor_rates), list(anchor_qualities), method)
    return BDValue(result.bd_metric, result.reason)


def bjontegaard(
    rate: Sequence[float],
    quality: Sequence[float],
    anchor_rate: Sequence[float],
    anchor_quality: Sequence[float],
    method: str = "pchip",
    names: tuple[str, str] = ("test", "anchor"),
) -> BD:
    """BD-rate and BD-metric of the tested curve against the anchor.

    Exact duplicates of points are dropped, and so are points of non-finite quality (the PSNR of a
    lossless point is inf) as long as four points remain. A value is missing, with a reason, when
    - a curve has fewer than four usable points, a rate that isn't above 0, or a quality that
      doesn't rise strictly with rate;
    - the curves share no range, or only a sliver of it (under a millionth);
    - an interpolant turns back within the shared range, or leaves the range of its own points
      there by over a tenth: "cubic" and "akima" can overshoot, "pchip" can't;
    - one codec seems to need over 100 times the bits of the other: wrong units, or curves
      that saturate.
    The last three are judged for each value alone: one may be missing and the other not.

    Args:
        rate, anchor_rate: bits per pixel, above 0, in any order.
        quality, anchor_quality: higher is better, one per rate.
        method: one of `METHODS`.
        names: of the tested codec and the anchor, for `reason`.

    Raises:
        BenchError: unknown method, or rates and qualities of unequal number. No value of a float raises.

    >>> rates, psnrs = [0.2, 0.4, 0.8, 1.6], [30.0, 33.0, 36.0, 39.0]
    >>> bjontegaard(rates, psnrs, rates, psnrs)
    BD(bd_rate=0.0, bd_metric=0.0, overlap=1.0, points=(4, 4), reason=None)
    """
    if method not in METHODS:
        raise BenchError(f"unknown Bjontegaard method {method!r}: choose one of {', '.join(METHODS)}")
    test = _curve(rate, quality, names[0])
    anchor = _curve(anchor_rate, anchor_quality, names[1])
    points = (len(test.quality), len(anchor.quality))
    problem = test.problem or anchor.problem
    if problem is not None:
        return BD(None, None, 0.0, points, problem)

    rate_delta: float | None = None
    metric_delta: float | None = None
    reasons = []
    try:
        rate_delta = _percent(
            _mean_gap(
                _Axes("quality", test.name, test.quality, test.log_rate),
                _Axes("quality", anchor.name, anchor.quality, anchor.log_rate),
                method,
            ),
            names,
        )
    except _NoValue as error:
        reasons.append(f"no BD-rate: {error}")
    try:
        # The base of the logarithm cancels in a mean over the rate axis.
        metric_delta = _mean_gap(
            _Axes("rate", test.name, test.log_rate, test.quality),
            _Axes("rate", anchor.name, anchor.log_rate, anchor.quality),
            method,
        )
    except _NoValue as error:
        reasons.append(f"no BD-metric: {error}")
    overlap = _shared(test.quality, anchor.quality)[2]
    return BD(rate_delta, metric_delta, overlap, points, "; ".join(reasons) or None)


def usable_points(rate: Sequence[float], quality: Sequence[float]) -> list[tuple[float, float]]:
    """Distinct pairs (rate, quality) of finite quality and of a finite rate above 0, by rising rate.

    >>> usable_points([2, 1, 1, 4], [36, 30, 30, float("inf")])
    [(1.0, 30.0), (2.0, 36.0)]
    """
    pairs = {(float(r), float(q)) for r, q in zip(rate, quality, strict=True)}
    return sorted((r, q) for r, q in pairs if math.isfinite(q) and 0 < r < math.inf)


class _NoValue(Exception):
    """Why a value cannot be given."""


@dataclass(frozen=True)
class _Curve:
    """Usable points by rising rate, and the first thing that makes the curve unusable."""

    name: str
    log_rate: tuple[float, ...]
    quality: tuple[float, ...]
    problem: str | None


@dataclass(frozen=True)
class _Axes:
    """A curve as y over x, x strictly rising and y never falling; `axis` says which x is."""

    axis: str
    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def _curve(rate: Sequence[float], quality: Sequence[float], name: str) -> _Curve:
    if len(rate) != len(quality):
        raise BenchError(
            f"curve of {name} has {len(rate)} rates and {len(quality)} qualities: give one of each per point"
        )
    pairs = [(float(r), float(q)) for r, q in zip(rate, quality, strict=True)]
    usable = usable_points(rate, quality)
    return _Curve(
        name,
        tuple(math.log(r) for r, _ in usable),
        tuple(q for _, q in usable),
        _bad_values(name, pairs) or _too_few(name, pairs, usable) or _not_rising(name, usable),
    )


def _bad_values(name: str, pairs: list[tuple[float, float]]) -> str | None:
    for r, q in pairs:
        if not 0 < r < math.inf:
            return f"curve of {name} has a rate of {r:.4g} bpp at {q:#.4g}: rates are above 0"
        if math.isfinite(q) and abs(q) > _MAX_QUALITY:
            return f"curve of {name} has an impossible quality: {q:#.4g} at {r:.4g} bpp"
    return None


def _too_few(name: str, pairs: list[tuple[float, float]], usable: list[tuple[float, float]]) -> str | None:
    if len(usable) >= _MIN_POINTS:
        return None
    few = f"curve of {name} has too few points: {len(usable)} usable, {_MIN_POINTS} needed"
    lost = [(r, q) for r, q in pairs if not math.isfinite(q)]
    if lost:
        r, q = min(lost)
        few += f", for quality is {q} at {r:.4g} bpp"
    return few


def _not_rising(name: str, usable: list[tuple[float, float]]) -> str | None:
    for (r0, q0), (r1, q1) in pairwise(usable):
        low, high = _apart(q0, q1, "#")
        left, right = _apart(r0, r1)
        if r0 == r1:
            return f"curve of {name} has two qualities at {left} bpp: {low} and {high}"
        if q1 == q0:
            return f"curve of {name} is flat: {low} at {left} bpp and at {right} bpp"
        if q1 < q0:
            return f"curve of {name} isn't monotonic: {high} at {right} bpp after {low} at {left} bpp"
    return None


def _mean_gap(test: _Axes, anchor: _Axes, method: str) -> float:
    """Mean of test.y - anchor.y over the range of x that both cover."""
    low, high, overlap = _shared(test.x, anchor.x)
    if overlap < _MIN_OVERLAP:
        spans = (
            f"{curve.name} lies {_between(curve.axis, curve.x[0], curve.x[-1])}" for curve in (test, anchor)
        )
        much = "only by a sliver" if high > low else "nowhere"
        raise _NoValue(f"the curves overlap {much} in {test.axis}: {', '.join(spans)}")
    return _mean(test, low, high, method) - _mean(anchor, low, high, method)


def _mean(curve: _Axes, low: float, high: float, method: str) -> float:
    """Mean of the interpolant of y over [low, high], integrated exactly.

    The three methods follow any shift and scaling of x and y, so both axes are brought to
    [0, 1] first: no input then over- or underflows, and one tolerance serves all.
    """
    import numpy as np

    x, y = np.array(curve.x), np.array(curve.y)
    x_span = x[-1] - x[0]
    y_span = (y[-1] - y[0]) or 1.0  # log rates may coincide where rates don't
    u, v = (x - x[0]) / x_span, (y - y[0]) / y_span
    gaps = np.diff(u)
    if gaps.min() < _MIN_SPACING:
        raise _too_close(curve, int(gaps.argmin()))
    spline = _interpolant(curve, u, v, method)
    a, b = (low - x[0]) / x_span, (high - x[0]) / x_span
    _refuse_overshoot(curve, spline, a, b, method)
    return float(y[0] + y_span * spline.integrate(a, b) / (b - a))


def _interpolant(curve: _Axes, u: Any, v: Any, method: str) -> Any:
    """A scipy.interpolate.PPoly through (or, for a cubic of over four points, near) v at u."""
    import numpy as np
    from scipy.interpolate import Akima1DInterpolator, PchipInterpolator, PPoly

    with np.errstate(all="ignore"):  # slopes of 0 are divided by, and handled, in scipy
        if method == "pchip":
            return PchipInterpolator(u, v)
        if method == "akima":
            return Akima1DInterpolator(u, v)
        coefficients, _, rank, _, _ = np.polyfit(u, v, 3, full=True)
    if rank < 4:
        raise _too_close(curve, int(np.diff(u).argmin()))
    return PPoly(coefficients[:, None], [0.0, 1.0])


def _refuse_overshoot(curve: _Axes, spline: Any, a: float, b: float, method: str) -> None:
    """Raise _NoValue unless the spline rises over [a, b] and stays near its points there."""
    import numpy as np

    if method == "pchip":  # monotonic by construction
        return
    turns = spline.derivative().roots(discontinuity=False, extrapolate=False)
    knots = np.concatenate(([a, b], spline.x, turns[np.isfinite(turns)]))
    knots = np.unique(knots[(knots >= a) & (knots <= b)])
    values = spline(knots)
    steps = np.diff(values)
    span = curve.x[-1] - curve.x[0]
    if steps.min() < -_MAX_FALL:
        k = int(steps.argmin())
        start, end = (curve.x[0] + span * u for u in knots[k : k + 2])
        trouble = "isn't monotonic: it turns back"
    elif values[0] < -_MAX_EXCURSION or values[-1] > 1 + _MAX_EXCURSION:
        start, end = (curve.x[0] + span * u for u in (a, b))
        trouble = "leaves the range of its points"
    else:
        return
    raise _NoValue(
        f"the {method} fit of {curve.name} {trouble} {_between(curve.axis, start, end)}; use pchip"
    )


def _percent(log_ratio: float, names: tuple[str, str]) -> float:
    if abs(log_ratio) > math.log(_MAX_BIT_RATIO):
        more, less = names if log_ratio > 0 else reversed(names)
        raise _NoValue(
            f"{more} seems to need over {_MAX_BIT_RATIO:g} times the bits of {less}, so check the"
            " units of rate and whether the curves saturate"
        )
    return 100 * math.expm1(log_ratio)


def _shared(test: Sequence[float], anchor: Sequence[float]) -> tuple[float, float, float]:
    """Ends of the range that both rising sequences cover, and its share of their union (0..1)."""
    low, high = max(test[0], anchor[0]), min(test[-1], anchor[-1])
    union = max(test[-1], anchor[-1]) - min(test[0], anchor[0])
    return low, high, max(high - low, 0.0) / union if union > 0 else 0.0


def _too_close(curve: _Axes, k: int) -> _NoValue:
    where = _between(curve.axis, curve.x[k], curve.x[k + 1])
    return _NoValue(f"points of {curve.name} are too close together {where}")


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
