"""Results become the baseline at once, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from gate_results import IMAGES, QUALITIES, SETUP, failure, longer, rows, store

from bench.check import (
    check,
    parse_rules,
    update,
)
from bench.core.errors import BenchError
from bench.results import Row, Store


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
