"""Plots: every codec is told from the others, the same in all of them, and nothing is hidden."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from made_up import QUALITIES, SETUP, fill, row
from PIL import Image

from bench.compare.comparison import Comparison, compare
from bench.core.errors import BenchError
from bench.report.plots import FORMATS, font_note, styles, write_plots
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
    assert {path.name for path in paths} == {f"rd-{m}.{suffix}" for m in METRICS for suffix in FORMATS}
    expected = {rgb(style.colour) for style in styles(["ainn", "webp", "jpeg"]).values()}
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                colours = picture.convert("RGB").getcolors(1 << 20) or []
                assert 3 <= picture.width / 300 <= 4  # inches: a column
            assert expected <= {colour for _, colour in colours}
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


def test_the_legend_is_sorted_by_performance(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name, factor in (("worst", 2.0), ("best", 0.5), ("middle", 1.0)):
        fill(store, name, factor=factor)
    write_plots(compared(tmp_path, "worst", "best", "middle"), tmp_path / "out", FORMATS)
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    assert [text for text in texts if text in ("worst", "best", "middle")] == ["best", "middle", "worst"]
    assert "set, mean over 3 images" in texts
    assert "rate, bits per pixel" in texts and "PSNR (RGB), dB" in texts


def test_halved_chroma_stands_in_the_legend(tmp_path: Path) -> None:
    store, halved = Store(tmp_path), replace(SETUP, details={"chroma": "4:2:0"})
    fill(store, "half", setup=halved)
    fill(store, "mine:chroma=420", setup=halved)  # says so already
    fill(store, "full")
    result = compared(tmp_path, "half", "mine:chroma=420", "full")
    write_plots(result, tmp_path / "out", FORMATS)
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    assert {"half (4:2:0)", "mine:chroma=420", "full"} <= set(texts)
    assert result.sampling == {"half": "4:2:0", "mine:chroma=420": "4:2:0"}


def test_many_curves_are_as_wide_as_two_columns(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, name in enumerate(MANY[:9]):
        fill(store, name, factor=1 + number / 10)
    widths = []
    for count in (2, 8, 9):
        write_plots(compared(tmp_path, *MANY[:count]), tmp_path / str(count), FORMATS)
        with Image.open(tmp_path / str(count) / "rd-psnr.png") as picture:
            widths.append(picture.width / 300)
    assert widths == pytest.approx([3.5, 3.5, 7.16], abs=0.01)


def test_a_curve_that_goes_far_beyond_the_others_is_cut_and_that_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "short", qualities=(1, 5, 10, 15, 20))  # to 0.4 bpp
    fill(store, "long", qualities=(1, 10, 20, 30, 40, 60))  # to 6.4 bpp
    write_plots(compared(tmp_path, "short", "long"), tmp_path / "out", FORMATS)
    texts = comments(tmp_path / "out" / "rd-psnr.svg")
    assert "long, to 6.4 bpp" in texts and "short" in texts
    ticks = [float(text) for text in texts if re.fullmatch(r"\d\.\d+", text)]
    assert max(ticks) < 0.5


def test_where_two_go_far_beyond_a_third_the_axis_is_logarithmic(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "short", qualities=(1, 5, 10, 15, 20))
    for name in ("long", "longer"):
        fill(store, name, qualities=(1, 10, 20, 30, 40, 60))
    write_plots(compared(tmp_path, "short", "longer", "long"), tmp_path / "out", FORMATS)
    assert "rate, bits per pixel (logarithmic)" in comments(tmp_path / "out" / "rd-psnr.svg")


def test_many_curves_have_their_legend_below(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, name in enumerate(MANY[:9]):
        fill(store, name, factor=1 + number / 10)
    write_plots(compared(tmp_path, *MANY[:9]), tmp_path / "many", FORMATS)
    write_plots(compared(tmp_path, *MANY[:2]), tmp_path / "few", FORMATS)
    heights = []
    for name in ("many", "few"):
        with Image.open(tmp_path / name / "rd-psnr.png") as picture:
            heights.append(picture.height)
    assert heights[0] > heights[1] + 100
    assert set(MANY[:9]) <= set(comments(tmp_path / "many" / "rd-psnr.svg"))


@pytest.mark.parametrize("more", [0, 9])  # the legend is in a corner, or below
def test_names_with_signs_that_matplotlib_takes_for_its_own_are_drawn(tmp_path: Path, more: int) -> None:
    store = Store(tmp_path)
    names = ["_hidden", "a$b$c", "$_$", r"\frac", *MANY[:more]]
    for name in names:
        fill(store, name, dataset=r"$_$ ^ {")
    result = compared(tmp_path, *names, dataset=r"$_$ ^ {")
    write_plots(result, tmp_path / "out", FORMATS)
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
        "rd-psnr.svg", "rd-ms_ssim.svg",
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
    assert len(write_plots(result, tmp_path / "again")) == 1
