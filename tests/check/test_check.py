"""The gate: what it flags, what it lets pass, and what it can't judge."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest
from gate_results import (
    ALL,
    IMAGES,
    QUALITIES,
    SETUP,
    Change,
    failure,
    judged,
    longer,
    message,
    poorer,
    rows,
    states,
    store,
)

from bench.check import (
    State,
    check,
)
from bench.core.errors import BenchError
from bench.results import Failure, Row, Store


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
