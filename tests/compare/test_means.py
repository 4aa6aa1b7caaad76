"""Sets of metrics by one name: what stands for what, and the mean of their BD-rates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from gate_results import longer, rows

from bench import metrics
from bench.compare.comparison import Comparison, compare
from bench.compare.intervals import ends
from bench.core.errors import BenchError
from bench.metrics import SETS
from bench.report.page.remarks import remarks
from bench.report.tables import summary_table, write_tables
from bench.results import Row, Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def with_all(row: Row) -> Row:
    """A value by each metric of the set; each saturates in its own way, so that BD-rates differ."""
    base = (row.metrics["psnr"] or 0.0) / 60
    values = {
        name: (1 - base**place if name == "nlpd" else base**place)
        for place, name in enumerate(SETS["jpeg-ai"], start=1)
    }
    return replace(row, metrics=values)


def compared(folder: Path, **changes: object) -> Comparison:
    store = Store(folder)
    for row in rows():
        store.append(replace(with_all(row), codec="good"))
        worse = longer(1.0 + 0.02 * float(row.image[0]), row)
        store.append(replace(with_all(worse), codec="worse"))
    (result,) = compare(["worse", "good"], "set", folder, **changes)  # type: ignore[arg-type]
    return result


def test_all_sets_are_of_metrics_that_there_are() -> None:
    for name, members in SETS.items():
        assert set(members) <= set(metrics.names()) and name not in metrics.names()
        assert metrics.expand([name, members[0], "psnr"]) == [*members, "psnr"]
    listed = {line["name"] for line in metrics.describe()}
    assert set(SETS) <= listed


def test_the_mean_is_that_of_the_seven_with_an_interval_of_its_own(tmp_path: Path) -> None:
    result = compared(tmp_path, metrics=["jpeg-ai"])
    assert result.metrics == list(SETS["jpeg-ai"])
    (mean,) = result.means
    rates = [delta.bd.bd_rate for delta in result.deltas]
    assert None not in rates and mean.bd_rate == pytest.approx(fmean(rate for rate in rates if rate))
    without = []
    for left_out in range(8):  # the comparison made anew without an image
        folder = tmp_path / str(left_out)
        store = Store(folder)
        for row in Store(tmp_path).rows("set", "good") + Store(tmp_path).rows("set", "worse"):
            if row.image != f"{left_out}.png":
                store.append(row)
        (fewer,) = compare(["worse", "good"], "set", folder, metrics=["jpeg-ai"], intervals=False)
        without.append(fewer.means[0].bd_rate)
    low, high = ends(np.array(mean.bd_rate), np.array(without))
    assert mean.interval == pytest.approx((float(low), float(high)))
    assert low < (mean.bd_rate or 0) < high


def test_the_mean_is_in_every_table_and_on_the_page(tmp_path: Path) -> None:
    result = compared(tmp_path, metrics=["jpeg-ai"])
    (mean,) = result.means
    assert mean.bd_rate is not None
    texts = [str(cell) for column in summary_table(result).columns for cell in column.cells]
    assert "mean, jpeg-ai" in texts and f"{mean.bd_rate:+.2f}" in texts
    assert result.records()[-1]["metric"] == "jpeg-ai"
    assert result.frame().iloc[-1]["bd_rate"] == mean.bd_rate
    assert result.to_dict()["means"][0]["bd_rate"] == mean.bd_rate
    write_tables(result, tmp_path / "out")
    assert f"| worse | jpeg-ai | {mean.bd_rate:+.2f} |" in (tmp_path / "out" / "table.md").read_text()
    sentences = ["".join(map(str, part.values())) for line in remarks(result) for part in line["parts"]]
    assert any(f"jpeg-ai is {mean.bd_rate:+.2f} %" in sentence for sentence in sentences)


def test_there_is_no_mean_of_six(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for row in rows():
        full = with_all(row)
        store.append(replace(full, codec="good"))
        values = {name: value for name, value in full.metrics.items() if name != "vif"}
        store.append(replace(full, codec="mine", metrics=values))
    (result,) = compare(["mine", "good"], "set", tmp_path, metrics=["jpeg-ai"])
    (mean,) = result.means
    assert mean.bd_rate is None and mean.interval is None
    assert mean.reason == "no mean of jpeg-ai: by VIF (luma), mine has no VIF (luma)"


def test_nobody_gets_a_mean_who_asked_for_none(tmp_path: Path) -> None:
    assert compared(tmp_path).means == ()
    with pytest.raises(BenchError, match="no metric 'jpeg-a'"):
        compare(["worse", "good"], "set", tmp_path, metrics=["jpeg-a"])
