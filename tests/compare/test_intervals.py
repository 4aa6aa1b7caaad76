"""Intervals against a jackknife written down literally, and what they must be."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from scipy.special import stdtrit

from bench import metrics
from bench.compare.bd import bjontegaard
from bench.compare.curves import Curve, MeasuredCell, curve
from bench.compare.intervals import ends, interval, student
from bench.core.errors import BenchError

QUALITIES = (10.0, 20.0, 30.0, 40.0, 50.0)


def pictures(images: int, seed: int = 0, factor: float = 1.0, spread: float = 0.0) -> list[MeasuredCell]:
    """Made-up cells: images of unlike difficulty; rates times `factor`, give or take `spread` by image."""
    hardness, noise = random.Random(1), random.Random(seed)
    cells = []
    for i in range(images):
        offset, slope = hardness.uniform(-4, 4), hardness.uniform(5, 7)
        rate_factor = factor * math.exp(noise.gauss(0, spread))
        for quality in QUALITIES:
            rate = 0.1 * 2 ** (quality / 10)
            values = {"psnr": 32 + offset + slope * math.log2(rate), "ms_ssim": 1 - 0.04 / rate**1.1}
            cells.append(MeasuredCell(f"image {i}", f"{i}.png", quality, rate * rate_factor, values))
    return cells


def literal(
    tested: list[MeasuredCell], anchor: list[MeasuredCell], metric: str, average: str
) -> list[list[float]]:
    """Log ratios and BD-metrics, of all images and then without each, from means taken cell by cell."""
    images = sorted({cell.image for cell in anchor})
    scale = metrics.get(metric)
    values: list[list[float]] = [[], []]
    for left_out in ["", *images]:
        axes = []
        for cells in (tested, anchor):
            at = [[c for c in cells if c.quality == q and c.image != left_out] for q in QUALITIES]
            axes.append([fmean(cell.bpp for cell in group) for group in at])
            axes.append([scale.mean_in_db([c.values[metric] or 0 for c in group], average) for group in at])
        delta = bjontegaard(*axes)
        assert delta.bd_rate is not None and delta.bd_metric is not None
        values[0].append(math.log1p(delta.bd_rate / 100))
        values[1].append(delta.bd_metric)
    return values


def expected_ends(values: list[float]) -> tuple[float, float]:
    """Of an estimate and its jackknife values, by formulas as they stand in the papers."""
    estimate, *without = values
    n = len(without)
    pseudo = [n * estimate - (n - 1) * value for value in without]
    centred = [value - fmean(pseudo) for value in pseudo]
    sd = math.sqrt(sum(value**2 for value in centred) / (n - 1))
    error = sd / math.sqrt(n)
    skewness = n / ((n - 1) * (n - 2)) * sum(value**3 for value in centred) / sd**3
    t = float(stdtrit(n - 1, 0.975))

    def hall(deviation: float) -> float:
        """Hall's transformation of a studentised deviation."""
        g, root = skewness, math.sqrt(n)
        return deviation + g * deviation**2 / (3 * root) + g**2 * deviation**3 / (27 * n) + g / (6 * root)

    def inverse(target: float) -> float:
        low, high = -1e3, 1e3
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if hall(middle) < target else (low, middle)
        return low

    below, above = (min(max(t, deviation), 2 * t) for deviation in (inverse(t), -inverse(-t)))
    return estimate - below * error, estimate + above * error


@pytest.mark.parametrize("average", metrics.AVERAGES)
@pytest.mark.parametrize("metric", ["psnr", "ms_ssim"])
@pytest.mark.parametrize("images", [3, 6])
def test_agrees_with_a_literal_jackknife(images: int, metric: str, average: str) -> None:
    tested, anchor = pictures(images, seed=7, factor=0.9, spread=0.1), pictures(images)
    ratios, gains = literal(tested, anchor, metric, average)
    found = interval(curve("new", tested, average), curve("old", anchor, average), metric)
    low, high = expected_ends(ratios)
    assert found.bd_rate == pytest.approx((100 * math.expm1(low), 100 * math.expm1(high)), rel=1e-8)
    assert found.bd_metric == pytest.approx(expected_ends(gains), rel=1e-8)
    assert (found.images, found.reason) == (images, None)
    assert high - low > 0.01  # so that agreement means something


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 23, 24, 99, 1000])
def test_students_quantile_is_scipys(freedom: int) -> None:
    assert student(freedom) == pytest.approx(float(stdtrit(freedom, 0.975)), rel=1e-9)


def test_ends_of_values_without_skew_are_students_and_one_that_stands_out_widens_its_side() -> None:
    even = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    low, high = ends(even.mean(), (even.sum() - even) / 4)
    assert (low, high) == pytest.approx((3 - student(4) * math.sqrt(0.5), 3 + student(4) * math.sqrt(0.5)))
    odd = np.array([1.0, 2.0, 3.0, 4.0, 50.0])
    low, high = ends(odd.mean(), (odd.sum() - odd) / 4)
    error = odd.std(ddof=1) / math.sqrt(5)
    assert odd.mean() - low == pytest.approx(student(4) * error)  # no shorter than Student's
    assert high - odd.mean() > 1.5 * student(4) * error


def test_ends_take_many_estimates_at_once() -> None:
    values = np.random.default_rng(1).exponential(size=(7, 10))
    without = (values.sum(axis=1, keepdims=True) - values) / 9
    low, high = ends(values.mean(axis=1), without)
    for row in range(len(values)):
        assert (low[row], high[row]) == pytest.approx(
            tuple(map(float, ends(values[row].mean(), without[row])))
        )


@pytest.mark.parametrize("metric", ["psnr", "ms_ssim"])
def test_a_codec_against_its_own_copy_gives_exactly_zero(metric: str) -> None:
    found = interval(curve("copy", pictures(6)), curve("codec", pictures(6)), metric)
    assert found.bd_rate == (0.0, 0.0) and found.bd_metric == (0.0, 0.0)


def test_the_same_share_more_on_all_images_leaves_no_doubt() -> None:
    found = interval(curve("new", pictures(24, factor=1.05)), curve("old", pictures(24)), "psnr")
    assert found.bd_rate == pytest.approx((5.0, 5.0), abs=1e-9)
    assert found.bd_metric is not None and found.bd_metric[0] <= found.bd_metric[1] < 0


def test_unlike_images_widen_it_and_pairing_narrows_it() -> None:
    old = curve("old", pictures(24))
    alike = interval(curve("new", pictures(24, 5, 1.05, spread=0.01)), old, "psnr").bd_rate
    unlike = interval(curve("new", pictures(24, 5, 1.05, spread=0.2)), old, "psnr").bd_rate
    assert alike is not None and unlike is not None
    assert 0 < alike[1] - alike[0] < 0.25 * (unlike[1] - unlike[0])
    # Quality differs by several dB between these images, which unpaired deltas could not see through.
    assert alike[1] - alike[0] < 2


@pytest.mark.parametrize("images", [3, 10])
def test_intervals_hold_the_truth_as_often_as_they_say(images: int) -> None:
    """No change on average, images by a tenth up or down: of 300 intervals of 95 %, 285 should hold zero."""
    old = curve("old", pictures(images))
    hits, trials = 0, 300
    for seed in range(trials):
        found = interval(curve("new", pictures(images, 100 + seed, spread=0.1)), old, "psnr")
        assert found.bd_rate is not None
        hits += found.bd_rate[0] <= 0 <= found.bd_rate[1]
    assert 0.93 <= hits / trials <= 0.98


def test_the_order_of_cells_does_not_matter() -> None:
    tested, old = pictures(6, 2, spread=0.1), curve("old", pictures(6))
    first, again = (interval(curve("new", cells), old, "psnr") for cells in (tested, tested[::-1]))
    assert first == again


def test_images_that_a_codec_lacks_at_a_quality_are_left_out() -> None:
    tested, anchor = pictures(5, factor=1.05), pictures(5)
    cut = [cell for cell in tested if (cell.image, cell.quality) != ("image 2", 30.0)]
    odd = [replace(cell, bpp=99.0) if cell.image == "image 2" else cell for cell in cut]
    found = interval(curve("new", odd), curve("old", anchor), "psnr")
    assert found.images == 4 and found.bd_rate == pytest.approx((5.0, 5.0), abs=1e-9)


def test_codecs_may_have_qualities_of_their_own() -> None:
    fewer = [cell for cell in pictures(4, factor=0.5) if cell.quality != 30.0]
    found = interval(curve("new", fewer), curve("old", pictures(4)), "psnr")
    assert found.images == 4 and found.reason is None


def _published() -> Curve:
    return replace(curve("vtm", pictures(4)), cells=())


def lossless(image: str) -> list[MeasuredCell]:
    """Four qualities, the best of which is lossless for one image."""
    few = [cell for cell in pictures(4) if cell.quality != 50.0]
    return [
        replace(cell, values={"psnr": math.inf}) if (cell.image, cell.quality) == (image, 40.0) else cell
        for cell in few
    ]


def falls_without(image: str) -> list[MeasuredCell]:
    """Rising as a mean, but only for the sake of one image."""
    return [
        replace(cell, values={"psnr": 30 + (0.8 if cell.image == image else -0.1) * cell.quality})
        for cell in pictures(4)
    ]


@pytest.mark.parametrize(
    ("tested", "anchor", "metric", "said"),
    [
        (curve("new", pictures(2)), curve("old", pictures(5)), "psnr", "3 images or more, not 2"),
        (curve("new", pictures(4)), _published(), "psnr", "vtm has no figures of single images"),
        (
            curve("new", [replace(cell, values={"psnr": 1.0}) for cell in pictures(4)]),
            curve("old", pictures(4)), "ms_ssim", "new has images without MS-SSIM",
        ),
        (
            curve("new", [replace(cell, values={"psnr": 90 + cell.quality}) for cell in pictures(4)]),
            curve("old", pictures(4)), "psnr", "^no BD-rate: the curves overlap nowhere",
        ),
        (
            curve("new", lossless("image 1")), curve("old", pictures(4)), "psnr",
            "^curve of new has too few points",
        ),
        (
            curve("new", falls_without("image 1")), curve("old", pictures(4)), "psnr",
            r"^without 1\.png, curve of new isn't monotonic",
        ),
    ],
)  # fmt: skip
def test_no_interval_has_a_reason(tested: Curve, anchor: Curve, metric: str, said: str) -> None:
    found = interval(tested, anchor, metric)
    assert found.bd_rate is None
    assert found.reason is not None
    assert re.search(said, found.reason)


def test_one_value_may_have_an_interval_where_the_other_has_none() -> None:
    far = [
        replace(cell, values={"psnr": (cell.values["psnr"] or 0) + 60}) for cell in pictures(4, spread=0.1)
    ]
    found = interval(curve("new", far), curve("old", pictures(4)), "psnr")
    assert found.bd_rate is None and found.bd_metric is not None and found.reason is not None


def test_unknown_method_is_a_user_error() -> None:
    with pytest.raises(BenchError, match="pchip"):
        interval(curve("new", pictures(4)), curve("old", pictures(4)), "psnr", method="linear")
