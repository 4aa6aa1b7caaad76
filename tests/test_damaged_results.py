"""Files of results and baselines that somebody or something damaged: said with file and line, never passed.

Only a last line that a kill cut off may be passed over.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up import QUALITIES, fill
from shell import assert_one_sentence, bench

from bench.check import check
from bench.compare import compare
from bench.core.errors import BenchError
from bench.results import Store

Damage = Callable[[list[bytes]], list[bytes]]


def change(**values: object) -> Damage:
    """Set fields of the third line, which is a row."""
    return lambda lines: [*lines[:2], json.dumps(json.loads(lines[2]) | values).encode(), *lines[3:]]


def without(name: str) -> Damage:
    def damage(lines: list[bytes]) -> list[bytes]:
        values = json.loads(lines[2])
        del values[name]
        return [*lines[:2], json.dumps(values).encode(), *lines[3:]]

    return damage


def instead(line: bytes) -> Damage:
    return lambda lines: [*lines[:2], line, *lines[3:]]


DAMAGES: dict[str, Damage] = {
    "half a line in the middle": lambda lines: [*lines[:2], lines[2][: len(lines[2]) // 2], *lines[3:]],
    "two lines glued together": lambda lines: [*lines[:2], lines[2] + lines[3], *lines[4:]],
    "an empty line": instead(b""),
    "a line of text": instead(b"see the wiki"),
    "a merge conflict": lambda lines: [
        *lines[:2],
        b"<<<<<<< HEAD",
        *lines[2:],
        b"=======",
        b">>>>>>> theirs",
    ],
    "no UTF-8": instead(b'{"schema": 2, "kind": "row", "image": "\xff"}'),
    "a list": instead(b"[1, 2]"),
    "null": instead(b"null"),
    "nested without end": instead(b"[" * 100_000),
    "NaN": lambda lines: [*lines[:2], lines[2].replace(b'"psnr": ', b'"psnr": NaN, "x": '), *lines[3:]],
    "an endless number in a setup": lambda lines: [
        lines[0].replace(b'"details": {', b'"details": {"x": 1e999, '),
        *lines[1:],
    ],
    "a setup nested without end": lambda lines: [
        lines[0].replace(b'"details": {', b'"details": {"x": ' + b"[" * 5000 + b"]" * 5000 + b", "),
        *lines[1:],
    ],
    "an integer of 5,000 digits": instead(b'{"schema": 2, "kind": "row", "bytes": ' + b"9" * 5000 + b"}"),
    "another schema": change(schema=99),
    "no schema": without("schema"),
    "another kind": change(kind="rows"),
    "a kind that is no text": change(kind=["row"]),
    "a field too few": without("bpp"),
    "a field too many": change(colour="red"),
    "text for a number": change(bpp="0.5"),
    "a number for text": change(image=7),
    "true for a number": change(quality=True),
    "no name": change(image=""),
    "a negative rate": change(bpp=-0.5),
    "a negative time": change(encode_s=-1),
    "no width": change(width=0),
    "half a byte": change(bytes=1.5),
    "zero repeats": change(repeats=0),
    "metrics in a list": change(metrics=[30.0]),
    "text for a score": change(metrics={"psnr": "30"}),
    "an endless number": change(bpp=1e999),
    "a number beyond all floats": change(quality=10**400),
    "a score beyond all floats": change(metrics={"psnr": -(10**400)}),
    "more bytes than any disk holds": change(bytes=10**400),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results and a baseline of the codec `new`, and results of `old`."""
    folder = tmp_path_factory.mktemp("whole")
    for store in (Store(folder / "results"), Store(folder / "baseline")):
        fill(store, "new", factor=0.9)
        fill(store, "old")
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def spoil(path: Path, damage: Damage) -> None:
    path.write_bytes(b"\n".join(damage(path.read_bytes().split(b"\n"))))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_line_is_named_by_compare_and_by_the_gate(folder: Path, damage: Damage) -> None:
    results, baseline = folder / "results", folder / "baseline"
    for place in (results, baseline):
        spoil(place / "set/new.jsonl", damage)
        with pytest.raises(BenchError, match=r"new\.jsonl, line \d+ ") as caught:
            check(results, baseline, ["new"], "set")
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
        if place == results:
            with pytest.raises(BenchError, match=r"new\.jsonl, line \d+ "):
                compare(["new", "old"], "set", results)
            shutil.copy(folder / "baseline/set/new.jsonl", results / "set/new.jsonl")


def test_the_gate_ends_with_2_and_one_sentence(folder: Path) -> None:
    spoil(folder / "baseline/set/new.jsonl", DAMAGES["a merge conflict"])
    where = ("--dataset", "set", "--results", folder / "results", "--baseline", folder / "baseline")
    assert_one_sentence(bench("check", *where), "new.jsonl, line 3 is no line of JSON", "restore the file")


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_last_line_without_an_end_is_passed_over_and_mended_by_the_next(folder: Path, cut: int) -> None:
    store = Store(folder / "results")
    path = store.path("set", "new")
    rows = store.rows("set", "new")
    path.write_bytes(path.read_bytes()[:-cut])
    left = store.rows("set", "new")
    assert len(rows) - len(left) == (0 if cut == 1 else 1)
    store.append(rows[0])
    assert len(store.rows("set", "new")) == len(left)
    for line in path.read_bytes().splitlines():
        json.loads(line)


def test_a_last_line_that_has_an_end_is_no_excuse(folder: Path) -> None:
    path = Store(folder / "results").path("set", "new")
    path.write_bytes(path.read_bytes()[:-40] + b"\n")
    with pytest.raises(BenchError, match="is no line of JSON"):
        Store(folder / "results").rows("set", "new")


def test_a_full_file_has_all_it_had(whole: Path) -> None:
    assert len(Store(whole / "results").rows("set", "new")) == 3 * len(QUALITIES)
