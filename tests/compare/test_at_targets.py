"""Codecs at equal rate, size or quality, each picture at its own setting."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from made_up import SETUP, fill, row

import bench
from bench.compare.at_targets import compare_at_targets
from bench.compare.comparison import compare
from bench.core.errors import BenchError
from bench.report.targets import comparison_tables, write_comparison
from bench.results import Store
from bench.results.targets import matched_store, parse_targets


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """`good` takes half the bits of `base`, so that PSNR is 6 dB better at equal rate."""
    for codec, factor in (("good", 0.5), ("base", 1.0)):
        for image in "abc":
            for quality in range(1, 61):
                cell = row(codec, image, quality, factor, setup=SETUP.id)
                matched_store(tmp_path).append(cell, SETUP)
    return tmp_path


def test_at_equal_rate_quality_differs_and_at_equal_quality_rate(results: Path) -> None:
    found = compare_at_targets(["good", "base"], "set", results, parse_targets(["0.8"], ["psnr:30"]))
    by = {(entry.codec, entry.target, entry.figure): entry for entry in found.entries}
    at_rate = by["good", "bpp:0.8", "psnr"]
    assert at_rate.gap == pytest.approx(6.0) and at_rate.images == 3 and at_rate.off == pytest.approx(0)
    assert at_rate.interval == pytest.approx((6.0, 6.0))
    at_quality = by["good", "psnr:30", "bpp"]
    assert at_quality.gap == pytest.approx(-50.0)
    assert by["base", "psnr:30", "bpp"].gap is None
    assert ("good", "bpp:0.8", "bpp") not in by  # the rate is what is equal


def test_pictures_that_a_codec_codes_far_off_are_left_out_for_all_and_named(results: Path) -> None:
    store = matched_store(results)
    for quality in range(1, 61):
        store.append(row("good", "d", quality, 9.0, setup=SETUP.id), SETUP)
        store.append(row("base", "d", quality, setup=SETUP.id), SETUP)
    found = compare_at_targets(["good", "base"], "set", results, parse_targets(["0.2"]))
    assert {entry.images for entry in found.entries} == {3}
    assert found.notes == ("good doesn't come near 0.2 bpp on 1 image: d.png",)
    with pytest.raises(BenchError, match="doesn't come near 40 bpp on 4 images"):
        compare_at_targets(["good", "base"], "set", results, parse_targets(["40"]))


def test_rows_of_curves_count_too_and_curves_have_none_of_the_others(results: Path) -> None:
    fill(Store(results), "good", factor=0.5, qualities=(10, 20, 30, 40))
    fill(Store(results), "curve", qualities=(10, 20, 30, 40))
    found = compare_at_targets(["good", "curve"], "set", results, parse_targets(["0.8"]))
    assert {(picture["codec"], picture["quality"]) for picture in found.pictures} == {
        ("good", 40), ("curve", 30),
    }  # fmt: skip
    (curves,) = compare(["good", "curve"], "set", results)
    assert [len(curve.points) for curve in curves.curves] == [4, 4]


def test_what_the_files_hold(results: Path, tmp_path: Path) -> None:
    targets = parse_targets(["0.8"], ["psnr:30"])
    found = compare_at_targets(["good", "base"], "set", results, targets)
    markdown, table, document = write_comparison(found, tmp_path / "out")
    assert "At 0.8 bpp against base on set, 3 images" in markdown.read_text()
    with table.open() as file:
        pictures = list(csv.DictReader(file))
    assert len(pictures) == 12 and {one["image"] for one in pictures} == {"a.png", "b.png", "c.png"}
    assert math.isclose(float(pictures[0]["bpp"]), 0.8)
    assert json.loads(document.read_text())["targets"] == ["bpp:0.8", "psnr:30"]
    assert len(comparison_tables(found)) == 2


def test_a_notebook_gets_a_row_for_each_codec_target_and_figure(results: Path) -> None:
    table = bench.compare_at_targets(
        "good", "base", dataset="set", targets=["bpp:0.8"], metrics=["psnr"], results=results
    ).frame()
    assert list(table.codec) == ["good", "base"] and table.gap[0] == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["good"], "two codecs or more"),
        (["good", "published:vtm"], "published:vtm has no pictures coded at a target"),
        (["good", "other"], "no results of 'other' on set"),
    ],
)
def test_what_can_not_be_compared_is_one_sentence(names: list[str], says: str, results: Path) -> None:
    with pytest.raises(BenchError, match=says):
        compare_at_targets(names, "set", results, parse_targets(["0.8"]))


def test_a_curve_that_was_only_searched_for_says_so(results: Path) -> None:
    with pytest.raises(BenchError, match=r"no results of 'good' on set .* at the targets"):
        compare(["good", "base"], "set", results)
