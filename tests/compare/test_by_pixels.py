"""Means in which pictures weigh by their pixels."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from made_up import QUALITIES, SETUP, row

from bench.compare.at_targets import compare_at_targets
from bench.compare.comparison import Comparison, compare
from bench.compare.curves import Curve, cell_of, curve
from bench.compare.image_curves import image_curves
from bench.compare.savings import savings
from bench.core.errors import BenchError
from bench.report.tables import write_tables
from bench.results import Row, Store
from bench.results.targets import parse_targets

WIDTHS = {"a": 100, "b": 200, "c": 700}


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def rows(codec: str, factor: float = 1.0) -> list[Row]:
    """Pictures of three sizes; the codec's factor on the rate counts for the largest only."""
    return [
        row(codec, image, quality, (factor if image == "c" else 1.0) * width / 400, width=width, height=10)
        for image, width in WIDTHS.items()
        for quality in QUALITIES
    ]


def of(codec: str, images: str = "abc", average: str = "by-pixels") -> Curve:
    cells = (cell_of(one) for one in rows(codec) if one.image[0] in images)
    return curve(codec, cells, average)


def compared(folder: Path, average: str) -> Comparison:
    for factor, codec in ((0.5, "good"), (1.0, "base")):
        for one in rows(codec, factor):
            Store(folder).append(one, SETUP)
    (comparison,) = compare(["good", "base"], "set", folder, average=average)
    return comparison


def test_the_rate_is_all_bits_over_all_pixels() -> None:
    for point in of("any").points:
        own = [one for one in rows("any") if one.quality == point.quality]
        bits = sum(one.bpp * one.width * one.height for one in own)
        assert point.bpp == pytest.approx(bits / sum(one.width * one.height for one in own))


def test_a_picture_of_twice_the_pixels_counts_as_two() -> None:
    once = [
        row("any", name, quality, factor)
        for quality in QUALITIES
        for name, factor in zip("ab", (1, 2), strict=True)
    ]
    twice = [*once, *(row("any", "c", quality, 2) for quality in QUALITIES)]
    large = [row("any", one.image[0], one.quality, 1 if one.image[0] == "a" else 2, width=400)
             if one.image[0] == "b" else one for one in once]  # fmt: skip
    weighted = curve("any", map(cell_of, large), "by-pixels")
    plain = curve("any", map(cell_of, twice))
    for metric in ("psnr", "ms_ssim"):
        np.testing.assert_allclose(weighted.axes(metric), plain.axes(metric))


@pytest.mark.parametrize("metric", ["psnr", "ms_ssim"])
def test_means_without_one_image_are_those_of_the_others(metric: str) -> None:
    whole = of("any")
    images = list(dict.fromkeys(cell.image for cell in whole.cells))
    rates, qualities = image_curves(whole, metric, images).means_leaving_one_out()
    for place, left in enumerate(("abc", "bc", "ac", "ab")):
        np.testing.assert_allclose([rates[place], qualities[place]], of("any", left).axes(metric))


def test_a_codec_that_saves_on_the_largest_picture_saves_more_by_pixels(tmp_path: Path) -> None:
    by_pixels = compared(tmp_path, "by-pixels").deltas[0].bd.bd_rate
    usual = compared(tmp_path, "usual").deltas[0].bd.bd_rate
    assert by_pixels is not None and usual is not None and by_pixels < usual - 1
    # All bits: 700 of 1000 pixels at 700 / 400 of the rate are halved.
    own, other = 1e4 + 4e4 + 49e4 * 0.5, 1e4 + 4e4 + 49e4
    assert by_pixels == pytest.approx(100 * (own / other - 1), abs=0.01)


def test_tables_say_it(tmp_path: Path) -> None:
    paths = write_tables(compared(tmp_path, "by-pixels"), tmp_path / "out")
    markdown = next(path for path in paths if path.suffix == ".md").read_text()
    assert "Means over images: by-pixels." in markdown


def test_savings_are_of_all_bits() -> None:
    lossless = {"psnr": math.inf, "ms_ssim": 1.0}
    good, base = (
        curve(codec, [cell_of(row(codec, image, 100, factor, width=width, metrics=lossless))
                      for image, width, factor in (("a", 100, own), ("b", 900, 1.0))], "by-pixels")
        for codec, own in (("good", 0.5), ("base", 1.0))
    )  # fmt: skip
    assert savings([good, base])[0].saving == pytest.approx(5.0)


def test_targets_weigh_too(tmp_path: Path) -> None:
    compared(tmp_path, "usual")
    at = compare_at_targets(
        ["good", "base"], "set", tmp_path, parse_targets((), ["psnr:28.1"]), average="by-pixels"
    )
    chosen = {(one["codec"], one["image"]): one["bpp"] * WIDTHS[one["image"][0]] for one in at.pictures}
    sums = {codec: math.fsum(bits for (own, _), bits in chosen.items() if own == codec)
            for codec in ("good", "base")}  # fmt: skip
    entry = next(one for one in at.entries if one.figure == "bpp" and one.codec == "good")
    assert entry.gap == pytest.approx(100 * (sums["good"] / sums["base"] - 1))


def test_an_average_that_is_none_names_them_all(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="by-pixels"):
        compared(tmp_path, "by-pixel")
