"""Results on disk: what is appended comes back, whatever happened to the file."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from bench.core.errors import BenchError
from bench.results import SCHEMA, Failure, Row, Setup, Store

ROW = Row(
    dataset="set", image="a.png", image_sha256="aa", width=2, height=2, codec="jpeg", codec_version="1",
    quality=50.0, bytes=10, bpp=20.0, metrics={"psnr": 30.5, "ms_ssim": None}, encode_s=0.1, decode_s=0.2,
)  # fmt: skip
SETUP = Setup(
    codec="jpeg", codec_version="1", details={"effort": 9}, dataset={"name": "set"}, metrics={"psnr": "1"},
    bench={"version": "0"}, python="3.11", libraries={"numpy": "1"}, machine={"cpu": "one"}, run={"jobs": 1},
    date="2026-01-31",
)  # fmt: skip
FAILURE = Failure("set", "a.png", "aa", "jpeg", "1", 50.0, "decode", "it took over 5 s (--timeout)")


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [ROW, replace(ROW, quality=75.0, metrics={"psnr": math.inf, "ms_ssim": 0.99}, note="ein Wörtchen")]
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


def test_a_failure_lasts_until_the_cell_is_measured(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(FAILURE)
    contents = store.load("set", "jpeg")
    assert not contents.rows and list(contents.failures.values()) == [FAILURE]
    store.append(ROW)
    store.append(FAILURE)  # of a later try: the figures are still those of this version
    contents = store.load("set", "jpeg")
    assert list(contents.rows.values()) == [ROW] and not contents.failures


def test_a_newer_version_that_only_failed_hides_the_older(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(ROW)
    store.append(replace(FAILURE, codec_version="2"))
    contents = store.load("set", "jpeg")
    assert contents.version == "2" and not contents.rows and len(contents.failures) == 1


def test_a_setup_is_written_once_and_named_by_its_rows(tmp_path: Path) -> None:
    row = replace(ROW, setup=SETUP.id)
    for store in (Store(tmp_path), Store(tmp_path)):  # as two runs would
        store.append(row, SETUP)
        store.append(replace(row, quality=75), SETUP)
    lines = [json.loads(line) for line in Store(tmp_path).path("set", "jpeg").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["setup", "row", "row", "row", "row"]
    assert Store(tmp_path).load("set", "jpeg").setups == {SETUP.id: SETUP}
    assert replace(SETUP, python="3.12").id != SETUP.id


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """In a process of its own that may write no file beyond a size, as on a small file system."""
    resource = pytest.importorskip("resource")
    store = Store(tmp_path)
    store.append(ROW)
    path = store.path("set", "jpeg")
    before = path.read_bytes()
    code = textwrap.dedent(f"""
        import resource, signal
        from dataclasses import replace
        from pathlib import Path
        from bench.results import Store
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 100},) * 2)
        store = Store(Path({str(tmp_path)!r}))
        (row,) = store.rows("set", "jpeg")
        store.append(replace(row, quality=75))
    """)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert resource and done.returncode == 1
    assert "BenchError: can't write results to" in done.stderr and "is kept" in done.stderr
    assert path.read_bytes() == before
    store.append(replace(ROW, quality=75))
    assert [row.quality for row in store.rows("set", "jpeg")] == [50, 75]


def test_several_processes_write_at_once_and_no_line_is_harmed(tmp_path: Path) -> None:
    code = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from bench.results import Row, Setup, Store
        store = Store(Path({str(tmp_path)!r}))
        for quality in range(40):
            setup = Setup("jpeg", "1", {{}}, {{}}, {{}}, {{}}, "3", {{}}, {{}}, {{"writer": sys.argv[1]}}, "")
            image = sys.argv[1] + ".png", sys.argv[1], 2, 2
            values = "set", *image, "jpeg", "1", quality, 10, 20.0, {{}}, 0.1, 0.2
            store.append(Row(*values, note="x" * 9000, setup=setup.id), setup)
    """)
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("one", "two", "three")]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    contents = Store(tmp_path).load("set", "jpeg")
    assert len(contents.rows) == 120 and len(contents.setups) == 3
    lines = Store(tmp_path).path("set", "jpeg").read_text().splitlines()
    assert len(lines) == 123 and all(json.loads(line) for line in lines)


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
