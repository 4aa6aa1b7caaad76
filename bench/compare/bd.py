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

from bench.compare.bd_reasons import no_gap, refuse_unequal, too_many_bits, unusable
from bench.compare.part import WHOLE, Part
from bench.core.errors import BenchError

METHODS = ("pchip", "cubic", "akima")
Points = list[tuple[float, float]]  # rate and quality


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
    higher_is_better: bool = True,
) -> BDValue:
    """BD-rate of a curve against the anchor, in percent: negative where it needs fewer bits.

    Args:
        rates: bits per pixel (or any other unit, the same for both), above 0, in any order.
        qualities: PSNR in dB, or any other metric; one per rate.
        anchor_rates: as `rates`, of the curve to compare with.
        anchor_qualities: as `qualities`.
        method: interpolation: "pchip" (as JVET), "cubic" (as VCEG-M33), or "akima".
        higher_is_better: False for a metric of which less is better, such as LPIPS.

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
    >>> errors = [0.4, 0.3, 0.2, 0.1]
    >>> round(bd_rate([0.18, 0.36, 0.72, 1.44], errors, rates, errors, higher_is_better=False), 6)
    -10.0
    """
    result = _of_values(rates, qualities, anchor_rates, anchor_qualities, method, higher_is_better)
    return BDValue(result.bd_rate, result.reason)


def bd_metric(
    rates: Iterable[float],
    qualities: Iterable[float],
    anchor_rates: Iterable[float],
    anchor_qualities: Iterable[float],
    method: str = "pchip",
    higher_is_better: bool = True,
) -> BDValue:
    """BD-metric of a curve against the anchor, in the unit of qualities: positive where it is better.

    Of PSNR in dB this is the BD-PSNR. Of a metric of which less is better, a positive one says by how much
    less. Arguments, result and errors are those of `bd_rate`.

    >>> rates, psnrs = [0.2, 0.4, 0.8, 1.6], [30.0, 33.0, 36.0, 39.0]
    >>> round(bd_metric(rates, [30.5, 33.5, 36.5, 39.5], rates, psnrs), 6)
    0.5
    """
    result = _of_values(rates, qualities, anchor_rates, anchor_qualities, method, higher_is_better)
    return BDValue(result.bd_metric, result.reason)


def bjontegaard(
    rate: Sequence[float],
    quality: Sequence[float],
    anchor_rate: Sequence[float],
    anchor_quality: Sequence[float],
    method: str = "pchip",
    names: tuple[str, str] = ("test", "anchor"),
    turned: bool = False,
    part: Part = WHOLE,
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
        turned: whether qualities are negatives of a metric of which less is better; `reason` then gives
            the metric's own values.
        part: of the curves that the deltas are about.

    Raises:
        BenchError: unknown method, or rates and qualities of unequal number. No value of a float raises.

    >>> rates, psnrs = [0.2, 0.4, 0.8, 1.6], [30.0, 33.0, 36.0, 39.0]
    >>> bjontegaard(rates, psnrs, rates, psnrs)
    BD(bd_rate=0.0, bd_metric=0.0, overlap=1.0, points=(4, 4), reason=None)
    """
    refuse_unknown_method(method)
    pairs, usable = [], []
    for name, rates, qualities in zip(names, (rate, anchor_rate), (quality, anchor_quality), strict=True):
        refuse_unequal(name, rates, qualities)
        pairs.append([(float(r), float(q)) for r, q in zip(rates, qualities, strict=True)])
        usable.append(usable_points(rates, qualities))
    points = (len(usable[0]), len(usable[1]))
    for name, own, own_usable in zip(names, pairs, usable, strict=True):
        if reason := unusable(name, own, own_usable, turned):
            return BD(None, None, 0.0, points, reason)
    return _delta(usable[0], usable[1], method, names, turned, part)


def usable_points(rate: Sequence[float], quality: Sequence[float]) -> Points:
    """Distinct pairs (rate, quality) of finite quality and of a finite rate above 0, by rising rate.

    >>> usable_points([2, 1, 1, 4], [36, 30, 30, float("inf")])
    [(1.0, 30.0), (2.0, 36.0)]
    """
    pairs = {(float(r), float(q)) for r, q in zip(rate, quality, strict=True)}
    return sorted((r, q) for r, q in pairs if math.isfinite(q) and 0 < r < math.inf)


def refuse_unknown_method(method: str) -> None:
    """Raise BenchError unless it is one of `METHODS`."""
    if method not in METHODS:
        raise BenchError(f"unknown Bjontegaard method {method!r}: choose one of {', '.join(METHODS)}")


def _of_values(
    rates: Iterable[float],
    values: Iterable[float],
    anchor_rates: Iterable[float],
    anchor_values: Iterable[float],
    method: str,
    higher_is_better: bool,
) -> BD:
    """Of values of a metric, which are turned where less is better."""
    sign = 1 if higher_is_better else -1
    return bjontegaard(
        list(rates), [sign * value for value in values],
        list(anchor_rates), [sign * value for value in anchor_values],
        method, turned=not higher_is_better,
    )  # fmt: skip


def _delta(
    tested: Points, anchor: Points, method: str, names: tuple[str, str], turned: bool, part: Part
) -> BD:
    """Of curves that are usable."""
    import numpy as np

    from bench.compare.bd_arrays import Lines, bounds_of, mean_gaps, overlap, percent

    def lines_of(points: Points) -> Lines:
        rates, qualities = np.array(points).T[:, None]
        return Lines(qualities, np.log(rates))

    lines, anchors = lines_of(tested), lines_of(anchor)
    swapped, swapped_anchors = lines.swapped(), anchors.swapped()
    bounds = bounds_of(part)
    by_quality = mean_gaps(lines, anchors, method, bounds)
    by_rate = mean_gaps(swapped, swapped_anchors, method, bounds.swapped())
    rate_delta, metric_delta = float(percent(by_quality.value)[0]), float(by_rate.value[0])
    reasons = []
    if math.isnan(rate_delta):
        why = no_gap(by_quality, "quality", lines, anchors, names, method, turned)
        reasons.append(f"no BD-rate: {why or too_many_bits(float(by_quality.value[0]), names)}")
    if math.isnan(metric_delta):
        reasons.append(f"no BD-metric: {no_gap(by_rate, 'rate', swapped, swapped_anchors, names, method)}")
    if part != WHOLE:
        reasons = [f"{reason} (within the given range)" for reason in reasons]
    return BD(
        None if math.isnan(rate_delta) else rate_delta,
        None if math.isnan(metric_delta) else metric_delta,
        float(overlap(lines, anchors, bounds)[2][0]),
        (len(tested), len(anchor)),
        "; ".join(reasons) or None,
    )
