"""Bjontegaard deltas against the reference package, published figures and hostile input."""

from __future__ import annotations

import json
import math
import pickle
import random
import subprocess
import sys
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hostile_curves import ODD, hostile, random_curve
from places import DATA, ROOT

from bench.compare.bd import BD, METHODS, bd_metric, bd_rate, bjontegaard
from bench.core.errors import BenchError

Points = tuple[list[float], list[float]]

RATE = [0.25, 0.5, 1.0, 2.0]
PSNR = [30.0, 33.0, 36.0, 39.0]
BEND = [30.0, 33.5, 36.2, 38.0]
NAMES = ("jpeg", "vtm")


def _published() -> dict[str, Points]:
    text = (DATA / "published_kodak.json").read_text("utf-8")
    return {name: (c["bpp"], c["psnr"]) for name, c in json.loads(text)["curves"].items()}


KODAK = _published()


def _package(test: Points, anchor: Points, method: str) -> tuple[float, float]:
    reference = pytest.importorskip("bjontegaard")
    curves = [sorted(values) for values in (*anchor, *test)]  # it wants sorted points
    options = {"method": method, "require_matching_points": False, "min_overlap": 0}
    return reference.bd_rate(*curves, **options), reference.bd_psnr(*curves, **options)


def _check_sane(result: BD) -> None:
    for value in (result.bd_rate, result.bd_metric):
        assert value is None or math.isfinite(value)
    assert result.bd_rate is None or -99.0 - 1e-9 <= result.bd_rate <= 9900.0 + 1e-9
    assert 0.0 <= result.overlap <= 1.0
    assert (result.reason is None) == (None not in (result.bd_rate, result.bd_metric))


# Against the package `bjontegaard` 1.3.0. It integrates exactly too, so only rounding differs;
# its cubic fit is the less well conditioned one, for it leaves dB and log rate unscaled.


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("codec", KODAK)
def test_agrees_with_package_on_published_curves(codec: str, method: str) -> None:
    result = bjontegaard(*KODAK[codec], *KODAK["VTM"], method=method)
    bd_rate, bd_psnr = _package(KODAK[codec], KODAK["VTM"], method)
    assert result.bd_rate == pytest.approx(bd_rate, rel=1e-10, abs=1e-9)
    assert result.bd_metric == pytest.approx(bd_psnr, rel=1e-10, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_agrees_with_package_on_random_curves(method: str) -> None:
    rng = random.Random(2001)
    compared = 0
    for _ in range(100):
        test, anchor = (random_curve(rng, rng.randint(4, 9)) for _ in range(2))
        result = bjontegaard(*test, *anchor, method=method)
        _check_sane(result)
        if result.bd_rate is None or result.bd_metric is None:
            continue
        bd_rate, bd_psnr = _package(test, anchor, method)
        assert result.bd_rate == pytest.approx(bd_rate, rel=1e-8, abs=1e-8)
        assert result.bd_metric == pytest.approx(bd_psnr, rel=1e-8, abs=1e-8)
        compared += 1
    assert compared > 90


def test_overlap_is_the_share_of_the_union() -> None:
    shifted = [q + 3.0 for q in PSNR]
    assert bjontegaard(RATE, shifted, RATE, PSNR).overlap == pytest.approx(6 / 12)
    assert bjontegaard(RATE, PSNR, RATE, shifted).overlap == pytest.approx(6 / 12)


# Figures that others can recompute: Kodak, PSNR, pchip, against CompressAI's VTM points.


@pytest.mark.parametrize(
    ("codec", "expected", "digits"),
    [
        ("JPEG", 208, 0),
        ("JPEG 2000", 98, 0),
        ("WebP", 78.75, 2),
        ("BPG", 22.0, 1),
        ("HM", 23.3, 1),
        ("AV1", 16.2, 1),
        ("bmshj2018-hyperprior", 30.5, 1),
        ("mbt2018", 11.0, 1),
        ("cheng2020-attn", 5.5, 1),
        ("InvComp", -0.36, 2),
        ("ELIC", -7.0, 1),
    ],
)
def test_published_bd_rates(codec: str, expected: float, digits: int) -> None:
    result = bjontegaard(*KODAK[codec], *KODAK["VTM"])
    assert result.bd_rate is not None
    assert round(result.bd_rate, digits) == pytest.approx(expected)
    assert result.points == (len(KODAK[codec][0]), 8)
    assert result.reason is None


# What must hold whatever the curves.


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("codec", KODAK)
def test_identical_curves_give_zero(codec: str, method: str) -> None:
    points = len(KODAK[codec][0])
    assert bjontegaard(*KODAK[codec], *KODAK[codec], method=method) == BD(
        0.0, 0.0, 1.0, (points, points), None
    )


@pytest.mark.parametrize("method", METHODS)
def test_tenth_fewer_bits_is_minus_ten_percent(method: str) -> None:
    rate, psnr = KODAK["JPEG"]
    result = bjontegaard([0.9 * r for r in rate], psnr, rate, psnr, method=method)
    assert result.bd_rate == pytest.approx(-10.0, abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_one_db_up_is_one_db(method: str) -> None:
    rate, psnr = KODAK["JPEG"]
    result = bjontegaard(rate, [q + 1.0 for q in psnr], rate, psnr, method=method)
    assert result.bd_metric == pytest.approx(1.0, abs=1e-9)
    assert result.bd_rate is not None and result.bd_rate < 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("codec", [name for name in KODAK if name != "VTM"])
def test_swapping_codecs_inverts_the_ratio(codec: str, method: str) -> None:
    there = bjontegaard(*KODAK[codec], *KODAK["VTM"], method=method)
    back = bjontegaard(*KODAK["VTM"], *KODAK[codec], method=method)
    assert there.bd_rate is not None and back.bd_rate is not None
    assert (1 + there.bd_rate / 100) * (1 + back.bd_rate / 100) == pytest.approx(1, abs=1e-12)
    assert there.bd_metric == pytest.approx(-(back.bd_metric or math.nan), abs=1e-12)


def test_order_and_duplicates_of_points_do_not_matter() -> None:
    rate, psnr = KODAK["AV1"]
    shuffled = [*zip(rate, psnr, strict=True), (rate[3], psnr[3])]
    random.Random(5).shuffle(shuffled)
    mixed = bjontegaard([r for r, _ in shuffled], [q for _, q in shuffled], *KODAK["VTM"])
    assert mixed == bjontegaard(rate, psnr, *KODAK["VTM"])


@pytest.mark.parametrize("quality", [math.inf, math.nan, -math.inf])
def test_points_of_non_finite_quality_are_left_out(quality: float) -> None:
    result = bjontegaard([*RATE, 4.0], [*BEND, quality], RATE, PSNR)
    assert result == bjontegaard(RATE, BEND, RATE, PSNR)
    assert result.points == (4, 4)
    assert result.bd_rate is not None


# A value or a named reason.


@pytest.mark.parametrize(
    ("rate", "psnr", "reason"),
    [
        (
            [0.25, 0.45, 0.51, 1.0],
            [30.0, 31.4, 31.2, 33.0],
            "curve of jpeg isn't monotonic: 31.20 at 0.51 bpp after 31.40 at 0.45 bpp",
        ),
        (
            [0.25, 0.45, 0.51, 1.0],
            [30.0, 31.4, 31.39999, 33.0],
            "curve of jpeg isn't monotonic: 31.39999 at 0.51 bpp after 31.40000 at 0.45 bpp",
        ),
        (
            [0.25, 0.45, 0.51, 1.0],
            [30.0, 31.4, 31.4, 33.0],
            "curve of jpeg is flat: 31.40 at 0.45 bpp and at 0.51 bpp",
        ),
        (
            [0.25, 0.45, 0.45, 1.0],
            [30.0, 31.4, 31.2, 33.0],
            "curve of jpeg has two qualities at 0.45 bpp: 31.20 and 31.40",
        ),
        (RATE[:3], PSNR[:3], "curve of jpeg has too few points: 3 usable, 4 needed"),
        ([], [], "curve of jpeg has too few points: 0 usable, 4 needed"),
        (
            [*RATE[:3], RATE[0]],
            [*PSNR[:3], PSNR[0]],
            "curve of jpeg has too few points: 3 usable, 4 needed",
        ),
        (
            RATE,
            [*PSNR[:3], math.inf],
            "curve of jpeg has too few points: 3 usable, 4 needed, for quality is inf at 2 bpp",
        ),
        (
            [0.0, *RATE],
            [29.0, *PSNR],
            "curve of jpeg has a rate of 0 bpp at 29.00: rates are above 0",
        ),
        (
            [*RATE, math.nan],
            [*PSNR, 45.0],
            "curve of jpeg has a rate of nan bpp at 45.00: rates are above 0",
        ),
        (
            [*RATE, 4.0],
            [*PSNR, 1e300],
            "curve of jpeg has an impossible quality: 1.000e+300 at 4 bpp",
        ),
    ],
)
def test_unusable_curve_is_named(rate: list[float], psnr: list[float], reason: str) -> None:
    points = len({(r, q) for r, q in zip(rate, psnr, strict=True) if r > 0 and math.isfinite(q)})
    tested = bjontegaard(rate, psnr, RATE, PSNR, names=NAMES)
    assert tested == BD(None, None, 0.0, (points, 4), reason)
    anchored = bjontegaard(RATE, PSNR, rate, psnr, names=NAMES)
    assert anchored == BD(None, None, 0.0, (4, points), reason.replace("jpeg", "vtm"))


def test_no_shared_quality_leaves_the_metric() -> None:
    result = bjontegaard(RATE, [q + 20 for q in PSNR], RATE, PSNR, names=NAMES)
    assert result.bd_rate is None and result.overlap == 0.0
    assert result.bd_metric == pytest.approx(20.0)
    assert result.reason == (
        "no BD-rate: the curves overlap nowhere in quality: jpeg lies between 50.00 and 59.00,"
        " vtm lies between 30.00 and 39.00"
    )


def test_no_shared_rate_leaves_the_rate() -> None:
    result = bjontegaard([10 * r for r in RATE], PSNR, RATE, PSNR, names=NAMES)
    assert result.bd_rate == pytest.approx(900.0)
    assert result.bd_metric is None and result.overlap == 1.0
    assert result.reason == (
        "no BD-metric: the curves overlap nowhere in rate: jpeg lies between 2.5 and 20 bpp,"
        " vtm lies between 0.25 and 2 bpp"
    )


def test_touching_curves_share_nothing() -> None:
    result = bjontegaard([8 * r for r in RATE], [q + 9 for q in PSNR], RATE, PSNR, names=NAMES)
    assert result.bd_rate is None and result.bd_metric is None and result.overlap == 0.0
    assert result.reason is not None
    assert "no BD-rate: the curves overlap nowhere in quality" in result.reason
    assert "no BD-metric: the curves overlap nowhere in rate" in result.reason


def test_sliver_of_overlap_is_no_overlap() -> None:
    result = bjontegaard(RATE, [q + 9 - 1e-7 for q in PSNR], RATE, PSNR, names=NAMES)
    assert result.bd_rate is None and 0 < result.overlap < 1e-6
    assert result.reason is not None and "only by a sliver in quality" in result.reason
    assert bjontegaard(RATE, [q + 8.9 for q in PSNR], RATE, PSNR).bd_rate is not None


def test_points_too_close_are_named() -> None:
    result = bjontegaard([0.25, 0.5, 0.5 + 1e-10, 2.0], PSNR, RATE, PSNR, names=NAMES)
    assert result.bd_rate is not None and result.bd_metric is None
    assert result.reason == (
        "no BD-metric: points of jpeg are too close together between 0.5 and 0.5000000001 bpp"
    )


def test_cubic_without_four_points_apart_is_refused() -> None:
    close = [30.0, 30.0 + 1e-7, 30.0 + 3e-7, 39.0]
    result = bjontegaard(RATE, close, RATE, PSNR, method="cubic", names=NAMES)
    assert result.bd_rate is None and result.reason is not None
    assert result.reason.startswith(
        "no BD-rate: points of jpeg are too close together between 30.0000000 and 30.0000001"
    )


@pytest.mark.parametrize("method", METHODS)
def test_rates_with_one_logarithm(method: str) -> None:
    rate = [sys.float_info.max]
    for _ in range(3):
        rate.insert(0, math.nextafter(rate[0], 0.0))
    assert len({math.log(r) for r in rate}) == 1
    result = bjontegaard(rate, PSNR, rate, PSNR, method=method)
    assert (result.bd_rate, result.bd_metric, result.overlap) == (0.0, None, 1.0)
    assert result.reason is not None and "overlap nowhere in rate" in result.reason


def test_saturated_cubic_is_refused_where_pchip_is_not() -> None:
    # Quality all but stops while rate goes on: the polynomial in quality swings far out.
    saturated = [30.0, 38.0, 38.8, 39.0]
    assert _package((RATE, saturated), (RATE, PSNR), "cubic")[0] > 1e6
    cubic = bjontegaard(RATE, saturated, RATE, PSNR, method="cubic", names=NAMES)
    assert cubic.bd_rate is None and cubic.reason is not None
    assert cubic.reason.startswith(
        "no BD-rate: the cubic fit of jpeg isn't monotonic: it turns back between 32.76 and 38.23; use pchip"
    )
    pchip = bjontegaard(RATE, saturated, RATE, PSNR, method="pchip", names=NAMES)
    assert pchip.bd_rate == pytest.approx(-51.8, abs=0.1) and pchip.reason is None


def test_fit_far_from_its_points_is_refused() -> None:
    # Over the anchor's narrow range this cubic rises, but thousands of octaves away.
    test = ([0.33, 0.34, 1.44, 1.9], [29.73, 34.367, 34.368, 41.78])
    narrow = [36.2, 36.4, 36.9, 37.8]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package overflows
        assert abs(_package(test, (RATE, narrow), "cubic")[0]) > 1e6
    result = bjontegaard(*test, RATE, narrow, method="cubic", names=NAMES)
    assert result.bd_rate is None and result.reason is not None
    assert result.reason.startswith(
        "no BD-rate: the cubic fit of jpeg leaves the range of its points between 36.20 and 37.80"
    )


def test_hundred_times_the_bits_is_refused_both_ways() -> None:
    kilo = [1000 * r for r in RATE]
    for more, less, names in ((kilo, RATE, ("a", "b")), (RATE, kilo, ("b", "a"))):
        result = bjontegaard(more, PSNR, less, PSNR, names=names)
        assert result.bd_rate is None and result.reason is not None
        assert "a seems to need over 100 times the bits of b" in result.reason


def test_unknown_method_lists_the_methods() -> None:
    with pytest.raises(BenchError, match=r"'spline'.*pchip, cubic, akima"):
        bjontegaard(RATE, PSNR, RATE, PSNR, method="spline")


def test_unequal_numbers_are_a_user_error() -> None:
    with pytest.raises(BenchError, match="vtm has 3 rates and 4 qualities"):
        bjontegaard(RATE, PSNR, RATE[:3], PSNR, names=NAMES)


# Hostile input: never NaN, infinity, an exception or a warning.


@pytest.mark.parametrize("method", METHODS)
def test_hostile_curves_give_a_value_or_a_reason(method: str) -> None:
    rng = random.Random(76)
    values = reasons = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(1500):
            test, anchor = hostile(rng), rng.choice([KODAK["VTM"], hostile(rng)])
            if rng.random() < 0.4:  # the same qualities, so that extremes meet
                anchor = ([r * rng.uniform(0.5, 2) for r in test[0]], list(test[1]))
            result = bjontegaard(*test, *anchor, method=method)
            _check_sane(result)
            values += result.bd_rate is not None
            reasons += result.reason is not None
    assert values > 50 and reasons > 50


@pytest.mark.parametrize("method", METHODS)
def test_curves_of_odd_values_give_a_value_or_a_reason(method: str) -> None:
    rng = random.Random(3)

    def pick() -> Sequence[float]:
        return [rng.choice(ODD) for _ in range(8)]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(500):
            _check_sane(bjontegaard(pick(), pick(), pick(), pick(), method=method))
            _check_sane(bjontegaard(sorted(pick()), sorted(pick()), RATE, PSNR, method=method))


@pytest.mark.parametrize("method", METHODS)
def test_values_stay_within_the_curves(method: str) -> None:
    """No delta exceeds what the points themselves span, whatever the steps between them."""
    rng = random.Random(29)
    margin = 1.0 if method == "pchip" else 1.2  # a tenth of its range at each end
    for _ in range(300):
        test, anchor = (random_curve(rng, 4) for _ in range(2))
        for k in rng.sample(range(1, 4), 2):  # saturate
            test[1][k:] = [test[1][k - 1] + (q - test[1][k - 1]) * 0.01 for q in test[1][k:]]
        result = bjontegaard(*test, *anchor, method=method)
        _check_sane(result)
        if result.bd_rate is not None:
            span = math.log(max(test[0] + anchor[0]) / min(test[0] + anchor[0]))
            assert abs(math.log1p(result.bd_rate / 100)) <= margin * span
        if result.bd_metric is not None:
            height = max(test[1] + anchor[1]) - min(test[1] + anchor[1])
            assert abs(result.bd_metric) <= margin * height


def test_import_is_light() -> None:
    code = "import sys, bench.compare.bd; print(sorted({'numpy', 'scipy'} & set(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert answer.stdout.strip() == "[]"


# The two values alone, for notebooks.


def test_values_alone_are_those_of_the_pair() -> None:
    for method in METHODS:
        both = bjontegaard(*KODAK["JPEG"], *KODAK["VTM"], method=method)
        rate = bd_rate(*KODAK["JPEG"], *KODAK["VTM"], method=method)
        metric = bd_metric(*KODAK["JPEG"], *KODAK["VTM"], method=method)
        assert (rate, metric) == (both.bd_rate, both.bd_metric)
        assert rate.reason is None and metric.reason is None


def test_a_missing_value_alone_is_nan_with_its_reason() -> None:
    above = [q + 20 for q in PSNR]
    rate, metric = bd_rate(RATE, above, RATE, PSNR), bd_metric(RATE, above, RATE, PSNR)
    assert math.isnan(rate) and rate.reason is not None and "overlap nowhere in quality" in rate.reason
    assert metric == pytest.approx(20) and metric.reason is None


def test_values_survive_pickle_and_take_arrays() -> None:
    array = np.array(RATE)
    for value in (
        bd_rate(0.9 * array, PSNR, array, PSNR),
        bd_rate(array, PSNR, array, [*PSNR[:3], math.inf]),
    ):
        back = pickle.loads(pickle.dumps(value))
        assert back == value or (math.isnan(back) and math.isnan(value))
        assert back.reason == value.reason
