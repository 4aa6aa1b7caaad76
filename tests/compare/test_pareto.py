"""BD-rate over cost: who is on the front, and whose figures take part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_up import SETUP, fill

from bench import codecs
from bench.compare.comparison import Comparison, compare
from bench.compare.pareto import Place, pareto, with_front
from bench.core.errors import BenchError
from bench.report.plots import write_plots
from bench.report.tables import full_tables
from bench.results import Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def compared(folder: Path, *names: str) -> Comparison:
    (result,) = compare(names, "set", folder, intervals=False, metrics=["psnr"])
    return result


def test_on_the_front_is_whom_no_other_equals_in_both_and_beats_in_one() -> None:
    places = [
        Place("best", 10, -20), Place("beaten", 11, -10), Place("cheap", 1, 50), Place("as cheap", 1, 60),
        Place("twin", 10, -20), Place("between", 5, 0),
    ]  # fmt: skip
    marked = with_front(places)
    assert [place.cost for place in marked] == sorted(place.cost for place in places)
    assert {place.codec for place in marked if place.on_front} == {"best", "twin", "cheap", "between"}


def test_times_are_of_one_machine_and_who_is_left_out_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    here = replace(SETUP, machine={"cpu": "one", "device": "CPU"})
    for name, seconds in (("slow", 2.0), ("quick", 0.1), ("old", 1.0)):
        fill(store, name, factor=0.5 if name == "slow" else 1.0, setup=here, decode_s=seconds)
    fill(store, "elsewhere", setup=replace(SETUP, machine={"cpu": "two", "device": "CPU"}), decode_s=0.01)
    fill(store, "disturbed", setup=here, alone=False)
    result = compared(tmp_path, "slow", "quick", "elsewhere", "disturbed", "old")
    found = pareto(result, "psnr", "decode_s")
    assert [place.codec for place in found.places] == ["quick", "old", "slow"]
    assert [place.codec for place in found.places if place.on_front] == ["quick", "slow"]
    assert found.machine.startswith("one")
    reasons = dict(found.absent)
    assert reasons["elsewhere"].startswith("times of two") and reasons["disturbed"] == "not measured alone"
    paths = write_plots(result, tmp_path / "out", costs=["decode_s", "decode_multiply_adds"])
    assert [path.name for path in paths if path.name.startswith("pareto")] == ["pareto-decode_s-psnr.png"]
    with pytest.raises(BenchError, match="unknown cost 'money': choose one of decode_s, "):
        pareto(result, "psnr", "money")


def test_multiply_adds_are_those_of_the_version_that_was_measured(tmp_path: Path) -> None:
    codec = codecs.get("ainn")
    of_picture = codec.multiply_adds(512, 768, 1)
    assert of_picture is not None
    store = Store(tmp_path)
    fill(store, "ainn", codec_version=codec.version())
    fill(store, "jpeg")
    (result,) = compare(["ainn", "jpeg"], "set", tmp_path, intervals=False, counted=True)
    ainn, jpeg = result.costs
    assert ainn.decode_multiply_adds == pytest.approx(of_picture.decode / 512 / 768)
    assert ainn.encode_multiply_adds == pytest.approx(of_picture.encode / 512 / 768)
    assert jpeg.decode_multiply_adds is None
    found = pareto(result, "psnr", "decode_multiply_adds")
    assert [place.codec for place in found.places] == ["ainn"] and found.absent == (
        ("jpeg", "none: no networks"),
    )
    assert (ainn.model_parameters, ainn.model_bytes) == codec.model_size(1)[:2]
    times = full_tables(result)[-1]
    cells = {str(column.header): [str(cell) for cell in column.cells] for column in times.columns}
    assert cells["codec"] == ["ainn", "jpeg"] and cells["decode (kMAC/pixel)"][1] == "none"
    (uncounted,) = compare(["ainn", "jpeg"], "set", tmp_path, intervals=False)
    assert uncounted.costs[0].decode_multiply_adds is None
    fill(store, "ainn", codec_version="another")
    (other,) = compare(["ainn", "jpeg"], "set", tmp_path, intervals=False, counted=True)
    assert other.costs[0].decode_multiply_adds is None
