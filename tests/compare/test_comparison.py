"""Comparison: the same images for all, and what is left out or may mislead is said."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from made_up import QUALITIES, SETUP, failure, fill, row

from bench.compare import bd
from bench.compare.comparison import Comparison, compare
from bench.compare.curves import curve, whole_curves
from bench.core.errors import BenchError
from bench.results import Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def against(folder: Path, *names: str, intervals: bool = False, **options: Any) -> Comparison:
    (result,) = compare(names, "set", folder, intervals=intervals, **options)
    return result


def test_a_tenth_fewer_bits_is_minus_ten_percent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    fill(store, "old")
    (result,) = compare(["new", "old"], None, tmp_path)
    assert (result.anchor, result.dataset, result.images) == ("old", "set", 3)
    assert [(d.codec, d.metric) for d in result.deltas] == [("new", "psnr"), ("new", "ms_ssim")]
    for delta in result.deltas:
        assert delta.bd.bd_rate == pytest.approx(-10)
        assert delta.bd.bd_metric is not None and delta.bd.bd_metric > 0
        assert delta.bd.points == (5, 5) and delta.bd.reason is None
        assert delta.interval is not None and delta.interval.bd_rate == pytest.approx((-10, -10))
    assert result.warnings == () and result.notes == ()


def test_the_document_has_no_infinity_and_all_that_was_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    fill(store, "old")
    for image in "abc":
        store.append(row("new", image, 60, metrics={"psnr": math.inf, "ms_ssim": 1.0}))
    document = json.loads(
        json.dumps(against(tmp_path, "new", "old", intervals=True).to_dict(), allow_nan=False)
    )
    assert {"anchor", "dataset", "images", "rows", "views", "costs", "warnings", "notes"} <= document.keys()
    for line in document["rows"]:
        assert {"codec", "metric", "bd_rate", "bd_metric", "overlap", "points", "reason"} <= line.keys()
        assert line["interval"]["bd_rate"] == pytest.approx([-10, -10]) and line["interval"]["images"] == 3
        assert line["per_image"]["mean_bd_rate"] == pytest.approx(-10)
    assert document["curves"][0]["points"][-1]["values"]["psnr"] == "inf"


def test_every_codec_stands_against_the_last_and_results_come_in_the_order_asked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, factor in (("half", 0.5), ("double", 2.0), ("old", 1.0)):
        fill(store, name, factor=factor)
    result = against(tmp_path, "double", "half", "old", metrics=["psnr"])
    assert [(d.codec, d.bd.bd_rate) for d in result.deltas] == [
        ("double", pytest.approx(100)),
        ("half", pytest.approx(-50)),
    ]
    assert [c.codec for c in result.curves] == ["double", "half", "old"]


def test_only_images_that_all_codecs_have_are_used(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="ab", factor=0.9)
    fill(store, "old", images="ab")
    fill(store, "old", images="c", factor=100)  # would ruin the mean
    result = against(tmp_path, "new", "old")
    assert result.images == 2
    assert result.deltas[0].bd.bd_rate == pytest.approx(-10)
    assert "c.png is left out: new has no figures there" in result.notes


def test_a_run_that_was_cut_short_uses_its_whole_images(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="ab", factor=0.9)
    fill(store, "new", images="c", qualities=(10, 20), factor=100)
    fill(store, "old")
    result = against(tmp_path, "new", "old")
    assert result.images == 2 and result.deltas[0].bd.bd_rate == pytest.approx(-10)


def test_a_quality_tried_on_one_image_is_left_out_and_said(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    store.append(row("new", "a", 33))
    fill(store, "old")
    result = against(tmp_path, "new", "old")
    assert result.images == 3 and [p.quality for p in result.curves[0].points] == list(QUALITIES)
    assert any("33" in note for note in result.notes)


def test_single_images_are_ranked_and_averaged_beside_the_mean_curve(tmp_path: Path) -> None:
    store = Store(tmp_path)
    factors = {"a": 0.5, "b": 0.8, "c": 1.2}
    for image, factor in factors.items():
        fill(store, "new", images=image, factor=factor)
    fill(store, "old")
    delta = against(tmp_path, "new", "old").deltas[0]
    assert [(image.image, image.bd.bd_rate) for image in delta.ranked] == [
        (f"{image}.png", pytest.approx(100 * (factor - 1))) for image, factor in factors.items()
    ]
    assert delta.mean_bd_rate == pytest.approx(100 * (fmean(factors.values()) - 1))
    summary = delta.to_dict()["per_image"]
    assert summary["best"]["image"] == "a.png" and summary["worst"]["image"] == "c.png"


def test_an_image_without_a_delta_is_counted_not_averaged(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="ab", factor=0.5)
    for quality in QUALITIES:  # at a quality that the anchor never has
        store.append(row("new", "c", quality, metrics={"psnr": 90 + quality / 100}))
    fill(store, "old")
    delta = against(tmp_path, "new", "old", metrics=["psnr"]).deltas[0]
    summary = delta.to_dict()["per_image"]
    assert (summary["images"], summary["without"]) == (2, 1)
    assert summary["mean_bd_rate"] == pytest.approx(-50)


@pytest.mark.parametrize("method", bd.METHODS)
def test_the_method_is_that_of_the_delta(tmp_path: Path, method: str) -> None:
    store = Store(tmp_path)
    for image in "ab":
        for quality in QUALITIES:
            bent = {"psnr": 25 + quality / 5 + math.sin(quality), "ms_ssim": None}
            store.append(row("new", image, quality, metrics=bent))
    fill(store, "old", images="ab")
    result = against(tmp_path, "new", "old", metrics=["psnr"], method=method)
    axes = (*result.curves[0].axes("psnr"), *result.curves[1].axes("psnr"))
    expected = bd.bjontegaard(*axes, method=method, names=("new", "old"))
    assert result.deltas[0].bd == expected and result.method == method


def test_the_average_decides_the_curve(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("new", "old"):
        for quality in QUALITIES:
            for image, psnr in (("a", 20 + quality), ("b", 40 + quality)):
                store.append(row(name, image, quality, metrics={"psnr": psnr}))
    for average, expected in (
        ("usual", 40.0), ("mean-of-db", 40.0), ("db-of-mean", -10 * math.log10((1e-3 + 1e-5) / 2)),
    ):  # fmt: skip
        point = against(tmp_path, "new", "old", average=average).curves[0].points[0]
        assert point.db["psnr"] == pytest.approx(expected)


def test_metrics_are_those_that_both_have_the_usual_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    for image in "abc":
        for quality in QUALITIES:
            store.append(row("old", image, quality, metrics={"ms_ssim": 1 - 1 / quality}))
    assert against(tmp_path, "new", "old").metrics == ["ms_ssim"]
    (delta,) = against(tmp_path, "new", "old", metrics=["psnr"]).deltas
    assert delta.bd.bd_rate is None and delta.bd.reason == "old has no PSNR (RGB)"


def test_codecs_without_a_metric_in_common_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(row("new", "a", 10, metrics={"psnr": 30.0}))
    store.append(row("old", "a", 10, metrics={"ms_ssim": 0.9}))
    with pytest.raises(BenchError, match="no metric in common: psnr in one, ms_ssim in the other"):
        against(tmp_path, "new", "old")


def test_a_picture_without_a_metric_is_a_reason_that_names_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    store.append(row("new", "a", 10, metrics={"psnr": 32.0 - 6 + math.log2(0.2), "ms_ssim": None}))
    psnr, similarity = (delta.bd for delta in against(tmp_path, "new", "old").deltas)
    assert psnr.bd_rate is not None and similarity.bd_rate is None
    assert similarity.reason == "new has no MS-SSIM (RGB) for a.png at quality 10"


def test_curves_that_do_not_overlap_are_a_reason_not_a_number(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for quality in QUALITIES:
        store.append(row("high", "a", quality, metrics={"psnr": 60 + quality / 10}))
    fill(store, "old")
    delta = against(tmp_path, "high", "old", intervals=True).deltas[0]
    assert delta.bd.bd_rate is None and delta.bd.reason is not None and "overlap" in delta.bd.reason
    assert delta.mean_bd_rate is None and delta.ranked == []


@pytest.mark.parametrize("qualities", [(10,), (10, 20), (10, 20, 30)])
def test_few_points_of_one_image_are_a_reason(tmp_path: Path, qualities: tuple[float, ...]) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="a", qualities=qualities)
    fill(store, "old", images="a")
    result = against(tmp_path, "new", "old", intervals=True)
    for delta in result.deltas:
        assert delta.bd.reason is not None and "too few points" in delta.bd.reason
        assert delta.interval is not None and delta.interval.bd_rate is None and delta.interval.reason
    json.dumps(result.to_dict(), allow_nan=False)


def test_failed_cells_are_warned_of(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    store.append(failure("old", "d", 22, "it stopped with 1"))
    store.append(failure("old", "e", 22, "it stopped with 2"))
    store.append(failure("new", "a", 10, "before it was measured"))
    assert against(tmp_path, "new", "old").warnings == (
        "2 cells of old failed, first: d.png at 22: it stopped with 1",
    )


def test_curves_that_cross_are_warned_of(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, slope in (("steep", 7), ("flat", 5)):
        for quality in QUALITIES:
            bpp = 2 ** (quality / 10 - 3)
            store.append(row(name, "a", quality, bpp=bpp, metrics={"psnr": 30 + slope * math.log2(bpp)}))
    (warning,) = (w for w in against(tmp_path, "steep", "flat").warnings if "cross" in w)
    assert "at 1.000 bpp, 30.00 dB of PSNR (RGB): below, flat needs fewer bits" in warning


@pytest.mark.parametrize(("qualities", "warned"), [((10, 15, 20, 25), True), ((10, 20, 30, 45), False)])
def test_a_small_overlap_is_warned_of(tmp_path: Path, qualities: tuple[float, ...], warned: bool) -> None:
    store = Store(tmp_path)
    fill(store, "new", qualities=qualities)
    fill(store, "old")
    warnings = against(tmp_path, "new", "old", metrics=["psnr"]).warnings
    assert any("share only 38 %" in warning for warning in warnings) == warned == bool(warnings)


def test_a_curve_that_falls_is_warned_of_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="a")
    fill(store, "other", images="a")
    fill(store, "old", images="a")
    store.append(row("old", "a", 30, metrics={"psnr": 20.0}))
    result = against(tmp_path, "new", "other", "old", metrics=["psnr"])
    (warning,) = result.warnings
    assert warning == (
        "old isn't monotonic: its PSNR (RGB) doesn't rise from 0.4 to 0.8 bpp; its upper hull is hull:old"
    )
    assert all(delta.bd.reason is not None and "monotonic" in delta.bd.reason for delta in result.deltas)


def test_times_and_memory_are_means_and_peaks_of_what_was_measured_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    model = {"model_parameters": 12, "model_bytes": 24}
    setup = replace(SETUP, details=model, machine={"device": "CPU"}, run={"threads": 2})
    fill(store, "old", "a", setup=setup, encode_s=1.0, decode_s=5.0, encode_memory=10, start_s=0.5)
    fill(store, "old", "b", setup=setup, encode_s=3.0, decode_s=7.0, encode_memory=30, start_s=0.7)
    fill(store, "old", "c", setup=setup, encode_s=999.0, alone=False, encode_memory=20, start_s=99.0)
    fill(store, "new", alone=False, decode_memory=None)
    new, old = against(tmp_path, "new", "old").costs
    assert (old.encode_s, old.decode_s, old.timed, old.cells) == (2.0, 6.0, 10, 15)
    assert old.encode_memory == 30 and "10 of 15" in old.note
    assert old.start_s == pytest.approx(0.6) and old.device == "CPU, 2 threads"
    assert (old.model_parameters, old.model_bytes) == (12, 24)
    assert (new.start_s, new.model_parameters, new.device) == (None, None, "")
    assert (new.encode_s, new.decode_s, new.decode_memory) == (None, None, None)
    assert new.note == "not measured alone"


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["new"], {}, "two codecs"),
        (["new", "new"], {}, "twice"),
        (["new", "apart"], {}, "same images"),
        (["new", "old"], {"method": "spline"}, "unknown method 'spline': choose one of pchip"),
        (["new", "old"], {"average": "median"}, "unknown average 'median': choose one of usual"),
        (["new", "old"], {"metrics": ["pnsr"]}, "no metric 'pnsr'; did you mean 'psnr'"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    tmp_path: Path, names: list[str], options: dict[str, Any], said: str
) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    fill(store, "apart", images="xyz")
    with pytest.raises(BenchError, match=said):
        compare(names, "set", tmp_path, intervals=False, **options)


def test_whole_curves_of_nothing() -> None:
    assert whole_curves([]) == (set(), set())
    assert curve("c", []).points == ()


def test_a_folder_is_named_after_all_and_safely(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", dataset="kodak")
    (result,) = compare(["new", "published:vtm"], "kodak", tmp_path, intervals=False)
    assert result.folder_name == "new-published-vtm"


# What a notebook asks of a comparison.


def test_a_frame_has_a_row_per_codec_and_metric(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    fill(store, "few", qualities=QUALITIES[:3])
    fill(store, "old")
    result = against(tmp_path, "new", "few", "old", intervals=True)
    frame = result.frame()
    assert list(zip(frame.codec, frame.metric, strict=True)) == [(d.codec, d.metric) for d in result.deltas]
    assert set(frame.dataset) == {"set"} and set(frame.anchor) == {"old"} and set(frame.images) == {3}
    new, few = frame[frame.codec == "new"], frame[frame.codec == "few"]
    for column in ("bd_rate", "bd_rate_low", "bd_rate_high", "mean_of_images"):
        assert list(new[column]) == pytest.approx([-10, -10])
    assert new.reason.isna().all() and list(new.points) == ["5/5", "5/5"]
    assert few.bd_rate.isna().all() and few.bd_rate_low.isna().all()
    assert all("too few points" in reason for reason in few.reason)
    assert all("too few points" in reason for reason in few.interval_reason)


def test_a_frame_without_intervals_has_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    frame = against(tmp_path, "new", "old").frame()
    assert frame.bd_rate_low.isna().all() and frame.interval_reason.isna().all()


def test_a_figure_is_drawn_but_not_saved(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    result = against(tmp_path, "new", "old")
    before = sorted(tmp_path.rglob("*"))
    for metric, label in (("psnr", "PSNR (RGB), dB"), ("ms_ssim", "MS-SSIM (RGB), dB")):
        (axes,) = result.figure(metric).axes
        assert axes.get_ylabel() == label
        assert {line.get_label() for line in axes.lines} == {"new", "old"}
        for line, drawn in zip(axes.lines, result.curves, strict=True):
            assert list(line.get_xdata()) == [point.bpp for point in drawn.points]
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(BenchError, match="no curve has a point by 'vif'; draw one of psnr, ms_ssim"):
        result.figure("vif")


def test_an_image_that_lacks_a_quality_is_named_with_who_lacks_it(tmp_path: Path) -> None:
    """For all codecs alike, too: then nothing else would show that an image is missing."""
    store = Store(tmp_path)
    for codec in ("new", "old"):
        fill(store, codec, images="ab")
        fill(store, codec, images="cd", qualities=QUALITIES[:-1])
    fill(store, "new", images="e")
    result = against(tmp_path, "new", "old")
    last = f"{QUALITIES[-1]:g}"
    assert result.images == 2
    assert f"c.png, d.png are left out: new lacks quality {last} and old lacks quality {last}" in result.notes
    assert "e.png is left out: old has no figures there" in result.notes


def test_one_lossless_image_is_named_with_the_way_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "old")
    fill(store, "new", images="bc")
    for quality in QUALITIES:
        made = row("new", "a", quality)
        store.append(replace(made, metrics={**made.metrics, "psnr": math.inf}))
    result = against(tmp_path, "new", "old", metrics=["psnr"])
    lossless = [warning for warning in result.warnings if "without loss" in warning]
    assert len(lossless) == len(QUALITIES)
    assert all("a.png" in warning and "--average db-of-mean" in warning for warning in lossless)
    assert any("new isn't in the plot of PSNR" in warning for warning in result.warnings)
    saved = against(tmp_path, "new", "old", metrics=["psnr"], average="db-of-mean")
    assert saved.deltas[0].bd.bd_rate is not None
    assert not [warning for warning in saved.warnings if "without loss" in warning]


def test_versions_of_all_that_was_measured_are_in_the_document(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    document = against(tmp_path, "new", "old").to_dict()
    assert document["versions"] == {codec: store.load("set", codec).version for codec in ("new", "old")}
