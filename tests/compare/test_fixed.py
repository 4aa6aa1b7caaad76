"""Curves at fixed quality and rate, and where they cross, on straight lines that can be computed by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from made_up import straight

from bench.compare.curves import MeasuredCell, curve
from bench.compare.fixed import at_fixed_quality, at_fixed_rate, crossings, fall


def test_bits_at_round_qualities_and_percent_of_the_anchor() -> None:
    view = at_fixed_quality([straight("new", offset=6), straight("old")], "psnr")  # half the bits
    assert {line.at for line in view.lines} >= {25.0, 30.0, 35.0}
    for line in view.lines:
        new, old = line.entries
        assert old.value == pytest.approx(2 ** ((line.at - 30) / 6)) and old.gap is None
        if new.value is not None:
            assert new.value == pytest.approx(old.value / 2)
            assert new.gap == pytest.approx(-50)


def test_quality_at_round_rates_and_difference_from_the_anchor() -> None:
    view = at_fixed_rate([straight("new", offset=1.5), straight("old")], "psnr")
    assert [line.at for line in view.lines] == [0.25, 0.5, 0.75, 1, 1.5, 2, 3]
    for line in view.lines:
        new, old = line.entries
        assert old.value == pytest.approx(30 + 6 * math.log2(line.at)) and old.gap is None
        assert new.gap == pytest.approx(1.5)


def test_nothing_is_said_beyond_a_curve() -> None:
    short, old = straight("short", rates=(0.4, 0.5, 0.6, 0.8)), straight("old")
    wide = straight("wide", rates=(0.05, 0.2, 0.4, 0.8, 1.6, 10))
    by_rate = {line.at: line.entries for line in at_fixed_rate([short, wide, old], "psnr").lines}
    assert by_rate[1.0][0].value is None and by_rate[1.0][0].gap is None
    assert by_rate[0.5][0].value is not None and by_rate[1.0][1].value is not None
    assert 0.1 not in by_rate and 4.0 not in by_rate  # where the anchor has nothing
    for line in at_fixed_quality([short, wide, old], "psnr").lines:
        assert (line.entries[0].value is None) == (
            not 30 + 6 * math.log2(0.4) <= line.at <= 30 + 6 * math.log2(0.8)
        )
        assert line.entries[2].value is not None


@pytest.mark.parametrize("span", [0.3, 4, 18, 70])
def test_levels_are_round_and_few_whatever_the_range(span: float) -> None:
    curves = [straight(name, slope=span / 4) for name in ("new", "old")]
    levels = [line.at for line in at_fixed_quality(curves, "psnr").lines]
    assert 3 <= len(levels) <= 8
    steps = {round(b - a, 6) for a, b in pairwise(levels)}
    assert len(steps) == 1 and f"{steps.pop():e}"[0] in "125"


@pytest.mark.parametrize(
    "rates", [(1.0,), (0.1, 0.2, 0.3)], ids=["a single point", "rates that the other never has"]
)
def test_curves_without_a_shared_range_have_empty_views(rates: tuple[float, ...]) -> None:
    curves = [straight("new", rates=rates), straight("old", offset=50, rates=(5, 6, 7, 8))]
    assert at_fixed_quality(curves, "psnr").lines == () and at_fixed_rate(curves, "psnr").lines == ()
    assert crossings(*curves, "psnr") == []


def test_a_crossing_is_found_where_it_is() -> None:
    steep, flat = straight("steep", slope=7), straight("flat", slope=5)  # they meet at 1 bpp, 30 dB
    (crossing,) = crossings(steep, flat, "psnr")
    assert crossing.quality == pytest.approx(30, abs=1e-3) and crossing.bpp == pytest.approx(1, abs=1e-3)
    assert crossing.cheaper_below == "flat"
    assert crossings(flat, steep, "psnr")[0].cheaper_below == "flat"


def test_curves_that_touch_or_differ_by_noise_do_not_cross() -> None:
    old = straight("old")
    assert crossings(straight("new", offset=0.5), old, "psnr") == []
    noisy = curve(
        "noisy",
        [
            MeasuredCell("a", "a", point.quality, point.bpp * (1 + 0.002 * (-1) ** i), point.values)
            for i, point in enumerate(old.points)
        ],
    )
    assert crossings(noisy, old, "psnr") == [] and crossings(old, old, "psnr") == []


def test_a_fall_is_told_by_its_rates() -> None:
    assert fall(straight("old"), "psnr") is None
    values = {0.5: 30.0, 1.0: 32.0, 2.0: 31.0, 3.0: 33.0}
    fallen = curve(
        "odd", [MeasuredCell("a", "a", rate, rate, {"psnr": value}) for rate, value in values.items()]
    )
    assert fall(fallen, "psnr") == (1.0, 2.0)


def test_lossless_points_are_no_part_of_views() -> None:
    cells = [*straight("x").cells, MeasuredCell("a", "a", 99, 9.0, {"psnr": math.inf})]
    assert at_fixed_rate([curve("x", cells), straight("old")], "psnr").lines[-1].at == 3
    assert fall(curve("x", cells), "psnr") is None
