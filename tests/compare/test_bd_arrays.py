"""Bjontegaard deltas in arrays against the same pairs one by one, and these against scipy's interpolants."""

from __future__ import annotations

import math
import random
import warnings

import numpy as np
import pytest
from hostile_curves import hostile, random_curve
from scipy.interpolate import Akima1DInterpolator, PchipInterpolator

from bench.compare.bd import METHODS, bjontegaard
from bench.compare.bd_arrays import bjontegaard_arrays
from bench.core.errors import BenchError

Curve = tuple[list[float], list[float]]


def same(value: float, expected: float | None) -> bool:
    if expected is None or math.isnan(value):
        return expected is None and math.isnan(value)
    return value == pytest.approx(expected, rel=1e-10, abs=1e-10)


def compare_with_one_by_one(pairs: list[tuple[Curve, Curve]], method: str) -> tuple[int, int]:
    """How many values there are, and how many are missing; all pairs have as many points."""
    axes = [np.array([pair[side][axis] for pair in pairs], float) for side in (0, 1) for axis in (0, 1)]
    arrays = bjontegaard_arrays(axes[0], axes[1], axes[2], axes[3], method)
    values = missing = 0
    for row, (tested, anchor) in enumerate(pairs):
        alone = bjontegaard(*tested, *anchor, method=method)
        assert same(arrays.bd_rate[row], alone.bd_rate), (tested, anchor)
        assert same(arrays.bd_metric[row], alone.bd_metric), (tested, anchor)
        assert arrays.overlap[row] == pytest.approx(alone.overlap, abs=1e-12)
        assert tuple(arrays.points[row]) == alone.points
        values += alone.bd_rate is not None
        missing += alone.reason is not None
    return values, missing


@pytest.mark.parametrize("method", METHODS)
def test_random_curves_give_what_they_give_one_by_one(method: str) -> None:
    rng = random.Random(11)
    for tested, anchor in ((4, 4), (4, 9), (8, 6)):
        pairs = [(random_curve(rng, tested), random_curve(rng, anchor)) for _ in range(150)]
        values, _ = compare_with_one_by_one(pairs, method)
        assert values > 50


@pytest.mark.parametrize("method", METHODS)
def test_hostile_curves_give_what_they_give_one_by_one(method: str) -> None:
    """No overlap, curves that fall, infinities, twins, fewer than four points, all in one array."""
    rng = random.Random(12)
    values = missing = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for tested, anchor in ((3, 5), (4, 4), (5, 8), (12, 8)):
            pairs = [(hostile(rng, tested), hostile(rng, anchor)) for _ in range(150)]
            pairs += [((curve[0], curve[1]), (curve[0], curve[1])) for curve, _ in pairs if tested == anchor]
            found, lost = compare_with_one_by_one(pairs, method)
            values, missing = values + found, missing + lost
    assert values > 20 and missing > 100


@pytest.mark.parametrize("method", ["pchip", "akima"])
def test_one_by_one_is_what_scipy_gives(method: str) -> None:
    """BD-rate as it is defined, on axes that aren't scaled."""
    kind = {"pchip": PchipInterpolator, "akima": Akima1DInterpolator}[method]
    rng = random.Random(13)
    checked = 0
    for _ in range(200):
        tested, anchor = random_curve(rng, rng.randint(4, 9)), random_curve(rng, rng.randint(4, 9))
        delta = bjontegaard(*tested, *anchor, method=method)
        low = max(tested[1][0], anchor[1][0])
        high = min(tested[1][-1], anchor[1][-1])
        if delta.bd_rate is None:
            continue
        means = [
            float(kind(curve[1], np.log(curve[0])).integrate(low, high)) / (high - low)
            for curve in (tested, anchor)
        ]
        assert delta.bd_rate == pytest.approx(100 * math.expm1(means[0] - means[1]), rel=1e-9, abs=1e-9)
        checked += 1
    assert checked > 150


def test_nothing_gives_nothing() -> None:
    empty = np.empty((0, 5))
    arrays = bjontegaard_arrays(empty, empty, empty, empty)
    assert len(arrays.bd_rate) == len(arrays.overlap) == 0 and arrays.points.shape == (0, 2)


def test_an_unknown_method_is_a_user_error() -> None:
    one = np.ones((1, 4))
    with pytest.raises(BenchError, match="pchip"):
        bjontegaard_arrays(one, one, one, one, "linear")
