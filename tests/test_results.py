"""Results on disk: what is appended comes back, whatever happened to the file."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.results import SCHEMA, Row, Store

ROW = Row(
    dataset="set", image="a.png", image_sha256="aa", width=2, height=2, codec="jpeg", codec_version="1",
    quality=50.0, bytes=10, bpp=20.0, psnr=30.5, ms_ssim=None, encode_s=0.1, decode_s=0.2, environment="here",
)  # fmt: skip


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [ROW, replace(ROW, quality=75.0, psnr=math.inf, ms_ssim=0.99, note="ein Wörtchen")]
    for row in rows:
        store.append(row)
    assert store.rows("set", "jpeg") == rows
    assert store.datasets("jpeg") == ["set"] and store.codecs() == ["jpeg"]
    assert store.rows("set", "webp") == []


def test_newer_row_of_a_cell_replaces_the_older(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(ROW)
    store.append(replace(ROW, bytes=11))
    assert [row.bytes for row in store.rows("set", "jpeg")] == [11]


def test_versions_are_never_mixed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(replace(ROW, codec_version="2", quality=10))
    store.append(ROW)
    store.append(replace(ROW, codec_version="2", quality=20))
    assert [row.quality for row in store.rows("set", "jpeg")] == [10, 20]  # of the version measured last
    assert store.rows("set", "jpeg", "1") == [ROW]
    assert store.rows("set", "jpeg", "3") == []


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_line_cut_off_by_a_kill_costs_only_itself(tmp_path: Path, cut: int) -> None:
    store = Store(tmp_path)
    store.append(ROW)
    store.append(replace(ROW, quality=75))
    path = store.path("set", "jpeg")
    path.write_bytes(path.read_bytes()[:-cut])
    after = store.rows("set", "jpeg")
    # Without its line feed alone, a row is whole.
    assert [row.quality for row in after] == ([50, 75] if cut == 1 else [50])
    store.append(replace(ROW, quality=90))
    assert [row.quality for row in store.rows("set", "jpeg")] == [row.quality for row in after] + [90]


def test_other_schema_is_refused_with_the_way_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(ROW)
    path = store.path("set", "jpeg")
    line = json.loads(path.read_text())
    assert line["schema"] == SCHEMA
    path.write_text(json.dumps(line | {"schema": SCHEMA + 1}) + "\n")
    with pytest.raises(BenchError, match="another --results"):
        store.rows("set", "jpeg")


def test_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("a file where a folder should be")
    with pytest.raises(BenchError, match="--results"):
        Store(tmp_path).append(ROW)
