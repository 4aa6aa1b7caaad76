"""`bench crosscheck`: what becomes of bitstreams in another setup than the one that wrote them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from derailing_codecs import Derails, Fails
from made_up import fill
from PIL import Image
from plugins import install_codecs
from shell import bench
from tiny import photo

from bench import datasets
from bench.compare import compare
from bench.report.tables import write_tables
from bench.results import Store
from bench.results.crosschecks import Crosscheck, Verdict, load, save, summary
from bench.run.crosscheck import Crosschecks, Reader, judge
from bench.run.runner import Run
from bench.run.settings import Settings


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(photo(48, 64)).save(folder / "a.png")
    return folder


def test_a_scale_that_is_off_by_its_last_bit_derails_and_is_caught(pictures: Path, tmp_path: Path) -> None:
    plugins = install_codecs(tmp_path / "packages", "derailing_codecs", [Derails, Fails])
    results = tmp_path / "results"
    names = ("--codec", "derails", "--codec", "fails")
    done = bench("crosscheck", *names, "--dataset", pictures, "--results", results, **plugins)
    assert done.returncode == 1, done.stderr
    assert "a.png at quality 1, by 1 thread: " in done.stderr and "the symbols end too soon" in done.stderr
    for name in ("derails", "fails"):
        (path,) = results.glob(f"*/{name}.crosscheck.json")
        verdicts = {check["read_by"]: check["verdict"] for check in json.loads(path.read_text())["checks"]}
        assert verdicts.pop("1 thread") == "derailed"
        assert set(verdicts.values()) <= {"bit for bit"}  # they have as many threads as the writer


def test_kept_bitstreams_are_those_that_are_decoded(pictures: Path, tmp_path: Path) -> None:
    store, loaded = Store(tmp_path / "results"), datasets.load(str(pictures))
    run = Run("jpeg", loaded, store, (30,), ("psnr",), Settings(keep=True))
    list(run.execute())
    plan = Crosschecks("jpeg", loaded, store, (30, 80), [Reader("1 thread", 1)])
    checks = list(plan.execute())
    assert [(check.quality, check.verdict) for check in checks] == [(30, Verdict.same), (80, Verdict.same)]
    assert [check.written_by.startswith("kept") for check in checks] == [True, False]
    assert checks[0].bitstream_sha256 == run.outcome.rows[0].bitstream_sha256
    assert load(store, run.dataset.name, "jpeg", plan.version) == checks
    assert load(store, run.dataset.name, "jpeg", "another") == []


def test_comparisons_have_a_column(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "checked")
    fill(store, "unchecked")
    save(store, "set", "checked", "1", [Crosscheck("a.png", "aa", 1, "bb", "a", "b", Verdict.same, 0)])
    (comparison,) = compare(["checked", "unchecked"], "set", tmp_path, intervals=False)
    costs = {cost["codec"]: cost["decodes_elsewhere"] for cost in comparison.to_dict()["costs"]}
    assert costs == {"checked": "bit for bit", "unchecked": ""}
    assert "| decodes elsewhere |" in write_tables(comparison, tmp_path / "tables")[0].read_text()


@pytest.mark.parametrize(
    ("noise", "verdict", "levels"),
    [(0, Verdict.same, 0), (1, Verdict.close, 1), (8, Verdict.close, 8), (9, Verdict.other, 9),
     (200, Verdict.derailed, 200)],
)  # fmt: skip
def test_verdicts_go_by_levels_and_then_by_psnr(noise: int, verdict: Verdict, levels: int) -> None:
    picture = np.full(3000, 20, np.uint8)
    elsewhere = picture.copy()
    elsewhere[::3] += noise
    assert judge(picture.tobytes(), elsewhere.tobytes())[:2] == (verdict, levels)


def test_another_size_and_no_picture_are_derailed() -> None:
    assert judge(b"1234", b"123")[0] is Verdict.derailed
    assert judge(b"1234", "it died") == (Verdict.derailed, None, None, "it died")


def test_the_column_says_the_worst(tmp_path: Path) -> None:
    def check(verdict: Verdict, levels: int | None = None, quality: float = 1) -> Crosscheck:
        return Crosscheck("a.png", "aa", quality, "bb", "2 threads", "1 thread", verdict, levels)

    same, close = check(Verdict.same, 0), check(Verdict.close, 1, 2)
    assert [summary(checks) for checks in ([], [same, same], [same, close])] == [
        "", "bit for bit", "within 1 level",
    ]  # fmt: skip
    assert summary([same, close, check(Verdict.derailed)]) == "derailed, 1 of 3"
    store = Store(tmp_path)
    save(store, "set", "any", "1", [same, close])
    newer = check(Verdict.other, 40)
    save(store, "set", "any", "1", [newer])
    assert load(store, "set", "any", "1") == [newer, close]  # the newest of each bitstream, writer and reader
    save(store, "set", "any", "2", [same])
    assert load(store, "set", "any", "1") == []
