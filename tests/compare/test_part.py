"""Deltas over a part of the curves, by hand on straight lines; single points against a curve."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gate_results import longer, rows
from made_up import straight

from bench.compare.bd import METHODS, bjontegaard
from bench.compare.bd_arrays import bjontegaard_arrays
from bench.compare.comparison import compare
from bench.compare.curves import Curve
from bench.compare.part import Part, Range, parse_ranges, part_by
from bench.compare.single_points import point_gaps
from bench.core.errors import BenchError
from bench.report.tables import full_tables
from bench.results import Store

RATES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def axes(tested: Curve, anchor: Curve) -> tuple[list[float], list[float], list[float], list[float]]:
    return (*tested.axes("psnr"), *anchor.axes("psnr"))


# 30 dB at 1 bpp both; one rises by 8 dB, the other by 4 dB with each doubling.
STEEP, FLAT = straight("steep", slope=8, rates=RATES), straight("flat", slope=4, rates=RATES)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("low", "high"), [(24, 26), (30, 32), (27, 33)])
def test_a_range_of_quality_takes_the_mean_over_that_range(method: str, low: float, high: float) -> None:
    delta = bjontegaard(*axes(STEEP, FLAT), method=method, part=Part(qualities=(low, high)))
    middle = (low + high) / 2 - 30  # log2 rate is linear: the mean is that in the middle
    assert delta.bd_rate == pytest.approx(100 * (2 ** (middle / 8 - middle / 4) - 1))
    if low == 24:  # which one reaches where the other has not begun
        assert (
            delta.bd_metric is None and delta.reason is not None and "overlap nowhere in rate" in delta.reason
        )
        return
    # Between the rates at which both are within: those of the steep curve, which are the narrower ones.
    assert delta.bd_metric == pytest.approx((8 - 4) * middle / 8)
    assert delta.overlap == pytest.approx(1) and delta.reason is None


@pytest.mark.parametrize("method", METHODS)
def test_a_range_of_rates_takes_the_mean_over_those_rates(method: str) -> None:
    delta = bjontegaard(*axes(STEEP, FLAT), method=method, part=Part(rates=(0.25, 0.5)))
    assert delta.bd_metric == pytest.approx((8 - 4) * -1.5)
    # Qualities that both have at these rates: 14 to 22 dB and 22 to 26 dB, which is none.
    assert delta.bd_rate is None and delta.reason is not None and "within the given range" in delta.reason
    wide = bjontegaard(*axes(STEEP, FLAT), method=method, part=Part(rates=(0.25, 2)))
    assert wide.bd_rate == pytest.approx(100 * (2 ** (-2 / 8 + 2 / 4) - 1))  # 22 to 34 dB, 28 in the middle
    assert wide.bd_rate == pytest.approx(
        bjontegaard(*axes(STEEP, FLAT), method=method, part=Part(qualities=(22, 34))).bd_rate
    )


def test_a_range_beyond_the_curves_changes_nothing_and_one_beside_them_leaves_nothing() -> None:
    whole = bjontegaard(*axes(STEEP, FLAT))
    wide = bjontegaard(*axes(STEEP, FLAT), part=Part(rates=(0.01, 100), qualities=(0, 100)))
    assert (wide.bd_rate, wide.bd_metric) == pytest.approx((whole.bd_rate, whole.bd_metric))
    assert wide.overlap < whole.overlap  # of what was asked for, much is missing
    for part in (Part(qualities=(80, 90)), Part(rates=(10, 20))):
        beside = bjontegaard(*axes(STEEP, FLAT), part=part)
        assert beside.bd_rate is beside.bd_metric is None and beside.overlap == 0


def test_arrays_say_the_same_as_single_pairs() -> None:
    part = Part(rates=(0.2, 2.0), qualities=(25, 33))
    columns = [np.array([values, values]) for values in axes(STEEP, FLAT)]
    arrays, single = bjontegaard_arrays(*columns, part=part), bjontegaard(*axes(STEEP, FLAT), part=part)
    assert arrays.bd_rate.tolist() == [single.bd_rate] * 2 and arrays.bd_metric[0] == single.bd_metric
    assert arrays.overlap[0] == single.overlap


def test_intervals_and_single_images_are_about_the_same_part(tmp_path: Path) -> None:
    """A codec that is worse at high rates only: below, nothing differs, on any image."""
    store = Store(tmp_path)
    for row in rows():
        store.append(replace(row, codec="old"))
        store.append(replace(longer(1.5 if row.quality >= 40 else 1.0, row), codec="new"))
    ranges = parse_ranges(["psnr:30:36"])
    (part,) = compare(["new", "old"], "set", tmp_path, metrics=["psnr"], ranges=ranges)
    (whole,) = compare(["new", "old"], "set", tmp_path, metrics=["psnr"])
    (delta,), (full,) = part.deltas, whole.deltas
    assert full.bd.bd_rate is not None and full.bd.bd_rate > 10
    assert delta.bd.bd_rate is not None and abs(delta.bd.bd_rate) < 3
    assert delta.interval is not None and delta.interval.bd_rate is not None
    assert delta.interval.bd_rate[0] <= delta.bd.bd_rate <= delta.interval.bd_rate[1] < 6
    assert all(image.bd.bd_rate is None or image.bd.bd_rate < 10 for image in delta.images)
    assert "deltas by PSNR (RGB) are about 30 to 36 dB of PSNR (RGB)" in part.notes
    assert part.to_dict()["ranges"] == [{"of": "psnr", "low": 30.0, "high": 36.0}]


def test_a_range_of_a_metric_of_which_less_is_better_is_turned() -> None:
    (one,) = parse_ranges(["ciede2000:1:3"])
    assert part_by("ciede2000", [one]) == Part(qualities=(-3.0, -1.0))
    assert part_by("psnr", [one]) == Part()
    assert part_by("psnr", [Range("bpp", 0.1, 1.0)]) == Part(rates=(0.1, 1.0))


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["psnr:30"], "a range is METRIC:LOW:HIGH"),
        (["psnr:38:30"], "the second number must be above the first"),
        (["psnr:30:nan"], "above the first"),
        (["psn:30:38"], "there is no metric 'psn'"),
        (["bpp:0:1"], "bits per pixel are above 0"),
        (["psnr:30:31", "psnr:32:33"], "two of psnr"),
    ],
)
def test_a_wrong_range_is_an_error_that_says_what_one_is(texts: list[str], words: str) -> None:
    with pytest.raises(BenchError, match=words):
        parse_ranges(texts)


def test_a_point_against_a_curve_and_a_curve_against_a_point() -> None:
    line = straight("line", slope=6)
    point = straight("point", offset=1.5, rates=(0.7,))  # 1.5 dB better, or a quarter of an octave
    (gap,) = point_gaps(point, line, "psnr")
    assert gap.codec == "point" and gap.gain == pytest.approx(1.5, abs=1e-9)
    assert gap.rate == pytest.approx(100 * (2**-0.25 - 1))
    (back,) = point_gaps(line, point, "psnr")
    assert back.codec == "point" and back.gain == pytest.approx(-1.5)
    assert back.rate == pytest.approx(100 * (2**0.25 - 1))
    assert point_gaps(line, line, "psnr") == () and point_gaps(point, point, "psnr") == ()


def test_what_lies_beyond_the_curve_is_not_said() -> None:
    line = straight("line", slope=6)
    (dear,) = point_gaps(straight("point", offset=-30, rates=(1.0,)), line, "psnr")
    assert dear.rate is None and dear.gain == pytest.approx(-30)
    (far,) = point_gaps(straight("point", offset=-30, rates=(32.0,)), line, "psnr")
    assert far.gain is None and far.rate == pytest.approx(100 * (32 - 1))


def test_a_comparison_with_one_point_says_so_in_words_and_in_a_table(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for row in rows():
        store.append(replace(row, codec="old"))
        if row.quality == 30:
            store.append(replace(longer(0.8, row), codec="one"))
    (result,) = compare(["one", "old"], "set", tmp_path, metrics=["psnr"])
    (delta,) = result.deltas
    (gap,) = delta.points
    assert delta.bd.bd_rate is None and gap.rate == pytest.approx(-20, abs=0.1)
    assert gap.gain is not None and math.isfinite(gap.gain) and gap.gain > 0
    assert any("one needs 20.00 % fewer bits" in note and " better" in note for note in result.notes)
    assert any("Single points" in str(table.title) for table in full_tables(result))
    assert result.to_dict()["rows"][0]["single_points"][0]["codec"] == "one"
