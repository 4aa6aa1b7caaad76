"""Curves from files of anybody, and those that ship: reading, refusing, and figures that are known."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import yaml
from made_up import fill

from bench import datasets
from bench.compare import curve_csv, curves, published
from bench.compare.bd import bjontegaard
from bench.compare.comparison import compare
from bench.compare.curves import Curve, MeasuredCell, Point
from bench.core.errors import BenchError
from bench.report.tables import write_tables
from bench.results import Store

HEADER = "image,quality,bpp,psnr,ms_ssim\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "curve.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_of_means_become_points_by_rising_rate(tmp_path: Path) -> None:
    path = written(tmp_path, "# of mine\n" + HEADER + ",50,1.5,36.25,0.99\n\n,10,0.25,30.5,\n")
    curve = curve_csv.load(path, "mine", images=24)
    assert curve.codec == "mine" and curve.cells == ()
    assert [(p.quality, p.bpp, p.values, p.images) for p in curve.points] == [
        (10, 0.25, {"psnr": 30.5}, 24),
        (50, 1.5, {"psnr": 36.25, "ms_ssim": 0.99}, 24),
    ]
    assert curve.points[1].db == {"psnr": 36.25, "ms_ssim": pytest.approx(20)}


def test_points_without_quality_are_numbered_by_rising_rate(tmp_path: Path) -> None:
    curve = curve_csv.load(written(tmp_path, HEADER + ",,2,40,\n,,1,35,\n"), "mine")
    assert [(p.quality, p.bpp) for p in curve.points] == [(1, 1), (2, 2)]
    assert curve.points[0].images == 0


def test_rows_with_images_become_cells_and_their_means(tmp_path: Path) -> None:
    text = HEADER + "a.png,10,0.2,30,0.9\nb,10,0.4,34,\na.png,20,0.5,35,1\nb,20,0.7,inf,1\n"
    curve = curve_csv.load(written(tmp_path, text), "mine")
    assert [(c.image, c.name, c.quality) for c in curve.cells[:2]] == [("a.png", "a.png", 10), ("b", "b", 10)]
    low, high = curve.points
    assert low.bpp == pytest.approx(0.3) and low.images == 2
    assert low.values == {"psnr": 32}  # b lacks MS-SSIM
    assert high.values == {"psnr": math.inf, "ms_ssim": 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        (HEADER, "has no rows"),
        ("quality,bpp,psnr\n1,1,30\n", "lacks the column image"),
        ("image;quality;bpp;psnr\n;1;1;30\n", "parted by commas"),
        ("image,quality,bpp,psnr,taste\n,1,1,30,4\n", "no metric: taste; there are .*psnr"),
        ("image,quality,bpp\n,1,1\n", "no column for a metric"),
        ("image,quality,bpp,psnr,psnr\n,1,1,30,30\n", "names the column psnr twice"),
        (HEADER + ",1,1,30,0.9\n,2,2,high,0.9\n", "line 3: psnr is 'high'"),
        (HEADER + ",1,1,nan,0.9\n", "line 2: psnr is 'nan'"),
        (HEADER + ",1,1,30\n", "line 2 has 4 values where the header names 5"),
        (HEADER + ",1,0,30,0.9\n", "line 2: bpp is '0'"),
        (HEADER + ",1,,30,0.9\n", "line 2: bpp is ''"),
        (HEADER + ",1,inf,30,0.9\n", "line 2: bpp is 'inf'"),
        (HEADER + ",inf,1,30,0.9\n", "line 2: quality is 'inf'"),
        ("# note\n" + HEADER + ",1,1,30,14.2\n", "line 3: ms_ssim is 14.2, .*dB"),
        (HEADER + ",1,1,,\n", "line 2 has no quality of the picture"),
        (HEADER + ",1,1,30,\n,1,2,31,\n", "line 3: quality 1 is in line 2 already"),
        (HEADER + "a,1,1,30,\na,2,2,31,\na,1,3,32,\n", "line 4: a at quality 1 is in line 2 already"),
        (HEADER + "a,1,1,30,\n,2,2,31,\n", "line 3: some rows name an image and others don't"),
        (HEADER + "a,,1,30,\n", "line 2 has no quality"),
        (HEADER + ",1,1,30,\n,,2,31,\n", "line 3 has no quality"),
    ],
)
def test_bad_files_are_refused_with_a_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BenchError, match=re.escape(str(path)) + ".*" + complaint):
        curve_csv.load(path, "mine")


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"can't read .*none\.csv \(No such file"):
        curve_csv.load(tmp_path / "none.csv", "mine")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(BenchError, match="no text in UTF-8"):
        curve_csv.load(tmp_path / "picture.csv", "mine")


def test_cells_come_back_as_they_were_saved(tmp_path: Path) -> None:
    cells = [
        MeasuredCell("a, b.png", "a, b.png", 2.5, 1 / 3, {"psnr": 30.1, "ms_ssim": None}),
        MeasuredCell("c.png", "c.png", 2.5, 0.1, {"psnr": math.inf, "ms_ssim": 1 - 1e-12}),
    ]
    saved = curves.curve("mine", cells)
    curve_csv.save(saved, tmp_path / "out.csv")
    assert curve_csv.load(tmp_path / "out.csv", "mine") == saved


def test_points_come_back_as_they_were_saved(tmp_path: Path) -> None:
    points = (
        Point(1, 0.1, {"psnr": 100 / 3}, {"psnr": 100 / 3}, 7),
        Point(22.110607147216797, 2, {"psnr": 40}, {"psnr": 40}, 7),
    )
    saved = Curve("mine", points)
    curve_csv.save(saved, tmp_path / "out.csv")
    assert curve_csv.load(tmp_path / "out.csv", "mine", images=7) == saved


def test_saving_where_there_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="can't write"):
        curve_csv.save(Curve("mine", ()), tmp_path / "none" / "out.csv")


# BD-rate in percent on Kodak, PSNR, against CompressAI's VTM and against VTM 18.0, computed once from the
# sources' own files.
AGAINST_VTM = [
    ("jpeg", "+208", "+233"),
    ("jpeg2000", "+98", "+99"),
    ("webp", "+78.7", "+79.5"),
    ("bpg", "+22.0", "+23.6"),
    ("hm", "+23.3", "+25.2"),
    ("av1", "+16.2", "+17.3"),
    ("bmshj2018-hyperprior", "+30.5", "+31.2"),
    ("mbt2018", "+11.0", "+11.6"),
    ("cheng2020-attn", "+5.5", "+6.3"),
    ("invcomp", "-0.36", "+0.34"),
    ("elic", "-7.0", "-6.4"),
    ("tcm", "-11.7", "-11.2"),
    ("mlic-plus-plus", "-15.0", "-14.4"),
    ("lalic", "-15.26", "-14.69"),  # its README says -15.26, too
    ("hpcm-large", "-20.0", "-19.4"),
    ("msinn", "-4.9", "-4.1"),
]
FIGURES = [(name, "vtm-compressai", figure) for name, figure, _ in AGAINST_VTM]
FIGURES += [(name, "vtm", figure) for name, _, figure in AGAINST_VTM]
FIGURES += [("vtm12.1-floored", "vtm-compressai", "+7.2")]


@pytest.mark.parametrize(("name", "anchor", "figure"), FIGURES)
def test_bd_rates_of_shipped_curves_are_those_of_their_sources(name: str, anchor: str, figure: str) -> None:
    test, base = (published.load(one, "kodak").axes("psnr") for one in (name, anchor))
    rate = bjontegaard(*test, *base).bd_rate
    assert rate is not None
    decimals = len(figure.partition(".")[2])
    assert f"{rate:+.{decimals}f}" == figure


def test_a_shipped_curve_says_where_it_is_from() -> None:
    curve = published.load("vtm", "tecnick")
    assert curve.codec == "published:vtm" and curve.cells == ()
    assert len(curve.points) == 36 and {point.images for point in curve.points} == {100}
    assert (curve.points[0].quality, curve.points[-1].quality) == (50, 15)  # QP
    (line,) = [
        one
        for one in published.describe()
        if (one["name"], one["dataset"]) == ("jpeg", "clic2020-mobile-test")
    ]
    assert (line["split"], line["images"], line["points"]) == ("test", 178, 19)
    assert (line["metrics"], line["version"]) == ("psnr, ms_ssim", "Pillow 7.1.2")
    assert "869a9f5d4126, results/image/clic2020-mobile/jpeg.json" in str(line["source"])


def test_an_unknown_name_or_dataset_is_refused_with_what_there_is() -> None:
    with pytest.raises(BenchError, match=r"no published curve 'vmt'; did you mean 'vtm'\?"):
        published.load("vmt", "kodak")
    with pytest.raises(BenchError, match="'elic' isn't on tecnick, only on kodak"):
        published.load("elic", "tecnick")


def test_every_shipped_file_is_in_the_index_and_the_other_way_round() -> None:
    folder = Path(published.__file__).parent / "published_data"
    files = {(path.stem, path.parent.name) for path in folder.glob("*/*.csv")}
    assert {(line["name"], line["dataset"]) for line in published.describe()} == files
    assert all(re.fullmatch("[a-z0-9.-]+", name) for name in published.names())


def test_sizes_of_datasets_are_those_of_the_catalogue() -> None:
    counts = {entry["name"]: (entry["split"], entry["count"]) for entry in datasets.describe()}
    index = yaml.safe_load((Path(published.__file__).parent / "published_data/index.yaml").read_text("utf-8"))
    shared = counts.keys() & index["datasets"].keys()
    assert {"kodak", "tecnick", "clic2020-professional-test"} <= shared
    for name in shared:
        assert (index["datasets"][name]["split"], index["datasets"][name]["images"]) == counts[name]


def test_shipped_curves_for_mse_rise() -> None:
    for line in published.describe():
        name, dataset = str(line["name"]), str(line["dataset"])
        rates, qualities = published.load(name, dataset).axes("psnr")
        if qualities and not name.endswith("-msssim"):
            assert bjontegaard(rates, qualities, rates, qualities).reason is None, (name, dataset)


# What spreadsheets and people write.


@pytest.mark.parametrize(
    "text",
    [
        "Image,Quality,BPP,PSNR,MS_SSIM\n,1,1,35,\n,2,2,40,\n",
        " image , quality , bpp , psnr , ms_ssim \n,1,1,35,\n,2,2,40,\n",
        HEADER + ",1,1,35,\n,2,2,40,\n,,,,\n,,,,\n",
        HEADER + ",1,1,35,\n\t\n,2,2,40,\n",
        (HEADER + ",1,1,35,\n,2,2,40,\n").replace("\n", "\r\n"),
        (HEADER + ",1,1,35,\n,2,2,40,\n").replace("\n", "\r"),
        HEADER + ",1,1e0,3.5E+1,\n,2,2.,+40,\n",
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode())
    assert curve_csv.load(path, "mine").axes("psnr") == ([1, 2], [35, 40])


@pytest.mark.parametrize("number", ["1_0.5", "0x10", "1,5", "ten", "1e", "--1", "1 0", "nan", "٣"])
def test_what_python_takes_for_a_number_and_nobody_else_is_refused(tmp_path: Path, number: str) -> None:
    path = written(tmp_path, HEADER + f',1,"{number}",35,\n')
    with pytest.raises(BenchError, match=r"line 2: bpp is .*, "):
        curve_csv.load(path, "mine")


def test_points_that_bench_compare_wrote_are_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", factor=0.9)
    fill(store, "old:bits=10")
    (result,) = compare(["new", "old:bits=10"], "set", tmp_path, intervals=False)
    write_tables(result, tmp_path / "tables")
    points = f"file:{tmp_path / 'tables/points.csv'}"
    (again,) = compare([f"{points}#new", f"{points}#old:bits=10"], "set", tmp_path, intervals=False)
    assert [curve.codec for curve in again.curves] == ["points#new", "points#old:bits=10"]
    assert [delta.bd.bd_rate for delta in again.deltas] == [delta.bd.bd_rate for delta in result.deltas]
    with pytest.raises(BenchError, match=r"which of several curves to take, it has new, old:bits=10; write"):
        compare([points, "old:bits=10"], "set", tmp_path)
    with pytest.raises(BenchError, match="no curve of 'newer', it has new, old:bits=10"):
        compare([f"{points}#newer", "old:bits=10"], "set", tmp_path)
