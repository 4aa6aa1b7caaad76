"""Tables: what files and screen show is what was compared, whatever the names and reasons look like."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_up import QUALITIES, SETUP, failure, fill, row
from rich.console import Console
from rich.table import Table

from bench.compare.comparison import Comparison, compare
from bench.core.errors import BenchError
from bench.report.latex import escape, table
from bench.report.plots import write_plots
from bench.report.tables import (
    full_tables,
    points_table,
    summary_table,
    write_tables,
)
from bench.results import Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


@pytest.fixture
def result(tmp_path: Path) -> Comparison:
    return compared(tmp_path)


def compared(folder: Path, new: str = "new", intervals: bool = True) -> Comparison:
    store = Store(folder)
    for image, factor in (("a", 0.8), ("b", 0.9), ("c", 1.0)):
        fill(store, new, images=image, factor=factor)
    fill(store, "old", alone=False)
    (comparison,) = compare([new, "old"], "set", folder, intervals=intervals)
    return comparison


def shown(table: Table) -> str:
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def cells_of(table: Table) -> list[list[str]]:
    """Rows of a table on the screen."""
    lines = [line for line in shown(table).splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def read(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_summary_has_a_row_per_codec_with_the_bd_rates(result: Comparison) -> None:
    text = shown(summary_table(result))
    assert "Against old on set, 3 images" in text and "BD-rate (%), PSNR (RGB)" in text
    ((codec, rate, interval, other_rate, other_interval),) = cells_of(summary_table(result))
    assert (codec, rate, other_rate) == ("new", "-10.00", "-10.00")
    assert " to " in interval and " to " in other_interval


def test_the_summary_says_why_a_bd_rate_is_missing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "few", qualities=QUALITIES[:3])
    fill(store, "mute", metrics={"psnr": 30.0})
    fill(store, "old")
    (comparison,) = compare(["few", "mute", "old"], "set", tmp_path, intervals=False)
    rows = cells_of(summary_table(comparison))
    names, *figures, notes = ([row[column] for row in rows] for column in range(6))
    assert names[0] == "few" and "mute" in names and not any(map(any, figures))
    text = " ".join(notes)
    assert text.count("curve of few has too few points: 3 usable, 4 needed") == 1  # for both metrics
    assert "curve of mute is flat: 30.00" in text  # and no delta by MS-SSIM


def test_the_screen_shows_deltas_intervals_and_points(result: Comparison) -> None:
    deltas = full_tables(result)[0]
    psnr, similarity = cells_of(deltas)
    assert psnr[:3] == ["new", "PSNR (RGB), dB", "-10.00"] and similarity[2] == "-10.00"
    low, high = map(float, psnr[3].split(" to "))
    assert low < -20 and high > 0  # of three images, 20, 10 and 0 % better
    assert psnr[7] == "5/5"
    assert "Against old on set, 3 images" in shown(deltas)


def test_the_screen_shows_single_images(result: Comparison) -> None:
    psnr = cells_of(full_tables(result)[1])[0]
    assert psnr[:-1] == ["new", "PSNR (RGB)", "-10.00", "-10.00", "3 of 3", "a.png -20.00"]
    assert psnr[-1] in ("c.png -0.00", "c.png +0.00")


def test_the_screen_shows_views_and_costs(result: Comparison) -> None:
    _, _, by_quality, by_rate, *_, costs = full_tables(result)
    line = next(cells for cells in cells_of(by_quality) if cells[0] == "30")
    assert line == ["30", "0.900 (-10.0)", "1.000"]
    assert any(cells[0] == "1" and cells[2] == "30.00" for cells in cells_of(by_rate))
    new, old = cells_of(costs)
    assert new == ["new", "1.000", "2.000", "15", "3", "1", ""]
    assert old == ["old", "", "", "", "3", "1", "not measured alone"]


def test_points_show_metrics_on_their_scale_and_in_decibels(result: Comparison) -> None:
    table = points_table(result.curves[1], "title")
    assert [column.header.plain for column in table.columns] == [  # type: ignore[union-attr]
        "quality", "bpp", "PSNR (RGB), dB", "MS-SSIM (RGB)", "MS-SSIM (RGB), dB", "encode (s)", "decode (s)",
    ]  # fmt: skip
    first = cells_of(table)[0]
    db = -10 * math.log10(0.05 / 0.2)
    assert first == ["10", "0.2000", f"{30 + 6 * math.log2(0.2):.3f}", "0.75000", f"{db:.3f}", "", ""]


def test_files_hold_what_was_compared(result: Comparison, tmp_path: Path) -> None:
    paths = write_tables(result, tmp_path / "out")
    assert [path.name for path in paths] == [
        "table.md", "table.csv", "points.csv", "images.csv", "table.tex", "comparison.json",
    ]  # fmt: skip
    deltas, points, images = (
        read(tmp_path / "out" / f"{name}.csv") for name in ("table", "points", "images")
    )
    assert [float(line["bd_rate"]) for line in deltas] == pytest.approx([-10, -10])
    assert all(float(line["bd_rate_low"]) < -10 < float(line["bd_rate_high"]) for line in deltas)
    assert [line["codec"] for line in points] == ["new"] * 5 + ["old"] * 5
    assert float(points[0]["psnr"]) == result.curves[0].points[0].values["psnr"]
    assert points[0]["encode_s"] == "1.0" and points[5]["encode_s"] == ""
    assert [(line["image"], round(float(line["bd_rate"]), 6)) for line in images[:3]] == [
        ("a.png", -20), ("b.png", -10), ("c.png", 0),
    ]  # fmt: skip
    document = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert document == json.loads(json.dumps(result.to_dict()))
    assert "| new | PSNR (RGB), dB | -10.00 |" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")


def test_files_are_the_same_each_time(result: Comparison, tmp_path: Path) -> None:
    first, second = (write_tables(result, tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_comparison_of_nothing_but_reasons_has_all_files(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for name in ("new", "old"):
        store.append(row(name, "a", 10, metrics={"psnr": math.inf}))
    (comparison,) = compare(["new", "old"], "set", tmp_path)
    for path in write_tables(comparison, tmp_path / "out"):
        assert path.read_text(encoding="utf-8").strip()
    (line,) = read(tmp_path / "out" / "table.csv")
    assert line["bd_rate"] == "" and line["reason"] == "both are lossless: compare bytes and times"
    titles = [str(table.title) for table in full_tables(comparison)]
    assert not any("fixed" in title for title in titles)


def test_markdown_survives_bars_and_line_breaks(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(failure("odd|[red]x[/red]", "d", 1, "first\nsecond | third"))
    comparison = compared(tmp_path, "odd|[red]x[/red]", 0)
    text = write_tables(comparison, tmp_path / "out")[0].read_text(encoding="utf-8")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(bars) == 1
    assert "first second | third" in text
    assert "odd|[red]x[/red]" in shown(summary_table(comparison))  # not taken for rich's markup


def test_points_in_markdown_are_all_there(result: Comparison, tmp_path: Path) -> None:
    text = write_tables(result, tmp_path / "out")[0].read_text(encoding="utf-8")
    section = text.split("## old\n")[1]
    assert re.findall(r"^\| (\d+) \|", section, re.MULTILINE) == [f"{quality:g}" for quality in QUALITIES]


def test_a_folder_that_cannot_be_written_to_is_one_sentence(result: Comparison, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for write in (write_tables, write_plots):
        with pytest.raises(BenchError, match=r"can't write to .*file/out"):
            write(result, tmp_path / "file" / "out")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mlic_plus_plus", r"mlic\_plus\_plus"),
        ("50 % & more", r"50 \% \& more"),
        (r"a\b{c}", r"a\textbackslash{}b\{c\}"),
        ("x^2 ~ $y$ #1", r"x\textasciicircum{}2 \textasciitilde{} \$y\$ \#1"),
        ("-10.00 to -9.50", "$-$10.00 to $-$9.50"),
        ("0.377 (-12.5)", "0.377 ($-$12.5)"),
        ("libjpeg-9", "libjpeg-9"),
        ("[1]\nnext", "{[}1] next"),
    ],
)
def test_latex_shows_text_as_it_is(text: str, expected: str) -> None:
    assert escape(text) == expected


def test_latex_tables_are_booktabs_of_whole_rows() -> None:
    text = table("A & B", ["codec", "x (%)"], [["a_b", "-1"], ["c", "+2"]], ["codec"])
    body = text[text.index("\\toprule") : text.index("\\bottomrule")].splitlines()
    assert body == [r"\toprule", r"codec & x (\%) \\", r"\midrule", r"a\_b & $-$1 \\", r"c & +2 \\"]
    assert r"\begin{tabular}{lr}" in text and r"\caption{A \& B}" in text


def test_the_latex_file_is_balanced(tmp_path: Path) -> None:
    comparison = compared(tmp_path, "odd_%{x")
    write_tables(comparison, tmp_path / "out")
    text = (tmp_path / "out" / "table.tex").read_text(encoding="utf-8")
    for environment in ("table", "tabular"):
        opened, closed = (text.count(rf"\{word}{{{environment}}}") for word in ("begin", "end"))
        assert opened == closed > 3
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert r"odd\_\%\{x" in text


def test_halved_chroma_stands_beside_the_figure(tmp_path: Path) -> None:
    store, halved = Store(tmp_path), replace(SETUP, details={"chroma": "4:2:0"})
    fill(store, "half", factor=0.9, setup=halved)
    fill(store, "old")
    (comparison,) = compare(["half", "old"], "set", tmp_path, intervals=False)
    write_tables(comparison, tmp_path / "out")
    text = (tmp_path / "out" / "table.md").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("| half | PSNR (RGB), dB | -10.00 |"))
    assert line.endswith("| 4:2:0 |") and "Note: chroma is 4:2:0 in half." in text
    assert comparison.to_dict()["sampling"] == {"half": "4:2:0"}
