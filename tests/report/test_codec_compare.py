"""Exports: what another page reads is what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from made_up import QUALITIES, SETUP, fill

from bench.core.errors import BenchError
from bench.report.exports.codec_compare import export_codec_compare
from bench.results import Row, Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def read(path: Path) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Constants and lines of a batch, as codec-compare takes them: names and values go by their order."""
    batch = json.loads(path.read_text(encoding="utf-8"))
    for kind in ("constant_descriptions", "field_descriptions"):
        for description in batch[kind]:
            ((_, text),) = description.items()
            assert isinstance(text, str)
    constants = [name for description in batch["constant_descriptions"] for name in description]
    fields = [name for description in batch["field_descriptions"] for name in description]
    assert len(batch["constant_values"]) == len(constants)
    assert all(len(line) == len(fields) for line in batch["field_values"])
    lines = [dict(zip(fields, line, strict=True)) for line in batch["field_values"]]
    return dict(zip(constants, batch["constant_values"], strict=True)), lines


def test_a_batch_holds_the_rows(tmp_path: Path) -> None:
    fill(Store(tmp_path), "mine")
    *batches, index = export_codec_compare(["mine"], "set", tmp_path)
    assert [path.name for path in batches] == ["mine.json"]
    assert index == tmp_path / "codec-compare/set/batches.json"
    assert json.loads(index.read_text()) == [["mine.json"]]
    constants, lines = read(batches[0])
    assert constants == {
        "name": "mine", "codec": "mine", "version": "1", "time": "2026-01-01", "source_data_set": "set",
    }  # fmt: skip
    rows: list[Row] = Store(tmp_path).rows("set", "mine")
    assert len(lines) == len(rows) == 15
    for line, row in zip(lines, rows, strict=True):
        assert line["original_name"] == row.image and line["quality"] == row.quality
        assert (line["width"], line["height"], line["encoded_size"]) == (row.width, row.height, row.bytes)
        assert (line["encoding_time"], line["decoding_time"]) == (row.encode_s, row.decode_s)
        assert line["psnr"] == row.metrics["psnr"]
        similarity = row.metrics["ms_ssim"]
        assert similarity is not None
        assert similarity == pytest.approx(1 - 10 ** (-line["msssim"] / 10))  # its page shows dB


def test_commands_name_fields_as_the_page_fills_them_in(tmp_path: Path) -> None:
    commands = {"encode": "enc -q {quality} -w {width} in.png", "decode": "dec out"}
    fill(Store(tmp_path), "mine", setup=replace(SETUP, details={"commands": commands}))
    batch, _ = export_codec_compare(["mine"], "set", tmp_path)
    constants, _ = read(batch)
    assert constants["encoding_cmd"] == "enc -q ${quality} -w ${width} in.png"
    assert constants["decoding_cmd"] == "dec out"


def test_times_that_mean_nothing_are_left_out(tmp_path: Path) -> None:
    fill(Store(tmp_path), "mine", images="ab")
    fill(Store(tmp_path), "mine", images="c", alone=False)
    told: list[str] = []
    batch, _ = export_codec_compare(["mine"], "set", tmp_path, say=told.append)
    assert "encoding_time" not in read(batch)[1][0]
    assert told == ["mine: times are left out, as some were taken while other work went on"]


def test_points_that_are_no_numbers_are_left_out_and_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "mine")
    for image in "abc":
        fill(store, "mine", image, [60.0], metrics={"psnr": float("inf"), "ms_ssim": 0.9999})
    told: list[str] = []
    batch, _ = export_codec_compare(["mine"], "set", tmp_path, say=told.append)
    assert {line["quality"] for line in read(batch)[1]} == set(QUALITIES)
    assert "3 of 18 cells are left out" in told[0]


def test_any_name_of_a_codec_is_a_file_that_the_list_leads_to(tmp_path: Path) -> None:
    names = ["50%:a=b", "<b>&?#"]
    for name in names:
        fill(Store(tmp_path), name)
    *batches, index = export_codec_compare(names, "set", tmp_path, out=tmp_path / "out")
    listed = [unquote(path) for (path,) in json.loads(index.read_text())]
    assert listed == [path.name for path in batches]
    assert [read(path)[0]["codec"] for path in batches] == names


def test_what_has_no_single_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="takes results of single images"):
        export_codec_compare(["published:vtm"], "kodak", tmp_path)
    with pytest.raises(BenchError, match="no results of 'mine' on set"):
        export_codec_compare(["mine"], "set", tmp_path)
