"""Which way is better: a metric and its negative say the same of codecs, wherever either is used."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_results import judged, longer, rows

from bench import bd_rate
from bench.check import State
from bench.compare.bd import bd_metric
from bench.compare.comparison import Comparison, compare
from bench.metrics import RGB, Metric, Score
from bench.metrics.registry import REGISTRY
from bench.report.page.bands import bands
from bench.report.plots import figure
from bench.report.tables import write_tables
from bench.results import Row, Store


class Gain(Metric):
    """More is better."""

    name, title, library, unit = "gain", "Gain", "this test", "units"

    def version(self) -> str:
        return "1"

    def against(self, original: RGB) -> Score:
        return lambda decoded: 0.0


class Loss(Gain):
    """Its negative."""

    name, title = "loss", "Loss"
    higher_is_better = False


@pytest.fixture(autouse=True)
def both_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for cls in (Gain, Loss):
        monkeypatch.setitem(REGISTRY.targets, cls.name, f"{__name__}:{cls.__name__}")  # type: ignore[arg-type]
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def both_ways(row: Row) -> Row:
    value = row.metrics["psnr"] or 0.0
    return replace(row, metrics={"gain": value, "loss": -value})


def worse(row: Row) -> Row:
    """Takes a tenth more bits, and at one quality is a poorer picture."""
    changed = longer(1.1, row)
    values = {"psnr": (row.metrics["psnr"] or 0.0) - (0.7 if row.quality == 30 else 0.0)}
    return both_ways(replace(changed, metrics=values, codec="worse"))


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    store = Store(tmp_path)
    for row in rows():
        store.append(worse(row))
        store.append(replace(both_ways(row), codec="good"))
    (result,) = compare(["worse", "good"], "set", tmp_path)
    return result


def test_deltas_and_intervals_are_the_same(comparison: Comparison) -> None:
    by_metric = {delta.metric: delta for delta in comparison.deltas}
    gain, loss = by_metric["gain"], by_metric["loss"]
    assert gain.bd.bd_rate is not None and gain.bd.bd_rate > 9
    assert loss.bd == gain.bd and loss.interval == gain.interval
    assert gain.interval is not None and gain.interval.bd_rate is not None
    assert loss.images == gain.images and len(gain.images) == 8


def test_tables_show_the_metric_s_own_values(comparison: Comparison, tmp_path: Path) -> None:
    views = {(view.metric, view.fixed): view for view in comparison.views}
    for fixed, sign in (("quality", 1), ("rate", -1)):
        gain, loss = views["gain", fixed], views["loss", fixed]
        assert len(gain.lines) == len(loss.lines) > 2
        for one, other in zip(gain.lines, loss.lines, strict=True):
            assert other.at == (one.at if fixed == "rate" else -one.at)
            for entry, turned in zip(one.entries, other.entries, strict=True):
                for value, negative in ((entry.value, turned.value), (entry.gap, turned.gap)):
                    assert negative == (None if value is None else pytest.approx(sign * value))
    write_tables(comparison, tmp_path / "out")
    text = (tmp_path / "out" / "table.md").read_text()
    assert re.search(r"^\| -3\d \|", text, re.MULTILINE) and re.search(r"^\| 3\d \|", text, re.MULTILINE)


def test_plots_have_the_better_end_on_top_and_tell_the_metric_s_own_values(comparison: Comparison) -> None:
    labels: dict[str, list[float]] = {}
    lines: dict[str, Any] = {}
    for metric in ("gain", "loss"):
        drawn = figure(comparison, metric)
        drawn.canvas.draw()
        (axes,) = drawn.axes
        ticks = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in axes.get_yticklabels()]
        labels[metric] = [float(tick) for tick in ticks]
        lines[metric] = [axes.transData.transform(line.get_xydata()).tolist() for line in axes.get_lines()]
        assert ("less is better" in axes.get_ylabel()) == (metric == "loss")
    assert labels["loss"] == [-value for value in labels["gain"]] and len(labels["gain"]) > 2
    heights = {metric: [[y for _, y in line] for line in drawn] for metric, drawn in lines.items()}
    assert all(line == sorted(line) for metric in heights for line in heights[metric])


def test_bands_lie_around_the_points(comparison: Comparison) -> None:
    for curve in comparison.curves:
        both = bands(curve, ["gain", "loss"])
        for point, gain, loss in zip(curve.points, both["gain"], both["loss"], strict=True):
            low, high = loss["value"]
            assert low < point.db["loss"] < high
            assert [low, high] == pytest.approx([-end for end in reversed(gain["value"])])


RULES = ("bd-rate:{}:1%", "bd-metric:{}:0.05", "metric:{}:0.02", "image:{}:0.05")


@pytest.mark.parametrize("better", [False, True], ids=["worse than the baseline", "better"])
@pytest.mark.parametrize("rule", RULES)
def test_the_gate_gives_the_same_verdicts(tmp_path: Path, rule: str, better: bool) -> None:
    good = [replace(both_ways(row), codec="mine") for row in rows()]
    bad = [replace(worse(row), codec="mine") for row in rows()]
    fresh, baseline = (good, bad) if better else (bad, good)
    both = [rule.format(metric) for metric in ("gain", "loss")]
    report = judged(tmp_path, fresh, *both, baseline=baseline)
    cells, gain, loss = report.codecs[0].verdicts
    assert cells.state is State.passed
    expected = State.improved if better else State.regressed
    if better and rule.startswith("image"):
        expected = gain.state  # the worst picture is not worse
    assert gain.state is loss.state is expected
    assert gain.change is not None and loss.change is not None
    of_metric = rule.startswith(("metric", "image"))  # a metric's own change, fresh less baseline
    assert loss.change == pytest.approx(-gain.change if of_metric else gain.change)
    moved = report.codecs[0].moved
    assert moved and all(cell.metrics["loss"] == -cell.metrics["gain"] for cell in moved if cell.metrics)


def test_reasons_and_warnings_speak_of_the_metric_s_own_values(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for row in rows():
        value = 30.0 if row.quality == 30 else 31.5 if row.quality == 20 else 28 + row.quality / 10
        bumpy = replace(row, metrics={"loss": value}, codec="bumpy")
        store.append(bumpy)
        store.append(replace(both_ways(row), codec="good"))
    (result,) = compare(["bumpy", "good"], "set", tmp_path)
    (delta,) = result.deltas
    assert delta.bd.reason is not None
    assert "isn't monotonic: 31.50 at" in delta.bd.reason and "after 29.00" in delta.bd.reason
    assert any("its Loss doesn't fall from" in warning for warning in result.warnings)


def test_the_functions_take_values_of_either_direction() -> None:
    rates, anchor_rates = [0.1, 0.2, 0.4, 0.8], [0.12, 0.25, 0.5, 1.0]
    errors, anchor_errors = [0.31, 0.22, 0.12, 0.05], [0.3, 0.2, 0.11, 0.06]
    axes = (rates, errors, anchor_rates, anchor_errors)
    turned = (rates, [-e for e in errors], anchor_rates, [-e for e in anchor_errors])
    assert bd_rate(*axes, higher_is_better=False) == bd_rate(*turned)
    assert bd_metric(*axes, higher_is_better=False) == bd_metric(*turned)
    reason = bd_rate(*axes).reason
    assert reason is not None and "isn't monotonic: 0.2200 at" in reason
    wrong = bd_rate(*turned, higher_is_better=False).reason
    assert wrong is not None and "isn't monotonic: -0.2200 at" in wrong
