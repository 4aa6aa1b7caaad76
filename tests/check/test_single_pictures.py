"""The gate on single pictures: a ruined one is red however many are fine, and infinity is infinity."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from gate_results import QUALITIES, Change, judged, longer, message, poorer, rows, states

from bench.check import (
    github_annotations,
    screen,
    write_junit,
)
from bench.results import Row


def ruined(images: set[str], decibels: float, qualities: Sequence[float] = QUALITIES) -> Change:
    """A decoder that fails on a few pictures."""

    def change(row: Row) -> Row:
        return poorer(decibels, row) if row.image in images and row.quality in qualities else row

    return change


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("qualities", [QUALITIES, (30.0,)], ids=["at all qualities", "at one"])
def test_a_few_ruined_pictures_of_24_are_red_and_named(
    tmp_path: Path, count: int, qualities: Sequence[float]
) -> None:
    images = {f"{number}.png" for number in (7, 3, 19)[:count]}
    report = judged(tmp_path, rows(24, ruined(images, 13.3, qualities)), baseline=rows(24))
    assert report.exit_code == 1 and states(report)["image:psnr:0.5"] == "regressed"
    text = message(report, "image:psnr:0.5")
    assert "-13.300 dB, at equal bits" in text and f"{count} of 24 images lose so much" in text
    assert all(image in text for image in images)
    verdict = report.codecs[0].verdicts[3]
    assert verdict.change == pytest.approx(-13.3) and verdict.unit == "dB"


def test_a_picture_that_loses_less_than_the_threshold_passes(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(24, ruined({"5.png"}, 0.4)), baseline=rows(24))
    assert report.exit_code == 0
    assert "PSNR (RGB) of 5.png at quality 10 -0.400 dB" in message(report, "image:psnr:0.5")


def test_a_codec_that_spends_its_bits_otherwise_ruins_no_picture(tmp_path: Path) -> None:
    """Each quality moves along the picture's own curve, by up to 2 dB and half the bits."""
    shifts = random.Random(5)

    def elsewhere(row: Row) -> Row:
        slope = 10 * ((row.metrics["psnr"] or 0) - 28) / row.quality  # dB per octave, as rows() makes it
        octaves = shifts.uniform(-0.4, 0.4)
        moved = longer(2**octaves, row)
        return poorer(-slope * math.log2(moved.bytes / row.bytes), moved)

    report = judged(tmp_path, rows(change=elsewhere), "image:psnr:0.1", "metric:psnr:0.1")
    assert states(report)["image:psnr:0.1"] == "passed"
    assert states(report)["metric:psnr:0.1"] == "regressed"  # which looks at the setting, whatever the bits


def test_a_picture_that_takes_many_more_bits_is_ruined_too(tmp_path: Path) -> None:
    fat = rows(24, lambda row: longer(1.3, row) if row.image == "8.png" else row)
    report = judged(tmp_path, fat, "image:psnr:0.5", baseline=rows(24))
    assert report.exit_code == 1 and "of 8.png at quality" in message(report, "image:psnr:0.5")


def test_pictures_with_one_quality_are_judged_by_their_change(tmp_path: Path) -> None:
    def one(row: Row) -> Row | None:
        return row if row.quality == 30 else None

    worse = [ruined({"2.png"}, 0.6)(row) for row in rows(change=one)]
    report = judged(tmp_path, worse, "image:psnr:0.5", baseline=rows(change=one))
    assert report.exit_code == 1 and "2.png at quality 30 -0.600 dB" in message(report, "image:psnr:0.5")


# Infinity is infinity.


def lossless(*images: str) -> Change:
    """Without loss at the best quality, on these pictures or on all."""

    def change(row: Row) -> Row:
        free = row.quality == 50 and (not images or row.image in images)
        return replace(row, metrics={**row.metrics, "psnr": math.inf}) if free else row

    return change


@pytest.mark.parametrize("rule", ["metric:psnr:0.02", "image:psnr:0.5"])
def test_a_lossless_picture_may_stay_lossless_but_not_cease_to_be(tmp_path: Path, rule: str) -> None:
    old = rows(3, lossless())
    assert judged(tmp_path / "same", old, rule, baseline=old).exit_code == 0
    report = judged(tmp_path / "lossy", rows(3, lossless("1.png")), rule, baseline=old)
    assert report.exit_code == 1
    text = message(report, rule)
    assert "is lossless no more" in text and "2 of 3 images" in text and "at quality 50" in text
    assert "inf" not in text and " dB" not in text.partition("; it fails")[0]
    (_, verdict) = report.codecs[0].verdicts
    assert verdict.change == -math.inf
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document["codecs"][0]["verdicts"][1]["change"] == "-inf"
    assert document["codecs"][0]["moved"][0]["metrics"]["psnr"] == "-inf"
    assert "psnr lossless no more" in "".join(str(line) for line in screen(report))
    write_junit(report, tmp_path / "junit.xml")
    assert all("lossless no more" in line for line in github_annotations(report) if "error" in line)


def test_a_lossless_codec_that_no_longer_is_fails_by_default(tmp_path: Path) -> None:
    old = rows(3, lossless())
    report = judged(tmp_path, rows(3, lossless("1.png")), baseline=old)
    assert report.exit_code == 1 and states(report)["image:psnr:0.5"] == "regressed"


def test_a_picture_that_stays_lossless_may_take_more_bits(tmp_path: Path) -> None:
    old = rows(3, lossless())
    fat = [longer(1.4, row) if row.quality == 50 else row for row in old]
    assert states(judged(tmp_path, fat, "image:psnr:0.5", baseline=old))["image:psnr:0.5"] == "passed"


def test_a_codec_that_became_lossless_is_better(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(3, lossless()), "metric:psnr:0.02", baseline=rows(3))
    assert report.exit_code == 0 and states(report)["metric:psnr:0.02"] == "improved"
    assert "is lossless now on 3 of 3 images" in message(report, "metric:psnr:0.02")
