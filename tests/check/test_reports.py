"""What the gate says on the screen, to machines, and in CI."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gate_results import IMAGES, QUALITIES, failure, judged, longer, poorer, rows

from bench.check import (
    github_annotations,
    screen,
    write_junit,
)
from bench.core.errors import BenchError
from bench.results import Row


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
