"""Comparison: the same images for all codecs, and what is left out is said."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from bench import compare as module
from bench.compare import compare
from bench.curves import curve, whole_curves
from bench.errors import BenchError
from bench.plots import write_plots
from bench.results import Row, Store
from bench.tables import write_tables


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "COMMITTED", tmp_path / "committed")


def row(codec: str, image: str, quality: float, factor: float = 1.0, **changes: object) -> Row:
    """A made-up cell: 6 dB per doubling of the rate, `factor` times the rate of the reference codec."""
    rate = 0.1 * 2 ** (quality / 10)
    cell = Row(
        dataset="set", image=image, image_sha256=f"sha of {image}", width=200, height=200, codec=codec,
        codec_version="1", quality=quality, bytes=100, bpp=factor * rate, psnr=30 + 6 * math.log2(rate),
        ms_ssim=1 - 0.05 / rate, encode_s=1.0, decode_s=2.0, environment="here",
    )  # fmt: skip
    return replace(cell, **changes)


def fill(
    store: Store,
    codec: str,
    images: str = "abc",
    qualities: tuple[float, ...] = (10, 20, 30, 40, 50),
    **k: float,
):  # type: ignore[no-untyped-def]
    for image in images:
        for quality in qualities:
            store.append(row(codec, image, quality, **k))


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
    document = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert {"anchor", "dataset", "rows"} <= document.keys()
    keys = {"codec", "metric", "bd_rate", "bd_metric", "overlap", "points", "reason"}
    assert all(keys <= line.keys() for line in document["rows"])


def test_only_images_that_all_codecs_have_are_used(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="ab", factor=0.9)
    fill(store, "old", images="ab")
    fill(store, "old", images="c", factor=100)  # would ruin the mean
    (result,) = compare(["new", "old"], "set", tmp_path)
    assert result.images == 2
    assert result.deltas[0].bd.bd_rate == pytest.approx(-10)
    assert any("old: 2 of 3 images" in note for note in result.notes)


def test_a_run_that_was_cut_short_uses_its_whole_images(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="ab", factor=0.9)
    fill(store, "new", images="c", qualities=(10, 20), factor=100)
    fill(store, "old")
    (result,) = compare(["new", "old"], "set", tmp_path)
    assert result.images == 2 and result.deltas[0].bd.bd_rate == pytest.approx(-10)


def test_a_quality_tried_on_one_image_is_left_out_and_said(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    store.append(row("new", "a", 33))
    fill(store, "old")
    (result,) = compare(["new", "old"], "set", tmp_path)
    assert result.images == 3 and [p.quality for p in result.curves[0].points] == [10, 20, 30, 40, 50]
    assert any("33" in note for note in result.notes)


def test_curves_that_do_not_overlap_are_a_reason_not_a_number(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for image in "ab":
        for quality in (10, 20, 30, 40):
            store.append(row("high", image, quality, psnr=60 + quality / 10))
    fill(store, "old")
    (result,) = compare(["high", "old"], "set", tmp_path)
    delta = result.deltas[0].bd
    assert delta.bd_rate is None and delta.reason is not None and "overlap" in delta.reason


def test_pictures_too_small_for_ms_ssim_are_a_reason(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    store.append(row("new", "a", 10, ms_ssim=None))
    (result,) = compare(["new", "old"], "set", tmp_path)
    psnr, similarity = (delta.bd for delta in result.deltas)
    assert psnr.bd_rate == pytest.approx(0) and similarity.bd_rate is None
    assert similarity.reason is not None and "too small" in similarity.reason


@pytest.mark.parametrize(
    ("names", "dataset", "said"),
    [
        (["new"], None, "two codecs"),
        (["new", "new"], None, "twice"),
        (["new", "odl"], None, "did you mean 'old'"),
        (["new", "old"], "kodka", "no results of 'new' on kodka .*bench run --codec new --dataset kodka"),
        (["new", "old"], "sets", "no results of 'new' on sets .*did you mean 'set'"),
        (["new", "lone"], None, "no dataset on which all"),
        (["new", "apart"], None, "same images"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    tmp_path: Path, names: list[str], dataset: str | None, said: str
) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    fill(store, "apart", images="xyz")
    store.append(row("lone", "a", 10, dataset="elsewhere"))
    with pytest.raises(BenchError, match=said):
        compare(names, dataset, tmp_path)


def test_committed_results_stand_in_for_a_codec_that_was_not_run(tmp_path: Path) -> None:
    fill(Store(tmp_path / "committed"), "old")
    fill(Store(tmp_path / "mine"), "new", factor=0.9)
    (result,) = compare(["new", "old"], None, tmp_path / "mine")
    assert result.deltas[0].bd.bd_rate == pytest.approx(-10)
    assert any("committed" in note for note in result.notes)


def test_whole_curves_of_nothing() -> None:
    assert whole_curves([]) == (set(), set())


def test_means_are_over_images() -> None:
    rows = [row("c", "a", 10, bpp=1.0, psnr=30.0), row("c", "b", 10, bpp=3.0, psnr=40.0)]
    (point,) = curve("c", rows).points
    assert (point.bpp, point.psnr, point.images) == (2.0, 35.0, 2)


def test_files_hold_what_was_compared(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    fill(store, "old")
    (result,) = compare(["new", "old"], "set", tmp_path)
    markdown, deltas, points = write_tables(result, tmp_path / "out")
    assert "| new | PSNR (RGB) | -10.00 |" in markdown.read_text()
    with deltas.open() as file:
        assert [float(line["bd_rate"]) for line in csv.DictReader(file)] == pytest.approx([-10, -10])
    with points.open() as file:
        lines = list(csv.DictReader(file))
    assert [line["codec"] for line in lines] == ["new"] * 5 + ["old"] * 5
    assert float(lines[0]["psnr"]) == pytest.approx(result.curves[0].points[0].psnr)

    plots = write_plots(result, tmp_path / "out")
    assert sorted(path.name for path in plots) == [
        "rd-ms_ssim.png", "rd-ms_ssim.svg", "rd-psnr.png", "rd-psnr.svg",
    ]  # fmt: skip
    from PIL import Image

    for path in plots:
        if path.suffix == ".png":
            pixels = Image.open(path).convert("RGB").getcolors(1 << 20) or []
            colours = {colour for _, colour in pixels}
            assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0)} <= colours  # both curves are drawn
        else:
            assert path.read_text().lstrip().startswith("<?xml")
    before = [path.read_bytes() for path in plots]
    assert [path.read_bytes() for path in write_plots(result, tmp_path / "out")] == before
