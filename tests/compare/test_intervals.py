"""The paired bootstrap against a literal one, and what its intervals must be."""

from __future__ import annotations

import math
import random
import re
from dataclasses import replace
from statistics import fmean

import pytest

from bench import metrics
from bench.compare.bd import bjontegaard
from bench.compare.bootstrap import bootstrap, draws
from bench.compare.curves import Curve, MeasuredCell, curve
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
    tested: list[MeasuredCell], anchor: list[MeasuredCell], metric: str, average: str, replicates: int
) -> tuple[list[float], list[float]]:
    """Curves of drawn images, written down cell by cell; BD-rates and BD-metrics, sorted."""
    images = sorted({cell.image for cell in anchor})
    scale = metrics.get(metric)
    rates, gains = [], []
    for draw in draws(len(images), replicates, seed=3):
        curves = []
        for cells in (tested, anchor):
            for axis in ("rate", "quality"):
                points = []
                for quality in QUALITIES:
                    at = {cell.image: cell for cell in cells if cell.quality == quality}
                    drawn = [at[images[i]] for i in draw]
                    if axis == "rate":
                        points.append(fmean(cell.bpp for cell in drawn))
                    else:
                        points.append(scale.mean_in_db([cell.values[metric] or 0 for cell in drawn], average))
                curves.append(points)
        delta = bjontegaard(*curves)
        assert delta.bd_rate is not None and delta.bd_metric is not None
        rates.append(delta.bd_rate)
        gains.append(delta.bd_metric)
    return sorted(rates), sorted(gains)


@pytest.mark.parametrize("average", metrics.AVERAGES)
@pytest.mark.parametrize("metric", ["psnr", "ms_ssim"])
def test_agrees_with_a_literal_bootstrap(metric: str, average: str) -> None:
    tested, anchor = pictures(5, seed=7, factor=0.9, spread=0.1), pictures(5)
    rates, gains = literal(tested, anchor, metric, average, replicates=41)
    interval = bootstrap(
        curve("new", tested, average), curve("old", anchor, average), metric, replicates=41, seed=3
    )
    # Of 41 sorted values, the 2.5th percentile is the second and the 97.5th the last but one.
    assert interval.bd_rate == pytest.approx((rates[1], rates[-2]), rel=1e-9)
    assert interval.bd_metric == pytest.approx((gains[1], gains[-2]), rel=1e-9)
    assert (interval.images, interval.replicates, interval.reason) == (5, 41, None)
    assert rates[-1] - rates[0] > 1  # so that agreement means something


@pytest.mark.parametrize("metric", ["psnr", "ms_ssim"])
def test_a_codec_against_its_own_copy_gives_exactly_zero(metric: str) -> None:
    interval = bootstrap(curve("copy", pictures(6)), curve("codec", pictures(6)), metric, replicates=50)
    assert interval.bd_rate == (0.0, 0.0) and interval.bd_metric == (0.0, 0.0)


def test_the_same_share_more_on_all_images_leaves_no_doubt() -> None:
    interval = bootstrap(
        curve("new", pictures(24, factor=1.05)), curve("old", pictures(24)), "psnr", replicates=100
    )
    assert interval.bd_rate == pytest.approx((5.0, 5.0), abs=1e-9)
    assert interval.bd_metric is not None and interval.bd_metric[0] <= interval.bd_metric[1] < 0


def test_unlike_images_widen_it_and_pairing_narrows_it() -> None:
    old = curve("old", pictures(24))
    alike = bootstrap(curve("new", pictures(24, 5, 1.05, spread=0.01)), old, "psnr", replicates=200).bd_rate
    unlike = bootstrap(curve("new", pictures(24, 5, 1.05, spread=0.2)), old, "psnr", replicates=200).bd_rate
    assert alike is not None and unlike is not None
    assert 0 < alike[1] - alike[0] < 0.25 * (unlike[1] - unlike[0])
    # Quality differs by several dB between these images, which unpaired draws could not see through.
    assert alike[1] - alike[0] < 2


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """No change on average, images by a tenth up or down: 95 % of intervals should hold zero, and percentile
    intervals of so few images hold it a little less often."""
    old = curve("old", pictures(10))
    hits, trials = 0, 40
    for seed in range(trials):
        interval = bootstrap(
            curve("new", pictures(10, 100 + seed, spread=0.1)), old, "psnr", replicates=60, seed=seed
        )
        assert interval.bd_rate is not None
        hits += interval.bd_rate[0] <= 0 <= interval.bd_rate[1]
    assert 32 <= hits < trials


def test_one_seed_gives_one_answer_whatever_the_order_of_cells() -> None:
    tested, old = pictures(6, 2, spread=0.1), curve("old", pictures(6))
    first, again, other = (
        bootstrap(curve("new", cells), old, "psnr", replicates=40, seed=seed)
        for cells, seed in ((tested, 0), (tested[::-1], 0), (tested, 1))
    )
    assert first == again and first != other


def test_images_that_a_codec_lacks_at_a_quality_are_left_out() -> None:
    tested, anchor = pictures(5, factor=1.05), pictures(5)
    cut = [cell for cell in tested if (cell.image, cell.quality) != ("image 2", 30.0)]
    odd = [replace(cell, bpp=99.0) if cell.image == "image 2" else cell for cell in cut]
    interval = bootstrap(curve("new", odd), curve("old", anchor), "psnr", replicates=40)
    assert interval.images == 4 and interval.bd_rate == pytest.approx((5.0, 5.0), abs=1e-9)


def test_codecs_may_have_qualities_of_their_own() -> None:
    fewer = [cell for cell in pictures(4, factor=0.5) if cell.quality != 30.0]
    interval = bootstrap(curve("new", fewer), curve("old", pictures(4)), "psnr", replicates=40)
    assert interval.images == 4 and interval.reason is None


def _published() -> Curve:
    return replace(curve("vtm", pictures(4)), cells=())


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
            curve("old", pictures(4)), "psnr", "40 of 40 draws .*overlap",
        ),
    ],
)  # fmt: skip
def test_no_interval_has_a_reason(tested: Curve, anchor: Curve, metric: str, said: str) -> None:
    interval = bootstrap(tested, anchor, metric, replicates=40)
    assert interval.bd_rate is None
    assert interval.reason is not None
    assert re.search(said, interval.reason)


def test_more_than_one_draw_in_twenty_without_a_value_is_no_interval() -> None:
    """One picture is lossless at a quality: draws that hold it lose that point, and four are needed."""
    few = [cell for cell in pictures(4) if cell.quality != 50.0]
    lossless = [
        replace(cell, values={"psnr": math.inf}) if cell.image == "image 0" and cell.quality == 40.0 else cell
        for cell in few
    ]
    interval = bootstrap(curve("new", lossless), curve("old", pictures(4)), "psnr", replicates=100)
    assert interval.bd_rate is None and interval.bd_metric is None
    assert 0 < interval.replicates < 60  # (3/4)^4 of the draws leave it out
    assert interval.reason is not None and "too few points" in interval.reason


def test_unknown_method_is_a_user_error() -> None:
    with pytest.raises(BenchError, match="pchip"):
        bootstrap(curve("new", pictures(4)), curve("old", pictures(4)), "psnr", method="linear")
