"""The search for the quality that hits a target: what it finds, and how many encodings it takes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from bench.run.target_search import NEAR, Grid, next_quality

LADDER = (10.0, 30.0, 50.0, 70.0, 90.0)


def search(gap: Callable[[float], float], grid: Grid, hint: float | None = None) -> dict[float, float]:
    """All that was tried, and how far above the target each was."""
    known: dict[float, float] = {}
    while (quality := next_quality(known, grid, hint)) is not None:
        assert quality not in known and grid.low <= quality <= grid.high
        assert not grid.whole or quality == int(quality)
        known[quality] = gap(quality)
        assert len(known) < 40
    return known


def nearest(known: dict[float, float]) -> float:
    return min(abs(gap) for gap in known.values())


@pytest.mark.parametrize("falling", [False, True])
def test_on_whole_qualities_the_nearest_is_found_by_few_encodings(falling: bool) -> None:
    rng = np.random.default_rng(1)
    grid = Grid(1, 100, True, falling, LADDER)
    counts = []
    for _ in range(300):
        # Rates that rise by steps of any size, as logarithms.
        rates = np.cumsum(rng.gamma(0.7, 0.06, 100)) + rng.normal(0, 0.5)
        gaps = dict(zip(range(1, 101), (rates[::-1] if falling else rates) - rng.uniform(0, 4), strict=True))
        known = search(lambda quality, gaps=gaps: float(gaps[int(quality)]), grid)  # type: ignore[misc]
        assert nearest(known) == min(map(abs, gaps.values()))
        counts.append(len(known))
    assert np.mean(counts) < 7 and max(counts) <= 14  # halving takes 7 each, and more at the ends


def test_a_hint_that_is_right_takes_three_encodings_on_whole_qualities_and_one_on_others() -> None:
    whole = search(lambda quality: 0.03 * (quality - 62.2), Grid(1, 100, True, False, LADDER), 62)
    assert 62 in whole and len(whole) <= 3
    assert list(search(lambda quality: 0.03 * (quality - 62.1), Grid(1, 100, False, False, LADDER), 62)) == [
        62
    ]


def test_between_qualities_that_are_any_number_the_target_is_hit() -> None:
    known = search(
        lambda ratio: math.log(24 / ratio / 0.37), Grid(1, 10000, False, True, (240, 96, 40, 20, 8))
    )
    assert nearest(known) <= NEAR and len(known) <= 8


def test_a_codec_that_knows_two_streams_only_is_not_asked_for_more_and_more() -> None:
    known = search(lambda quality: -0.1 if quality < 41.3 else 0.1, Grid(1, 100, False, False, LADDER))
    assert len(known) <= 14


@pytest.mark.parametrize("offset", [5.0, -5.0])
def test_a_target_out_of_reach_ends_at_the_end_of_the_grid(offset: float) -> None:
    known = search(lambda quality: offset + 0.01 * quality, Grid(1, 100, True, False, LADDER))
    assert (1 if offset > 0 else 100) in known and len(known) <= 6


def test_a_codec_of_one_quality_takes_one_encoding() -> None:
    assert len(search(lambda quality: math.inf, Grid(100, 100, True, False, (100.0,)))) == 1
