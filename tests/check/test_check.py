"""The gate: what it flags, what it lets pass, what it can't judge, and how it says so."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.check import (
    Report,
    State,
    check,
    github_annotations,
    parse_rules,
    screen,
    update,
    write_junit,
)
from bench.core.errors import BenchError
from bench.results import Failure, Row, Setup, Store

QUALITIES = (10.0, 20.0, 30.0, 40.0, 50.0)
IMAGES = 8
Change = Callable[[Row], Row | None]

SETUP = Setup(
    codec="mine", codec_version="1", details={}, dataset={"name": "set"},
    metrics={"psnr": "1", "ms_ssim": "1"}, bench={}, python="3.11", libraries={},
    machine={}, run={}, date="2026-11-02",
)  # fmt: skip


def rows(images: int = IMAGES, change: Change | None = None) -> list[Row]:
    """Made-up cells of images of unlike difficulty; `change` alters a cell, or drops it by None."""
    hardness = random.Random(1)
    cells = []
    for i in range(images):
        offset, slope = hardness.uniform(-3, 3), hardness.uniform(5, 7)
        for quality in QUALITIES:
            size = round(20_000 * 2 ** (quality / 10 + offset / 6))
            row = Row(
                dataset="set", image=f"{i}.png", image_sha256=f"sha of {i}", width=500, height=400,
                codec="mine", codec_version="1", quality=quality, bytes=size, bpp=8 * size / 200_000,
                metrics={"psnr": 28 + slope * quality / 10, "ms_ssim": 1 - 0.1 * 2 ** (-quality / 10)},
                encode_s=1.0, decode_s=1.0, bitstream_sha256=f"{size} bytes", decoded_sha256="a picture",
                setup=SETUP.id,
            )  # fmt: skip
            changed = change(row) if change else row
            if changed is not None:
                cells.append(changed)
    return cells


def longer(factor: float, row: Row) -> Row:
    """The same picture from a stream of `factor` times the length, in whole bytes."""
    size = int(row.bytes * factor)
    return replace(row, bytes=size, bpp=8 * size / 200_000, bitstream_sha256=f"{size} bytes")


def poorer(decibels: float, row: Row) -> Row:
    """The same length, a worse picture."""
    values = {"psnr": (row.metrics["psnr"] or 0) - decibels, "ms_ssim": row.metrics["ms_ssim"]}
    return replace(row, metrics=values, decoded_sha256="another picture")


def store(folder: Path, records: Sequence[Row | Failure]) -> Path:
    for record in records:
        Store(folder).append(record, SETUP if isinstance(record, Row) else None)
    return folder


def judged(
    tmp_path: Path, fresh: Sequence[Row | Failure], *rules: str, baseline: Sequence[Row] | None = None
) -> Report:
    store(tmp_path / "fresh", fresh)
    store(tmp_path / "baseline", rows() if baseline is None else baseline)
    return check(tmp_path / "fresh", tmp_path / "baseline", ["mine"], "set", parse_rules(rules))


def states(report: Report) -> dict[str, str]:
    (codec,) = report.codecs
    return {verdict.rule: str(verdict.state) for verdict in codec.verdicts}


def message(report: Report, rule: str) -> str:
    (codec,) = report.codecs
    return next(verdict.message for verdict in codec.verdicts if verdict.rule == rule)


# What is flagged and what isn't.


def test_one_percent_longer_streams_are_flagged(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: longer(1.01, row)), "bd-rate:psnr:1%")
    assert report.exit_code == 1
    verdict = report.codecs[0].verdicts[1]
    assert verdict.state is State.regressed and verdict.change == pytest.approx(1, abs=0.01)
    assert verdict.interval == pytest.approx((1, 1), abs=0.01)


def test_a_fifth_of_a_percent_is_not(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: longer(1.002, row)), "bd-rate:psnr:1%")
    assert report.exit_code == 0 and states(report) == {"cells": "passed", "bd-rate:psnr:1%": "passed"}
    assert report.codecs[0].verdicts[1].change == pytest.approx(0.2, abs=0.01)
    assert len(report.codecs[0].moved) == IMAGES * len(QUALITIES)  # it is listed nevertheless


ALL = (
    "bd-rate:psnr:1%", "bd-rate:ms_ssim:1%", "bd-metric:psnr:0.05", "bpp:1%", "metric:psnr:0.02",
    "image:psnr:0.05", "bytes", "decoded",
)  # fmt: skip


def test_an_untouched_codec_gives_exactly_zero(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(), *ALL)
    assert report.exit_code == 0 and set(states(report).values()) == {"passed"}
    for verdict in report.codecs[0].verdicts[1:7]:
        assert verdict.change == 0 and verdict.interval in ((0, 0), None)
    assert report.codecs[0].moved == ()


def test_what_a_few_images_do_is_flagged_for_they_do_it_each_time(tmp_path: Path) -> None:
    """Half of the images are a tenth longer, the others nearly as much shorter: over 1 % in all, which other
    images might not show."""
    report = judged(
        tmp_path,
        rows(change=lambda row: longer(1.13 if int(row.image[0]) % 2 else 0.92, row)),
        "bd-rate:psnr:1%", "bpp:1%",
    )  # fmt: skip
    assert report.exit_code == 1
    for verdict in report.codecs[0].verdicts[1:]:
        assert verdict.state is State.regressed and verdict.change is not None and verdict.change > 1
        assert verdict.interval is not None and verdict.interval[0] < 0
        assert "other pictures of this kind: -" in verdict.message


def test_a_real_change_is_flagged_through_the_noise_of_images(tmp_path: Path) -> None:
    noise = random.Random(4)
    factors = {f"{i}.png": 1.03 * math.exp(noise.gauss(0, 0.01)) for i in range(IMAGES)}
    report = judged(
        tmp_path, rows(change=lambda row: longer(factors[row.image], row)), "bd-rate:psnr:1%", "bpp:1%"
    )
    assert states(report) == {"cells": "passed", "bd-rate:psnr:1%": "regressed", "bpp:1%": "regressed"}


@pytest.mark.parametrize(
    ("change", "flagged"),
    [
        (lambda row: longer(1.012, row), {"bd-rate:psnr:1%", "bd-rate:ms_ssim:1%", "bd-metric:psnr:0.05",
                                          "bpp:1%", "image:psnr:0.05", "bytes"}),
        (lambda row: poorer(0.1, row), {"bd-rate:psnr:1%", "bd-metric:psnr:0.05", "metric:psnr:0.02",
                                        "image:psnr:0.05", "decoded"}),
        (lambda row: poorer(0.01, row), {"decoded"}),
        (lambda row: replace(row, bitstream_sha256="other bytes, as many"), {"bytes"}),
    ],
)  # fmt: skip
def test_each_rule_looks_at_its_own_figure(tmp_path: Path, change: Change, flagged: set[str]) -> None:
    report = judged(tmp_path, rows(change=change), *ALL)
    assert {rule for rule, state in states(report).items() if state == "regressed"} == flagged
    assert report.exit_code == 1


def test_a_single_quality_that_grew_is_found_and_named(tmp_path: Path) -> None:
    report = judged(
        tmp_path, rows(change=lambda row: longer(1.02, row) if row.quality == 30 else row), "bpp:1%"
    )
    assert "at quality 30 +2.00 %" in message(report, "bpp:1%") and report.exit_code == 1


# Single pictures.


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


def test_a_codec_that_became_lossless_is_better(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(3, lossless()), "metric:psnr:0.02", baseline=rows(3))
    assert report.exit_code == 0 and states(report)["metric:psnr:0.02"] == "improved"
    assert "is lossless now on 3 of 3 images" in message(report, "metric:psnr:0.02")


# Improvements, and what is judged without a word.


def test_an_improvement_is_told_with_what_to_do(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: longer(0.95, row)), "bd-rate:psnr:1%", "bpp:1%")
    assert report.exit_code == 0
    assert states(report) == {"cells": "passed", "bd-rate:psnr:1%": "improved", "bpp:1%": "improved"}
    assert all("--update" in message(report, rule) for rule in ("bd-rate:psnr:1%", "bpp:1%"))


def test_few_images_are_judged_as_well_but_say_nothing_of_others(tmp_path: Path) -> None:
    report = judged(
        tmp_path, rows(2, lambda row: longer(1.02, row)), "bd-rate:psnr:1%", "bpp:1%", baseline=rows(2)
    )
    for rule in ("bd-rate:psnr:1%", "bpp:1%"):
        assert states(report)[rule] == "regressed" and "other pictures" not in message(report, rule)


def test_without_rules_both_bd_rates_and_single_pictures_are_judged(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: longer(1.02, row)))
    assert states(report) == {
        "cells": "passed", "bd-rate:psnr:1%": "regressed", "bd-rate:ms_ssim:1%": "regressed",
        "image:psnr:0.5": "passed", "image:ms_ssim:0.5": "passed",
    }  # fmt: skip


def test_without_rules_a_metric_that_the_baseline_lacks_is_left_out_and_said(tmp_path: Path) -> None:
    small = rows(change=lambda row: replace(row, metrics={**row.metrics, "ms_ssim": None}))
    report = judged(tmp_path, small, baseline=small)
    assert states(report) == {
        "cells": "passed", "bd-rate:psnr:1%": "passed", "image:psnr:0.5": "passed",
    }  # fmt: skip
    assert report.exit_code == 0
    assert any("ms_ssim" in note for note in report.codecs[0].notes)


def test_only_the_version_measured_last_is_judged(tmp_path: Path) -> None:
    fresh = rows() + [replace(longer(1.5, row), codec_version="2") for row in rows()]
    report = judged(tmp_path, fresh, "bd-rate:psnr:1%")
    assert report.exit_code == 1
    assert (report.codecs[0].baseline_version, report.codecs[0].version) == ("1", "2")


# What can't be judged.


def failure(row: Row) -> Failure:
    return Failure(
        row.dataset,
        row.image,
        row.image_sha256,
        row.codec,
        row.codec_version,
        row.quality,
        "encode",
        "it burst",
    )


def test_missing_and_failed_cells_are_told_and_the_rest_is_judged(tmp_path: Path) -> None:
    fresh: list[Row | Failure] = list(rows())
    fresh[7] = failure(rows()[7])
    report = judged(tmp_path, fresh, "bd-rate:psnr:1%")
    assert report.exit_code == 2
    assert states(report) == {"cells": "unjudged", "bd-rate:psnr:1%": "passed"}
    assert "1.png at quality 30: encode: it burst" in message(report, "cells")
    assert report.codecs[0].images == IMAGES - 1


def test_a_regression_outweighs_what_cannot_be_judged(tmp_path: Path) -> None:
    fresh = rows(change=lambda row: longer(1.05, row))[1:]
    report = judged(tmp_path, fresh, "bd-rate:psnr:1%")
    assert report.exit_code == 1
    assert states(report) == {"cells": "unjudged", "bd-rate:psnr:1%": "regressed"}
    assert "0.png at quality 10" in message(report, "cells")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row if row.image < "5" else None, "only 5 of 8 images"),
        (
            lambda row: replace(row, image_sha256="other " + row.image),
            "pictures that aren't those of the baseline",
        ),
        (lambda row: row if row.quality != 50 else None, "8 of 40 cells of the baseline weren't measured"),
    ],
)
def test_too_little_in_common_is_not_judged(tmp_path: Path, change: Change, said: str) -> None:
    report = judged(tmp_path, rows(change=change), "bd-rate:psnr:1%")
    assert report.exit_code == 2
    assert states(report) == {"cells": "unjudged", "bd-rate:psnr:1%": "unjudged"}
    assert said in message(report, "cells")


@pytest.mark.parametrize("names", ["the same", "others"])
def test_four_replaced_pictures_cannot_be_judged(tmp_path: Path, names: str) -> None:
    def replaced(row: Row) -> Row:
        if int(row.image.removesuffix(".png")) % 6:
            return row
        name = row.image if names == "the same" else f"new {row.image}"
        return replace(longer(0.9, row), image=name, image_sha256=f"another {row.image}")

    for number, rules in enumerate([(), ("bytes",), ("bd-rate:psnr:1%", "image:psnr:0.5")]):
        report = judged(tmp_path / str(number), rows(24, replaced), *rules, baseline=rows(24))
        assert report.exit_code == 2 and states(report)["cells"] == "unjudged"
        said = "aren't those of the baseline" if names == "the same" else "weren't measured"
        assert said in message(report, "cells") and "0.png" in message(report, "cells")


@pytest.mark.parametrize("rule", [rule for rule in ALL if rule != "image:psnr:0.05"] + ["image:psnr:0.5"])
@pytest.mark.parametrize(
    "fresh",
    [
        lambda row: None,
        lambda row: row if row.image != "3.png" else None,
        lambda row: row if row.quality != 10 else None,
        lambda row: row if (row.image, row.quality) != ("3.png", 10) else None,
        lambda row: replace(row, codec_version="2") if row.image == "7.png" else row,
    ],
    ids=["nothing", "no 3.png", "no quality 10", "a cell less", "a newer version on one picture"],
)
def test_a_gate_without_the_cells_it_wants_never_passes(tmp_path: Path, fresh: Change, rule: str) -> None:
    report = judged(tmp_path, rows(change=fresh), rule)
    assert report.exit_code == 2 and states(report)["cells"] == "unjudged"


@pytest.mark.parametrize("rule", [rule for rule in ALL if rule != "bpp:1%"])
@pytest.mark.parametrize("side", ["fresh", "baseline"])
def test_a_rule_without_its_figures_never_passes(tmp_path: Path, rule: str, side: str) -> None:
    bare = rows(change=lambda row: replace(row, metrics={}, bitstream_sha256="", decoded_sha256=""))
    fresh, baseline = (bare, rows()) if side == "fresh" else (rows(), bare)
    report = judged(tmp_path, fresh, rule, baseline=baseline)
    assert report.exit_code == 2 and states(report)[rule] == "unjudged"


def test_three_points_are_too_few_for_a_bd_rate_but_not_for_a_mean(tmp_path: Path) -> None:
    def three(row: Row) -> Row | None:
        return row if row.quality <= 30 else None

    report = judged(tmp_path, rows(change=three), "bd-rate:psnr:1%", "bpp:1%", baseline=rows(change=three))
    assert states(report) == {"cells": "passed", "bd-rate:psnr:1%": "unjudged", "bpp:1%": "passed"}
    assert "too few points" in message(report, "bd-rate:psnr:1%") and report.exit_code == 2


def test_curves_that_hardly_overlap_are_not_judged(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: poorer(12, row)), "bd-rate:psnr:1%")
    assert states(report)["bd-rate:psnr:1%"] == "unjudged"
    assert "75 % are needed" in message(report, "bd-rate:psnr:1%")


def test_a_metric_that_was_not_measured_again_is_not_judged(tmp_path: Path) -> None:
    fresh = rows(change=lambda row: replace(row, metrics={"psnr": row.metrics["psnr"]}))
    report = judged(tmp_path, fresh, "bd-rate:psnr:1%", "metric:ms_ssim:0.1")
    assert states(report)["metric:ms_ssim:0.1"] == "unjudged"
    assert message(report, "metric:ms_ssim:0.1") == "mine has images without ms_ssim"


@pytest.mark.parametrize(("there", "said"), [("baseline", "bench run --codec mine"), ("fresh", "--update")])
def test_without_results_or_baseline_it_says_how_to_get_them(tmp_path: Path, there: str, said: str) -> None:
    store(tmp_path / there, rows())
    report = check(tmp_path / "fresh", tmp_path / "baseline", ["mine"], "set")
    assert report.exit_code == 2 and said in message(report, "cells")


def test_without_names_all_codecs_of_the_baseline_are_judged(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="--update"):
        check(tmp_path / "fresh", tmp_path / "baseline", [], "set")
    for codec in ("one", "two"):
        store(tmp_path / "baseline", [replace(row, codec=codec) for row in rows(3)])
    report = check(tmp_path / "fresh", tmp_path / "baseline", [], "set")
    assert [codec.codec for codec in report.codecs] == ["one", "two"]


def test_what_the_baseline_lacks_is_ignored_and_said(tmp_path: Path) -> None:
    extra = [replace(longer(9, row), quality=33) for row in rows() if row.quality == 30]
    more = [row for row in rows(IMAGES + 1) if row.image == f"{IMAGES}.png"]
    report = judged(tmp_path, rows() + extra + more, "bd-rate:psnr:1%", "bpp:1%")
    assert report.exit_code == 0
    assert any("(33)" in note for note in report.codecs[0].notes)
    assert any("(8.png)" in note for note in report.codecs[0].notes)


def test_another_version_of_a_metric_is_told(tmp_path: Path) -> None:
    other = replace(SETUP, metrics={"psnr": "2", "ms_ssim": "1"})
    for row in rows():
        Store(tmp_path / "fresh").append(replace(row, setup=other.id), other)
    report = judged(tmp_path, [], "bd-rate:psnr:1%")
    assert report.codecs[0].notes == ("psnr is version 2, that of the baseline was 1",)


def test_other_streams_under_the_same_version_are_told(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: longer(1.001, row)), "bd-rate:psnr:1%")
    assert any("40 bitstreams differ" in note for note in report.codecs[0].notes)


# Rules.


@pytest.mark.parametrize(
    ("text", "metric", "threshold"),
    [
        ("bd-rate:psnr:1%", "psnr", 1.0), ("bd-rate:ms_ssim:.5 %", "ms_ssim", 0.5),
        ("bd-metric:psnr:0.05dB", "psnr", 0.05), ("bd-metric:psnr:0.05 db", "psnr", 0.05),
        ("metric:ms_ssim:0.02", "ms_ssim", 0.02), ("image:psnr:0.5", "psnr", 0.5),
        ("bpp:2.5%", None, 2.5), ("bytes", None, 0.0), ("decoded", None, 0.0),
    ],
)  # fmt: skip
def test_rules_are_read(text: str, metric: str | None, threshold: float) -> None:
    (rule,) = parse_rules([text, text])
    assert (rule.kind, rule.metric, rule.threshold) == (text.split(":")[0], metric, threshold)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bd-rat:psnr:1%", "did you mean 'bd-rate'"),
        ("bd-rate:psrn:1%", "no metric 'psrn' (did you mean 'psnr'"),
        ("bd-rate:1%", "a metric and a threshold"),
        ("bd-rate:psnr:1", "in percent, as in 1%"),
        ("bd-rate:psnr:1dB", "in percent"),
        ("bd-rate:psnr:-1%", "isn't a threshold above 0"),
        ("bd-rate:psnr:0%", "isn't a threshold above 0"),
        ("bd-rate:psnr:nan%", "isn't a threshold above 0"),
        ("bd-rate:psnr:much", "isn't a threshold above 0"),
        ("bd-metric:psnr:5%", "a number of dB"),
        ("bpp:psnr:1%", "bpp takes a threshold"),
        ("image:0.5", "a metric and a threshold"),
        ("image:psnr:5%", "a number of dB"),
        ("bytes:1%", "bytes takes nothing"),
        ("encode_s:10%", "there is no rule 'encode_s'"),
        ("", "there is no rule ''"),
    ],
)
def test_malformed_rules_are_one_sentence_that_lists_what_works(text: str, said: str) -> None:
    with pytest.raises(BenchError) as error:
        parse_rules(["bpp:1%", text])
    sentence = str(error.value)
    assert said in sentence and "\n" not in sentence
    assert "bd-rate:METRIC:1%, bd-metric:METRIC:0.05" in sentence and "ms_ssim" in sentence


# Reports.


def test_cells_that_moved_are_told_the_worst_first_and_ten_at_most(tmp_path: Path) -> None:
    def change(row: Row) -> Row:
        if row.image == "3.png" and row.quality == 40:
            return poorer(2, row)
        return longer(1.2 if row.image == "5.png" else 0.9 if row.image == "0.png" else 1.001, row)

    report = judged(tmp_path, rows(change=change), "bpp:1%")
    lines = [str(line).strip() for line in screen(report)]
    start = next(i for i, line in enumerate(lines) if "cells moved" in line)
    assert lines[start].startswith("40 cells")
    listed = [line for line in lines[start + 1 : start + 12]]
    assert listed[0].startswith("3.png at quality 40: ") and "psnr -2.0000" in listed[0]
    assert all(line.startswith("5.png") and "bytes +20.0" in line for line in listed[1:6])
    assert listed[10] == "and 30 more"
    assert [cell.image for cell in report.codecs[0].moved[-5:]] == ["0.png"] * 5


def test_a_difference_in_the_last_digits_of_a_metric_is_no_move(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: poorer(1e-6, row)), "bpp:1%")
    assert report.codecs[0].moved == ()


def test_junit_can_be_read_back(tmp_path: Path) -> None:
    fresh = rows(change=lambda row: longer(1.02, row))
    bad = replace(failure(rows()[0]), reason="a <b> & \x1b[31m \x00 'c'")
    report = judged(tmp_path, [bad, *fresh[1:]], "bd-rate:psnr:1%", "metric:psnr:0.02")
    write_junit(report, tmp_path / "new" / "report.xml")
    root = ElementTree.parse(tmp_path / "new" / "report.xml").getroot()
    (suite,) = root.findall("testsuite")
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == (
        "mine", "3", "1", "1",
    )  # fmt: skip
    cells, bd_rate, metric = suite.findall("testcase")
    assert (cells.get("name"), bd_rate.get("name")) == ("cells", "bd-rate:psnr:1%")
    error, broken = cells.find("error"), bd_rate.find("failure")
    assert error is not None and "a <b> & ?[31m ? 'c'" in (error.get("message") or "")
    assert broken is not None and "BD-rate by PSNR" in (broken.text or "")
    assert "39 cells moved, the worst first" in (broken.text or "")
    assert metric.find("failure") is None and metric.find("error") is None
    with pytest.raises(BenchError, match="can't write the report"):
        write_junit(report, tmp_path)


def test_github_annotations_are_escaped_commands(tmp_path: Path) -> None:
    fresh = rows(change=lambda row: longer(1.02, row))
    report = judged(
        tmp_path, [replace(failure(rows()[0]), reason="100 %\nlost"), *fresh[1:]],
        "bd-rate:psnr:1%", "bpp:1%", "metric:psnr:0.02",
    )  # fmt: skip
    cells, bd_rate, other, metric = github_annotations(report)
    assert cells.startswith("::warning title=mine on set%3A cells::")
    assert "100 %25%0Alost" in cells
    assert bd_rate.startswith("::error title=mine on set%3A bd-rate%3Apsnr%3A1%25::BD-rate by PSNR (RGB) +")
    assert "%0A39 cells moved" in bd_rate
    assert other.startswith("::error title=") and "moved" not in other  # once
    assert metric.startswith("::notice title=")
    assert not any("\n" in line or "\r" in line for line in (cells, bd_rate, metric))


def test_json_holds_all(tmp_path: Path) -> None:
    report = judged(tmp_path, rows(change=lambda row: longer(1.02, row)), "bd-rate:psnr:1%")
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert (document["dataset"], document["exit_code"]) == ("set", 1)
    cells, verdict = document["codecs"][0]["verdicts"]
    assert cells["state"] == "passed" and verdict["state"] == "regressed"
    assert verdict["change"] == pytest.approx(2, abs=0.01) and len(verdict["interval"]) == 2
    assert len(document["codecs"][0]["moved"]) == IMAGES * len(QUALITIES)


# The baseline.


def test_update_makes_the_newest_rows_the_baseline(tmp_path: Path) -> None:
    fresh = rows() + [longer(1.05, row) for row in rows()]  # measured twice
    store(tmp_path / "baseline", [longer(0.9, row) for row in rows()])
    store(tmp_path / "fresh", fresh)
    (path,) = update(tmp_path / "fresh", tmp_path / "baseline", ["mine"], "set")
    assert path == tmp_path / "baseline" / "set" / "mine.jsonl"
    kept = Store(tmp_path / "baseline").load("set", "mine")
    assert list(kept.rows.values()) == Store(tmp_path / "fresh").rows("set", "mine")
    assert list(kept.setups) == [SETUP.id]
    assert len(path.read_text().splitlines()) == 1 + IMAGES * len(QUALITIES)  # nothing of the old one
    assert [file.name for file in path.parent.iterdir()] == ["mine.jsonl"]
    report = check(tmp_path / "fresh", tmp_path / "baseline", ["mine"], "set", parse_rules(["bytes"]))
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("fresh", "said"),
    [
        ([failure(rows()[0]), *rows()[1:]], "1 of 40 cells of mine failed .*it burst"),
        ([], "no results of mine on set .*bench run --codec mine"),
        (rows()[1:], "lack cells that the baseline has .*0.png at quality 10"),
    ],
)
def test_update_refuses_what_is_no_baseline(tmp_path: Path, fresh: list[Row], said: str) -> None:
    store(tmp_path / "fresh", fresh)
    store(tmp_path / "fresh", [replace(row, codec="good") for row in rows(1)])
    store(tmp_path / "baseline", rows())
    with pytest.raises(BenchError, match=said):
        update(tmp_path / "fresh", tmp_path / "baseline", ["good", "mine"], "set")
    assert Store(tmp_path / "baseline").rows("set", "mine") == rows()
    assert not Store(tmp_path / "baseline").path("set", "good").exists()  # none before all are looked at


def test_update_without_names_or_room_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="name the codecs"):
        update(tmp_path, tmp_path, [], "set")
    store(tmp_path / "fresh", rows(1))
    (tmp_path / "baseline").write_text("a file where a folder should be")
    with pytest.raises(BenchError, match="can't write the baseline"):
        update(tmp_path / "fresh", tmp_path / "baseline", ["mine"], "set")
