"""Plots: every codec is told from the others, the same in all of them, and nothing is hidden."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from made_up import QUALITIES, SETUP, fill, row
from PIL import Image

from bench.compare.comparison import Comparison, compare
from bench.compare.curves import Curve
from bench.core.errors import BenchError
from bench.report.plots import FORMATS, bars, font_note, styles, write_plots
from bench.report.plots.looks import names
from bench.results import Store

METRICS = ("psnr", "ms_ssim")


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def compared(folder: Path, *names: str, dataset: str = "set") -> Comparison:
    (result,) = compare(names, dataset, folder, intervals=False)
    return result


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def test_a_pdf_svg_and_png_for_each_metric_with_every_curve_in_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, factor in (("ainn", 0.7), ("webp", 0.85), ("jpeg", 1.0)):
        fill(store, name, factor=factor)
    paths = write_plots(compared(tmp_path, "ainn", "webp", "jpeg"), tmp_path / "out", FORMATS)
    stems = [*(f"rd-{metric}" for metric in METRICS), "bd-rate"]
    assert {path.name for path in paths} == {f"{stem}.{suffix}" for stem in stems for suffix in FORMATS}
    looks = styles(["ainn", "webp", "jpeg"])
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                colours = np.array([colour for _, colour in picture.convert("RGB").getcolors(1 << 20) or []])
                assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
                of_curves = path.name.startswith("rd-")
                assert picture.width / 300 == pytest.approx(3.5 if of_curves else 7.16, abs=0.01)  # inches
            for name, style in looks.items():
                nearest = np.abs(colours - rgb(style.colour)).max(axis=1).min()
                assert (nearest <= 2) == (of_curves or name != "jpeg"), name  # the anchor has no bar
        elif path.suffix == ".svg":
            assert path.read_text(encoding="utf-8").lstrip().startswith("<?xml")
        else:
            assert path.read_bytes().startswith(b"%PDF")


def test_the_same_comparison_gives_the_same_bytes_and_no_date(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    fill(store, "old")
    result = compared(tmp_path, "new", "old")
    first, second = (write_plots(result, tmp_path / name, FORMATS) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    for path in first:
        assert not re.search(rb"CreationDate|<dc:date>|20\d\d-\d\d-\d\dT", path.read_bytes())


MANY = [
    "ainn", "jpeg", "webp", "vtm", "bpg", "avif", "jpegxl", "jpeg2000", "hm", "av1", "mine", "yours", "elic",
    "tcm", "mlic", "cheng2020-attn", "mbt2018", "stf", "qarv", "hyper", "balle2018", "lee2019", "invcomp",
]  # fmt: skip


def test_no_two_codecs_look_the_same() -> None:
    looks = styles(MANY)
    assert len({(style.colour, style.marker) for style in looks.values()}) == len(MANY)
    few = styles(MANY[:12])
    assert (
        len({style.colour for style in few.values()}) == 12 == len({style.marker for style in few.values()})
    )


def test_a_codec_looks_the_same_in_every_company() -> None:
    everywhere = [name for name in MANY if styles([name])[name] == styles(MANY)[name]]
    assert {"ainn", "jpeg", "webp", "vtm", "bpg", "avif", "jpegxl", "jpeg2000"} <= set(everywhere)
    assert styles(MANY) == styles(reversed(MANY))
    assert styles(["mine", "jpeg"])["mine"] == styles(["mine", "webp", "vtm"])["mine"]
    alone = {name: styles([name])[name] for name in MANY}
    for first, second in combinations(MANY, 2):  # one of two may have to move, never both
        both = styles([first, second])
        assert both[first] == alone[first] or both[second] == alone[second]


def test_a_published_curve_looks_like_its_codec_but_dashed() -> None:
    looks = styles(["vtm", "published:vtm"])
    mine, theirs = looks["vtm"], looks["published:vtm"]
    assert mine[:2] == theirs[:2] and theirs.published and not mine.published


def comments(svg: Path) -> list[str]:
    """Texts of a plot in the order they were drawn; matplotlib leaves each as a comment beside its shape."""
    return re.findall(r"<!-- (.*?) -->", svg.read_text(encoding="utf-8"))


@pytest.mark.parametrize("count", [2, 6, 17])
def test_each_curve_is_named_once_at_its_end_or_in_the_legend(tmp_path: Path, count: int) -> None:
    store = Store(tmp_path)
    for number, name in enumerate(MANY[:count]):
        fill(store, name, factor=1 + number / 10)
    result = compared(tmp_path, *MANY[:count])
    write_plots(result, tmp_path / "out", ["svg"])
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    written = names(result).values()
    assert len(set(written)) == count
    assert {name: texts.count(name) for name in written} == dict.fromkeys(written, 1)


@pytest.mark.parametrize("count", [2, 6, 17])
@pytest.mark.parametrize("log_rate", [False, True])
def test_names_at_ends_of_curves_touch_neither_each_other_nor_a_curve(
    tmp_path: Path, count: int, log_rate: bool
) -> None:
    store = Store(tmp_path)
    for number, name in enumerate(MANY[:count]):
        fill(store, name, factor=1 + number / 10)
    (axes,) = compared(tmp_path, *MANY[:count]).figure("psnr", log_rate=log_rate).axes
    assert (axes.get_xscale() == "log") is log_rate
    boxes = [text.get_window_extent() for text in axes.texts]
    assert boxes
    frame = axes.get_window_extent()
    for box in boxes:
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    for line in axes.lines:
        path = line.get_path().interpolated(100).transformed(axes.transData)
        assert not any(box.count_contains(path.vertices) for box in boxes)


def test_of_many_the_first_and_the_anchor_stand_out_or_those_that_are_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, name in enumerate(MANY[:7]):
        fill(store, name, factor=1 + number / 10)
    result, few = compared(tmp_path, *MANY[:7]), compared(tmp_path, *MANY[:6])

    def strong(comparison: Comparison, *highlight: str) -> set[str]:
        (axes,) = comparison.figure("psnr", highlight).axes
        own = {name: styles(MANY[:7])[name].colour.lower() for name in MANY[:7]}
        widest = max(line.get_linewidth() for line in axes.lines)
        chosen = set()
        for line, curve in zip(axes.lines, sorted(comparison.curves, key=by_performance), strict=True):
            in_full = str(line.get_color()).lower() == own[curve.codec]
            assert in_full == (line.get_linewidth() == widest)
            chosen |= {curve.codec} if in_full else set()
        return chosen

    def by_performance(curve: Curve) -> int:
        return MANY.index(curve.codec)

    assert strong(result) == {MANY[0], MANY[6]}
    assert strong(few) == set(MANY[:6])
    assert strong(result, "bpg", "vtm") == {"bpg", "vtm"}
    assert strong(few, "bpg") == {"bpg"}
    with pytest.raises(BenchError, match="can't highlight 'nothing', which isn't compared; choose of ainn,"):
        result.figure("psnr", ["nothing"])


def test_bars_are_as_long_as_bd_rates_and_whiskers_as_intervals(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, factor in (("worse", 1.5), ("better", 0.5), ("old", 1.0)):
        for image, more in zip("abcd", (0.9, 1.0, 1.05, 1.2), strict=True):
            fill(store, name, images=image, factor=factor if name == "old" else factor * more)
    fill(store, "point", images="abcd", qualities=QUALITIES[:1])
    (result,) = compare(["worse", "point", "better", "old"], "set", tmp_path)
    drawn = bars.draw(result)
    assert drawn is not None
    deltas = {(delta.codec, delta.metric): delta for delta in result.deltas}
    for axes, metric in zip(drawn.axes, METRICS, strict=True):
        best, worst = deltas["better", metric], deltas["worse", metric]
        assert best.bd.bd_rate is not None and worst.bd.bd_rate is not None
        assert [bar.get_width() for bar in axes.patches] == [best.bd.bd_rate, worst.bd.bd_rate]
        assert best.interval and worst.interval
        whiskers = [segment[:, 0].tolist() for segment in axes.collections[0].get_segments()]
        assert whiskers == pytest.approx(np.array([best.interval.bd_rate, worst.interval.bd_rate]))
        assert [text.get_text() for text in axes.texts][2] == "no BD-rate"
        assert f"{worst.bd.bd_rate:+.1f}" in [text.get_text() for text in axes.texts]
    assert [text.get_text() for text in drawn.axes[0].get_yticklabels()] == ["better", "worse", "point"]


def test_the_legend_is_sorted_by_performance(tmp_path: Path) -> None:
    store = Store(tmp_path)
    factors = {"worst of all": 1.002, "the best one": 1.0, "in the middle": 1.001}  # too close for names
    for name, factor in factors.items():
        fill(store, name, factor=factor)
    write_plots(compared(tmp_path, *factors), tmp_path / "out", ["svg"])
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    assert [text for text in texts if text in factors] == ["the best one", "in the middle", "worst of all"]
    assert "set, mean over 3 images" in texts
    assert "rate, bits per pixel" in texts and "PSNR (RGB), dB" in texts


def test_halved_chroma_stands_in_the_legend(tmp_path: Path) -> None:
    store, halved = Store(tmp_path), replace(SETUP, details={"chroma": "4:2:0"})
    fill(store, "half", setup=halved)
    fill(store, "mine:chroma=420", setup=halved)  # says so already
    fill(store, "full")
    result = compared(tmp_path, "half", "mine:chroma=420", "full")
    write_plots(result, tmp_path / "out", ["svg"])
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    assert {"half (4:2:0)", "mine, 4:2:0", "full"} <= set(texts)
    assert result.sampling == {"half": "4:2:0", "mine:chroma=420": "4:2:0"}


def test_many_curves_are_as_wide_as_two_columns(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, name in enumerate(MANY[:9]):
        fill(store, name, factor=1 + number / 10)
    widths = []
    for count in (2, 8, 9):
        write_plots(compared(tmp_path, *MANY[:count]), tmp_path / str(count))
        with Image.open(tmp_path / str(count) / "rd-psnr.png") as picture:
            widths.append(picture.width / 300)
    assert widths == pytest.approx([3.5, 3.5, 7.16], abs=0.01)


def test_a_curve_that_goes_far_beyond_the_others_is_cut_and_that_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "short", qualities=(1, 5, 10, 15, 20))  # to 0.4 bpp
    fill(store, "long", qualities=(1, 10, 20, 30, 40, 60))  # to 6.4 bpp
    write_plots(compared(tmp_path, "short", "long"), tmp_path / "out", ["svg"])
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    assert "long, to 6.4 bpp" in texts and "short" in texts
    ticks = [float(text) for text in texts if re.fullmatch(r"\d\.\d+", text)]
    assert max(ticks) < 0.5


def test_where_two_go_far_beyond_a_third_the_axis_is_logarithmic(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "short", qualities=(1, 5, 10, 15, 20))
    for name in ("long", "longer"):
        fill(store, name, qualities=(1, 10, 20, 30, 40, 60))
    write_plots(compared(tmp_path, "short", "longer", "long"), tmp_path / "out", ["svg"])
    assert "rate, bits per pixel (logarithmic)" in comments(tmp_path / "out" / "rd-psnr.svg")


def test_many_curves_have_their_legend_below(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, name in enumerate(MANY[:9]):
        fill(store, name, factor=1 + number / 10)
    write_plots(compared(tmp_path, *MANY[:9]), tmp_path / "many")
    write_plots(compared(tmp_path, *MANY[:2]), tmp_path / "few")
    heights = []
    for name in ("many", "few"):
        with Image.open(tmp_path / name / "rd-psnr.png") as picture:
            heights.append(picture.height)
    assert heights[0] > heights[1] + 100


@pytest.mark.parametrize("more", [0, 9])  # the legend is in a corner, or below
def test_names_with_signs_that_matplotlib_takes_for_its_own_are_drawn(tmp_path: Path, more: int) -> None:
    store = Store(tmp_path)
    names = ["_hidden", "a$b$c", "$_$", r"\frac", *MANY[:more]]
    for name in names:
        fill(store, name, dataset=r"$_$ ^ {")
    result = compared(tmp_path, *names, dataset=r"$_$ ^ {")
    write_plots(result, tmp_path / "out", ["svg"])
    text = (tmp_path / "out" / "rd-psnr.svg").read_text(encoding="utf-8")
    for drawn in ("_hidden", "a$b$c", "$_$", r"\frac", "$_$ ^ {, mean over 3 images"):
        assert f"{drawn} -->" in text
    result.figure("psnr").draw_without_rendering()
    assert font_note(result) is None


def test_characters_that_the_font_lacks_are_one_note(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "編碼", dataset="写真")
    fill(store, "old", dataset="写真")
    result = compared(tmp_path, "編碼", "old", dataset="写真")
    write_plots(result, tmp_path / "out", FORMATS)  # a warning would be an error here
    assert font_note(result) == "plots show boxes for characters that their font lacks: 写 真 編 碼"


def test_without_a_word_plots_are_png_and_unknown_formats_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    result = compared(tmp_path, "new", "old")
    assert {path.suffix for path in write_plots(result, tmp_path / "out")} == {".png"}
    assert [path.name for path in write_plots(result, tmp_path / "out", ["svg", "svg"])] == [
        "rd-psnr.svg", "rd-ms_ssim.svg", "bd-rate.svg",
    ]  # fmt: skip
    with pytest.raises(BenchError, match="unknown format of plots 'jpeg': choose one of png, pdf, svg"):
        write_plots(result, tmp_path / "none", ["jpeg"])
    assert not (tmp_path / "none").exists()


def test_what_has_no_finite_point_is_not_drawn(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "lossy", images="a")
    store.append(row("lossless", "a", 100, bpp=9.0, metrics={"psnr": math.inf}))
    for quality in QUALITIES[:1]:
        store.append(row("point", "a", quality))
    write_plots(compared(tmp_path, "lossless", "point", "lossy"), tmp_path / "out", FORMATS)
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    assert "lossy" in texts and "point" in texts and "lossless" not in texts
    (result,) = compare(["lossless", "lossy"], "set", tmp_path, intervals=False, metrics=["psnr"])
    assert [path.name for path in write_plots(result, tmp_path / "again")] == ["rd-psnr.png"]
