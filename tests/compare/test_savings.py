"""Lossless codecs compared: bytes, times, and what the gate says of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gate_results import judged, longer, poorer, rows, states

from bench.compare.comparison import Comparison, compare
from bench.compare.intervals import ends
from bench.compare.savings import savings
from bench.report.page.anchors import Terms
from bench.report.page.build import write_reports
from bench.report.tables import summary_tables, write_tables
from bench.results import Row, Store

PIXELS = 500 * 400


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def whole(row: Row) -> Row | None:
    """Lossless, at one quality."""
    if row.quality != 50:
        return None
    return replace(row, quality=100, metrics={"psnr": math.inf, "ms_ssim": 1.0, "vmaf": 97.4})


def lossless(factor: float = 1.0) -> list[Row]:
    """Images save unlike much: the first by the factor, the last not at all."""
    cells = rows(change=whole)
    return [longer(1 - (1 - factor) * (7 - place) / 7, row) for place, row in enumerate(cells)]


@pytest.fixture
def result(tmp_path: Path) -> Comparison:
    store = Store(tmp_path)
    for old, new in zip(lossless(), lossless(0.6), strict=True):
        store.append(replace(old, codec="old", encode_s=0.1))
        store.append(replace(new, codec="new", encode_s=0.2, decode_s=0.4))
    (comparison,) = compare(["new", "old"], "set", tmp_path)
    return comparison


def test_savings_are_of_the_mean_rate_with_a_paired_interval(result: Comparison) -> None:
    new, old = result.savings
    rates = np.array([[row.bpp for row in side] for side in (lossless(0.6), lossless())])
    ratio = rates[0].sum() / rates[1].sum()
    assert new.saving == pytest.approx(100 * (1 - ratio)) and new.bpp == pytest.approx(rates[0].mean())
    without = np.array(
        [
            math.log(np.delete(rates[0], image).sum() / np.delete(rates[1], image).sum())
            for image in range(rates.shape[1])
        ]
    )
    low, high = ends(np.array(math.log(ratio)), without)
    assert new.interval == pytest.approx((-100 * math.expm1(high), -100 * math.expm1(low)))
    assert [image.image for image in new.images] == [f"{place}.png" for place in range(8)]
    assert new.images[0].saving == pytest.approx(40, abs=0.01) and new.images[-1].saving == 0
    assert old.saving is None and old.interval is None and old.codec == "old"


def test_speed_is_of_pixels_and_only_of_cells_that_were_measured_alone(
    result: Comparison, tmp_path: Path
) -> None:
    new, old = result.savings
    assert new.encode_speed == pytest.approx(PIXELS / 0.2 / 1e6)
    assert new.decode_speed == pytest.approx(PIXELS / 0.4 / 1e6)
    assert old.encode_speed == pytest.approx(PIXELS / 0.1 / 1e6)
    for row in lossless(0.6):
        Store(tmp_path).append(replace(row, codec="new", alone=False))
    (busy,) = compare(["new", "old"], "set", tmp_path)
    assert busy.savings[0].encode_speed is None and busy.savings[0].saving == new.saving


def test_it_is_what_the_screen_shows_and_tables_hold(result: Comparison, tmp_path: Path) -> None:
    (table,) = summary_tables(result)  # no empty BD-rates
    assert str(table.title).startswith("Lossless: bytes saved against old on set, 8 images")
    assert f"{result.savings[0].saving:+.2f}" in [str(c) for column in table.columns for c in column.cells]
    assert not result.warnings
    (note,) = (note for note in result.notes if "lossless" in note)
    assert note.startswith("new and old are lossless: the former takes ") and note.endswith(" % fewer bytes")
    write_tables(result, tmp_path / "out")
    text = (tmp_path / "out" / "table.md").read_text()
    assert "## Lossless: bytes saved" in text and "both are lossless: compare bytes and times" in text
    assert result.to_dict()["savings"][0]["saving"] == result.savings[0].saving
    (written,) = write_reports(["new", "old"], "set", tmp_path, Terms(), out=tmp_path / "page")
    assert "fewer bytes" in written.path.read_text()


def test_a_lossy_anchor_has_nothing_to_compare_bytes_with(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for row in rows():
        store.append(replace(row, codec="lossy"))
    for row in lossless():
        store.append(replace(row, codec="whole"))
    (one,) = compare(["whole", "lossy"], "set", tmp_path)
    assert one.savings == () and one.deltas[0].bd.bd_rate is None
    assert len(summary_tables(one)) == 1
    assert savings(one.curves[:1]) == ()


def test_one_picture_that_lost_a_sample_is_no_lossless_comparison(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for place, row in enumerate(lossless()):
        store.append(replace(row, codec="old"))
        near = {"psnr": 70.0, "ms_ssim": 0.99999, "vmaf": 97.4}
        store.append(replace(row, codec="new", metrics=near if place == 3 else row.metrics))
    (result,) = compare(["new", "old"], "set", tmp_path)
    assert result.savings == ()


@pytest.mark.parametrize(("factor", "expected"), [(1.005, "passed"), (1.02, "regressed"), (0.97, "improved")])
def test_the_gate_judges_the_bytes_of_a_lossless_codec(tmp_path: Path, factor: float, expected: str) -> None:
    fresh = [longer(factor, row) for row in lossless()]
    report = judged(tmp_path, fresh, baseline=lossless())
    assert states(report) == {"cells": "passed", "bpp:1%": expected, "decoded": "passed"}
    assert report.exit_code == (1 if expected == "regressed" else 0)


def test_the_gate_fails_a_codec_that_is_lossless_no_more(tmp_path: Path) -> None:
    fresh = [poorer(0, replace(row, metrics={"psnr": 60.0, "ms_ssim": 0.99999})) for row in lossless()]
    report = judged(tmp_path, fresh, baseline=lossless())
    assert states(report)["decoded"] == "regressed" and report.exit_code == 1
    asked = judged(tmp_path / "again", fresh, "image:psnr:0.5", baseline=lossless())
    assert states(asked)["image:psnr:0.5"] == "regressed"


def test_a_rule_that_lossless_codecs_have_no_figure_for_says_which_one_to_take(tmp_path: Path) -> None:
    report = judged(tmp_path, lossless(), "bd-rate:psnr:1%", baseline=lossless())
    assert report.exit_code == 2
    assert (
        report.codecs[0].verdicts[-1].message == "all pictures are lossless; judge their bytes, with bpp:1%"
    )
