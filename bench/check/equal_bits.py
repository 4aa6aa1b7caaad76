"""How much cells gained at equal bits: against the baseline's own curves of the pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bench import metrics
from bench.check.cells import Pair, gain_in
from bench.compare.curves import cell_of, curve
from bench.compare.fixed import qualities_at_rates, quality_at_rate

Bought = Iterator[tuple[int, float]]  # a cell, by its place among the pairs, and what its new bits bought


def gains_at_equal_bits(metric: str, pairs: Sequence[Pair]) -> list[float]:
    """By how much a metric got better in each pair, on the scale of curves, infinite as in `gain_in`.

    Of a cell that takes other bits than it took, what these buy on the baseline's curve of the picture is
    taken off. Where such a curve doesn't rise, nothing is known of other bits, and nothing is taken off.
    """
    gains = [gain_in(metric, *pair) for pair in pairs]
    places: dict[str, list[int]] = {}  # of the cells of a picture, among the pairs
    for place, (before, _) in enumerate(pairs):
        places.setdefault(before.image_sha256, []).append(place)
    by_points: dict[int, list[list[int]]] = {}  # pictures whose curves have as many points
    for picture in dict.fromkeys(before.image_sha256 for before, now in pairs if before.bpp != now.bpp):
        by_points.setdefault(len(places[picture]), []).append(places[picture])
    for pictures in by_points.values():
        for place, bought in _bought(metric, pairs, np.array(pictures)):
            before, now = pairs[place]
            if now.bpp != before.bpp and not math.isinf(gains[place]):
                gains[place] -= bought
    return gains


def _bought(metric: str, pairs: Sequence[Pair], places: NDArray[np.int64]) -> Bought:
    """Of pictures (pictures, points), all at once where curves rise, as nearly all do."""
    scale = metrics.get(metric)

    def quality(place: int) -> float:
        value = pairs[place][0].metrics[metric]
        return math.nan if value is None else scale.turned(scale.in_db(value))

    flat = places.ravel().tolist()
    rates, rates_now, qualities = (
        np.array(values).reshape(places.shape)
        for values in (
            [pairs[place][0].bpp for place in flat],
            [pairs[place][1].bpp for place in flat],
            [quality(place) for place in flat],
        )
    )
    order = rates.argsort(axis=1)
    places, rates, rates_now, qualities = (
        np.take_along_axis(values, order, axis=1) for values in (places, rates, rates_now, qualities)
    )
    with np.errstate(all="ignore"):  # rates of 0 and pictures without loss: no such curve
        steps = (np.diff(np.log(rates)), np.diff(qualities), np.isfinite(qualities))
        rise = np.logical_and.reduce([(step > 0).all(axis=1) for step in steps])
    rise &= (rates[:, 0] > 0) & (rates_now > 0).all(axis=1) & (places.shape[1] > 1)
    if rise.any():
        there = qualities_at_rates(rates[rise], qualities[rise], rates_now[rise]) - qualities[rise]
        yield from zip(places[rise].ravel().tolist(), there.ravel().tolist(), strict=True)
    for own in places[~rise].tolist():
        yield from _bought_of_one(metric, pairs, own)


def _bought_of_one(metric: str, pairs: Sequence[Pair], places: Sequence[int]) -> Bought:
    """Of one picture, whose curve may lack points that are usable."""
    baseline = curve("the baseline", [cell_of(pairs[place][0], (metric,)) for place in places])
    for place in places:
        before, now = pairs[place]
        if now.bpp == before.bpp or math.isinf(before.metrics[metric] or 0):
            continue
        there, here = (quality_at_rate(baseline, metric, row.bpp) for row in (before, now))
        if there is not None and here is not None:
            yield place, here - there
