"""Exports to CSV and to CompressAI's JSON: what comes back is what was measured."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
from made_up import fill, row

from bench.compare.comparison import compare
from bench.core.errors import BenchError
from bench.report.exports.compressai_json import export_compressai
from bench.report.exports.rows_csv import export_csv
from bench.results import Store


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")
    fill(Store(tmp_path), "good", factor=0.8)
    fill(Store(tmp_path), "base", alone=False, encode_gpu_memory=7 << 20, decode_gpu_memory=9 << 20)
    return tmp_path


def test_the_table_holds_the_rows(results: Path) -> None:
    (path,) = export_csv(["good", "base"], "set", results)
    assert path == results / "csv/set/results.csv"
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    rows = [*Store(results).rows("set", "good"), *Store(results).rows("set", "base")]
    assert len(lines) == len(rows) == 30
    for line, one in zip(lines, rows, strict=True):
        assert (line["codec"], line["codec_version"], line["image"]) == (one.codec, "1", one.image)
        assert float(line["bpp"]) == one.bpp and int(line["bytes"]) == one.bytes
        assert {name: float(line[name]) for name in one.metrics} == one.metrics
        assert line["encode_s"] == ("1" if one.alone else "")  # times beside other work are none
        own = [line[f"{side}_gpu_memory"] for side in ("encode", "decode")]
        assert own == ([str(7 << 20), str(9 << 20)] if one.codec == "base" else ["", ""])


def test_the_table_is_read_as_curves(results: Path) -> None:
    store = Store(results)
    store.append(row("good", "a", 60, metrics={"psnr": math.inf, "ms_ssim": None}))
    (path,) = export_csv(["good", "base"], "set", results, results / "out")
    (measured,) = compare(["good", "base"], "set", results)
    (again,) = compare([f"file:{path}#good", f"file:{path}#base"], "set", results)
    assert [delta.bd for delta in again.deltas] == [delta.bd for delta in measured.deltas]
    assert again.deltas[0].interval == measured.deltas[0].interval


def test_compressai_s_json_has_means_and_is_read_as_a_curve(results: Path) -> None:
    paths = export_compressai(["good", "base"], "set", results)
    assert [path.name for path in paths] == ["good.json", "base.json"]
    content = json.loads(paths[0].read_text())
    assert content["name"] == "good" and "3 images of set" in content["description"]
    figures = content["results"]
    assert figures["bpp"] == pytest.approx([0.8 * 0.1 * 2**step for step in (1, 2, 3, 4, 5)])
    assert set(figures) == {"bpp", "psnr-rgb", "ms-ssim-rgb", "encoding_time", "decoding_time"}
    assert "encoding_time" not in json.loads(paths[1].read_text())["results"]
    (measured,) = compare(["good", "base"], "set", results)
    (again,) = compare([f"file:{paths[0]}", "base"], "set", results)
    for one, other in zip(again.deltas, measured.deltas, strict=True):
        assert one.bd.bd_rate == pytest.approx(other.bd.bd_rate)


def test_means_are_over_the_images_of_all_qualities_and_it_is_said(results: Path) -> None:
    Store(results).append(row("good", "d", 10))
    lossless = {"psnr": math.inf, "ms_ssim": 1.0}
    for image in "abc":
        Store(results).append(row("good", image, 60, metrics=lossless))
    said: list[str] = []
    (path,) = export_compressai(["good"], "set", results, say=said.append)
    assert len(json.loads(path.read_text())["results"]["bpp"]) == 5
    assert said == [
        "good: 1 of 19 cells are left out: their images lack some qualities",
        "good: 1 of 6 points are left out, as a metric is infinite there",
    ]


def test_published_curves_go_out_too(results: Path) -> None:
    (path,) = export_compressai(["published:lalic"], "kodak", results)
    assert json.loads(path.read_text())["results"]["psnr-rgb"][0] == 29.255744


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["other"], "no results of 'other'"),
        (["published:vtm"], "results of single images"),
        (["good", "good"], "named twice"),
    ],
)
def test_what_has_no_rows_has_no_table(names: list[str], says: str, results: Path) -> None:
    with pytest.raises(BenchError, match=says):
        export_csv(names, "set", results)
    assert not (results / "csv").exists()


def test_a_folder_that_cannot_be_written_to_is_one_sentence(results: Path) -> None:
    (results / "file").write_text("")
    for export in (export_csv, export_compressai):
        with pytest.raises(BenchError, match="file"):
            export(["good"], "set", results, results / "file")
