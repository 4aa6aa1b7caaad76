"""Metrics of other packages, found by entry points."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench import metrics
from bench.compare.curves import MeasuredCell, curve
from bench.core.errors import BenchError
from bench.metrics import registry

PLUGIN = '''
from bench.metrics import Metric

class Darkness(Metric):
    """How dark a picture is, whatever it was decoded from."""

    name, title, library = "darkness", "Darkness", "this test"

    def version(self):
        return "1"

    def against(self, original):
        return lambda decoded: 255 - float(decoded.mean())

class Needy(Darkness):
    name = "needy"

    @classmethod
    def missing(cls):
        return "it needs the dark; pip install dark"
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with metrics, beside the others."""
    (tmp_path / "darkness.py").write_text(PLUGIN)
    info = tmp_path / "darkness-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: darkness\nVersion: 1.0\n")
    points = "darkness = darkness:Darkness\nneedy = darkness:Needy\nbroken = darkness:Absent\n"
    (info / "entry_points.txt").write_text(f"[codec_bench.metrics]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))
    vars(registry.REGISTRY).pop("targets", None)
    yield
    vars(registry.REGISTRY).pop("targets", None)
    registry.get.cache_clear()


def test_a_metric_of_another_package_is_found(plugin: None) -> None:
    assert {"darkness", "needy", "broken"} <= set(metrics.names())
    picture = np.full((4, 4, 3), 100, np.uint8)
    assert metrics.ready("darkness").against(picture)(picture) == 155
    assert metrics.get("needy").title == "Darkness"  # though it can't score
    with pytest.raises(BenchError, match="can't run here: it needs the dark"):
        metrics.ready("needy")
    lines = {str(line["name"]): line for line in metrics.describe()}
    assert lines["darkness"]["usable"] and not lines["needy"]["usable"] and not lines["broken"]["usable"]
    assert lines["needy"]["note"] == "it needs the dark; pip install dark"
    assert (lines["darkness"]["better"], lines["darkness"]["min_side"], lines["darkness"]["device"]) == (
        "higher", 1, "cpu",
    )  # fmt: skip


def test_unknown_metric_names_those_that_are_near() -> None:
    with pytest.raises(BenchError, match=r"no metric 'psrn'; did you mean 'psnr'\? there are ciede2000, "):
        metrics.get("psrn")


def test_results_of_a_metric_that_is_gone_still_have_their_curves() -> None:
    cells = [MeasuredCell("a", "a.png", quality, quality, {"psnr": 30.0, "gone": 1.0}) for quality in (1, 2)]
    for point in curve("codec", cells).points:
        assert point.db == {"psnr": 30.0} and point.values["gone"] == 1.0
