"""Upper hulls of several settings of one codec as one curve."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from gate_results import rows
from scipy.spatial import ConvexHull

from bench.compare.comparison import compare
from bench.compare.hulls import names_in, upper_hull
from bench.core.errors import BenchError
from bench.report.page.anchors import Terms
from bench.report.page.bands import bands
from bench.report.page.build import write_reports
from bench.report.tables import write_tables
from bench.results import Row, Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def test_hulls_are_those_of_scipy() -> None:
    rng = np.random.default_rng(4)
    for count in (3, 5, 20, 100):
        points = [(float(r), float(q)) for r, q in rng.uniform(0.1, 10, (count, 2))]
        corners = {points[place] for place in ConvexHull(points).vertices}
        left, top = min(corners), max(corners, key=lambda point: point[1])
        (x0, y0), (x1, y1) = left, top
        upper = {
            point
            for point in corners
            if x0 <= point[0] <= x1 and (point[1] - y0) * (x1 - x0) >= (y1 - y0) * (point[0] - x0)
        }
        hull = upper_hull(points)
        assert set(hull) == upper | {left, top} and hull == sorted(hull)
        assert all(one[1] < other[1] for one, other in pairwise(hull))
    assert upper_hull([]) == [] and upper_hull([(1, 2)]) == [(1, 2)]
    assert upper_hull([(1, 2), (1, 3), (2, 3)]) == [(1, 3)]


def test_which_codecs_a_pattern_stands_for() -> None:
    there = ["av1", "av1:speed=8", "av1:chroma=420", "av1:chroma=420,speed=8", "avif", "avif:speed=8"]
    assert names_in("av1:speed=*", there) == ["av1", "av1:speed=8"]
    assert names_in("av1:speed=*,chroma=*", there) == there[:4]
    assert names_in("av1:chroma=420,speed=*", there) == there[2:4]
    assert names_in("av1", there) == ["av1"]
    with pytest.raises(BenchError, match="av1 has no parameter 'sped'"):
        names_in("av1:sped=*", there)


def setting(row: Row, shift: float, name: str) -> Row:
    """A setting that is best at one rate: PSNR falls by 0.3 dB for each octave's square away from it."""
    octaves = math.log2(row.bpp)
    loss = 0.3 * (octaves - shift) ** 2
    values: dict[str, float | None] = {"psnr": 30 + 5 * octaves - loss, "ms_ssim": row.metrics["ms_ssim"]}
    return replace(row, codec=name, metrics=values)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    store = Store(tmp_path)
    for row in rows():
        store.append(setting(row, 1.5, "mine"))
        store.append(setting(row, 4.0, "mine:speed=8"))
        store.append(replace(row, codec="old", metrics={"psnr": 29 + 5 * math.log2(row.bpp), "ms_ssim": 0.9}))
    return tmp_path


def test_the_hull_is_no_worse_than_any_of_its_settings(results: Path) -> None:
    names = ["hull:mine:speed=*", "mine", "mine:speed=8", "old"]
    (result,) = compare(names, "set", results, metrics=["psnr"])
    rates = {delta.codec: delta.bd.bd_rate for delta in result.deltas}
    hull, *single = (rates[name] for name in names[:-1])
    assert hull is not None and None not in single
    assert all(hull < rate - 1 for rate in single if rate is not None)
    delta = result.deltas[0]
    assert delta.interval is not None and delta.interval.bd_rate is not None
    assert delta.interval.bd_rate[0] < hull < delta.interval.bd_rate[1]
    assert len(delta.images) == 8
    for one, own, other in zip(*(delta.images for delta in result.deltas), strict=True):
        assert one.bd.bd_rate is not None and own.bd.bd_rate is not None and other.bd.bd_rate is not None
        assert one.bd.bd_rate <= min(own.bd.bd_rate, other.bd.bd_rate) + 0.5  # a hull of its own
    whole = result.curves[0]
    expected = upper_hull([point for curve in result.curves[1:3] for point in curve.usable_points("psnr")])
    assert whole.usable_points("psnr") == expected and 4 < len(expected) < 10
    assert {name for name, _ in whole.members.values()} == {"mine", "mine:speed=8"}
    (note,) = (note for note in result.notes if "upper convex hull" in note)
    assert f"{len(expected)} of 10 points" in note


def test_each_metric_has_a_hull_of_its_own(results: Path) -> None:
    """By MS-SSIM both settings are the same: ten points of which five count, whatever PSNR says."""
    (result,) = compare(["hull:mine:speed=*", "mine"], "set", results)
    by_metric = {delta.metric: delta for delta in result.deltas}
    assert by_metric["ms_ssim"].bd.bd_rate == pytest.approx(0, abs=1e-9)
    assert by_metric["psnr"].bd.bd_rate is not None and by_metric["psnr"].bd.bd_rate < -1
    assert len(set(result.curves[0].usable_points("ms_ssim"))) == 5
    write_tables(result, results / "out")
    assert "hull:mine:speed=*" in (results / "out" / "table.md").read_text()


def test_the_hull_of_a_curve_that_is_not_monotonic_gives_a_figure_that_is_marked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for row in rows():
        store.append(replace(row, codec="old"))
        value = (row.metrics["psnr"] or 0) - (14 if row.quality == 40 else 0)
        store.append(replace(row, codec="bumpy", metrics={"psnr": value}))
    (result,) = compare(["bumpy", "hull:bumpy", "old"], "set", tmp_path, metrics=["psnr"])
    bumpy, hull = result.deltas
    assert bumpy.bd.bd_rate is None and hull.bd.bd_rate == pytest.approx(0, abs=2)
    assert hull.codec == "hull:bumpy" and hull.bd.points == (4, 5)
    (warning,) = (text for text in result.warnings if "isn't monotonic" in text)
    assert warning.endswith("; its upper hull is hull:bumpy")


def test_the_page_shows_hulls(results: Path) -> None:
    names = ["hull:mine:speed=*", "old"]
    (written,) = write_reports(names, "set", results, Terms(), out=results / "page")
    assert "upper convex hull" in written.path.read_text()
    (result,) = compare(names, "set", results)
    hull = result.curves[0]
    for metric, ends in bands(hull, ["psnr", "ms_ssim"]).items():
        for point, end in zip(hull.points, ends, strict=True):
            assert bool(end) == (metric in point.db)
            assert not end or end["value"][0] - 1e-9 <= point.db[metric] <= end["value"][1] + 1e-9


def test_a_hull_of_nothing_is_an_error_that_says_what_there_is(results: Path) -> None:
    with pytest.raises(BenchError, match=r"no results on set are of 'mine:speed=9\*'; there are mine, "):
        compare(["hull:mine:speed=9*", "old"], "set", results)
    with pytest.raises(BenchError, match="no results of 'mien' on set"):
        compare(["hull:mien", "old"], "set", results)


def test_files_and_published_curves_have_hulls_too(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    lines = [",1,0.2,30", ",2,0.4,33", ",3,0.5,32.5", ",4,0.8,36", ",5,1.6,38"]
    file.write_text("\n".join(["image,quality,bpp,psnr", *lines]))
    (result,) = compare([f"hull:file:{file}", "hull:published:vtm"], "kodak", tmp_path)
    (delta,) = result.deltas
    assert delta.codec == "hull:curve" and delta.bd.points[0] == 4 and delta.bd.bd_rate is not None
