"""The page's data: each figure is the one that `bench compare` gives, for each anchor."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_up import QUALITIES, fill, row
from report_pages import CODECS, DATASET, IMAGES, data_of

from bench.compare.comparison import Comparison, compare
from bench.compare.curves import cell_of, curve
from bench.compare.intervals import ends
from bench.core.errors import BenchError
from bench.report.page.anchors import Terms
from bench.report.page.bands import bands
from bench.report.page.build import write_reports
from bench.report.page.document import document, script_safe
from bench.report.page.remarks import parts_of
from bench.results import Store


def compared(results: Path, anchor: str, intervals: bool = False, counted: bool = False) -> Comparison:
    names = [*(name for name in CODECS if name != anchor), anchor]
    (found,) = compare(names, DATASET, results, intervals=intervals, counted=counted)
    return found


@pytest.mark.parametrize("anchor", CODECS)
def test_deltas_of_each_anchor_are_those_of_compare(report: Path, measured: Path, anchor: str) -> None:
    content = data_of(report)
    record = compared(measured, anchor, intervals=True).to_dict()
    shown = content["anchors"][anchor]
    assert len(record["rows"]) == 4
    for expected in record["rows"]:
        found = shown["rows"][expected["metric"]][expected["codec"]]
        for name in ("bd_rate", "bd_metric", "overlap", "reason", "points", "interval"):
            assert found[name] == expected[name], name
        assert found["mean"] == expected["per_image"]["mean_bd_rate"]
        single = {each["image"]: each["bd_rate"] for each in expected["per_image"]["deltas"]}
        assert found["by_image"] == [single[image] for image in content["images"]]
    assert sum(len(rows) for rows in shown["rows"].values()) == len(record["rows"])


@pytest.mark.parametrize("anchor", CODECS)
def test_views_and_remarks_of_each_anchor_are_those_of_compare(
    report: Path, measured: Path, anchor: str
) -> None:
    record = compared(measured, anchor).to_dict()
    shown = data_of(report)["anchors"][anchor]
    views = [
        {
            **view,
            "lines": [
                {
                    "at": line["at"],
                    "entries": tuple(
                        {"codec": codec, "value": value, "gap": gap}
                        for codec, (value, gap) in line["entries"].items()
                    ),
                }
                for line in view["lines"]
            ],
        }
        for view in shown["views"]
    ]
    assert any(view["lines"] for view in views)
    assert json.loads(json.dumps(views)) == json.loads(json.dumps(record["views"]))
    texts = [
        "".join(part.get("text", part.get("codec")) for part in each["parts"]) for each in shown["remarks"]
    ]
    assert texts == record["warnings"] + record["notes"]


def test_points_and_costs_are_those_of_compare(report: Path, measured: Path) -> None:
    content, record = (
        data_of(report),
        json.loads(json.dumps(compared(measured, "jpeg", counted=True).to_dict())),
    )
    assert content["costs"] == record["costs"]
    assert [(each["name"], each["points"]) for each in content["codecs"]] == [
        (each["codec"], each["points"]) for each in record["curves"]
    ]
    assert content["images"] == sorted(IMAGES)


def test_curves_of_an_image_are_of_its_cells(report: Path, measured: Path) -> None:
    content = data_of(report)
    rows = Store(measured).rows(DATASET, "webp")
    (codec,) = (each for each in content["codecs"] if each["name"] == "webp")
    for image, points in zip(content["images"], codec["images"], strict=True):
        cells = [each for each in rows if each.image == image]
        assert [(point["quality"], point["bpp"]) for point in points] == sorted(
            (each.quality, each.bpp) for each in cells
        )
        assert [point["db"]["psnr"] for point in points] == pytest.approx(
            [each.metrics["psnr"] for each in sorted(cells, key=lambda each: each.quality)]
        )


def test_bands_are_intervals_of_means_over_images() -> None:
    factors = {"a": 1, "b": 2, "c": 3}
    rows = [row("any", image, quality, factors[image]) for image in factors for quality in QUALITIES]
    whole = curve("any", map(cell_of, rows))
    found = bands(whole, ["psnr", "ms_ssim"])
    low, high = ends(np.log(2.0), np.log([2.5, 2.0, 1.5]))  # of the mean factor, and without each image
    for point, band in zip(whole.points, found["psnr"], strict=True):
        assert band["bpp"] == pytest.approx([np.exp(low) * point.bpp / 2, np.exp(high) * point.bpp / 2])
        assert band["value"] == pytest.approx([point.db["psnr"]] * 2)  # the images differ in rate only
    assert found["ms_ssim"][0]["value"] == pytest.approx([whole.points[0].db["ms_ssim"]] * 2)


def test_no_bands_where_images_are_few_or_lossless() -> None:
    few = curve("any", (cell_of(row("any", image, quality)) for image in "ab" for quality in QUALITIES))
    assert bands(few, ["psnr"]) == {}
    rows = [row("any", image, quality) for image in "abc" for quality in QUALITIES]
    rows += [row("any", image, 60.0, metrics={"psnr": float("inf"), "ms_ssim": 1.0}) for image in "abc"]
    assert bands(curve("any", map(cell_of, rows)), ["psnr"]) == {}


def test_an_anchor_without_common_metric_is_told_and_the_others_stand(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "both")
    for codec, metric in (("first", "psnr"), ("second", "ms_ssim")):
        for image in "abc":
            for quality in QUALITIES:
                value = row(codec, image, quality).metrics[metric]
                fill(store, codec, image, [quality], metrics={metric: value})
    (written,) = write_reports(["first", "second", "both"], "set", tmp_path, Terms(intervals=False))
    anchors = data_of(written.path)["anchors"]
    assert anchors["both"]["reason"] is None and anchors["both"]["rows"]["psnr"].keys() == {"first"}
    assert "no metric in common" in anchors["first"]["reason"]


def test_lossless_points_are_in_it_without_figures(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "old")
    fill(store, "new", factor=0.9)
    for image in "abc":
        fill(store, "new", image, [60.0], metrics={"psnr": float("inf"), "ms_ssim": 1.0})
    (written,) = write_reports(["new", "old"], "set", tmp_path, Terms())
    new = data_of(written.path)["codecs"][0]
    assert new["points"][-1]["db"]["psnr"] == "inf"
    assert new["images"][0][-1]["db"]["psnr"] is None


def test_published_curves_and_files_take_part(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        "image,quality,bpp,psnr\n" + "".join(f",{q},{0.1 * 2**q},{28 + 3 * q}\n" for q in range(5))
    )
    (written,) = write_reports(
        [f"file:{file}", "published:webp", "published:vtm"],
        "kodak",
        tmp_path / "results",
        Terms(intervals=False),
    )
    content = data_of(written.path)
    mine, webp, vtm = content["codecs"]
    assert mine["name"] == "mine" and mine["origin"]["command"] is None
    assert webp["look"]["dashed"] and webp["title"] == "WebP (published)"
    assert vtm["title"] == "VTM 18.0 (published)"
    assert "lossy-vae" in dict(vtm["origin"]["facts"])["Source"]
    assert str(tmp_path) not in written.path.read_text(), "a path of this machine is in the page"
    assert content["anchors"]["published:vtm"]["rows"]["psnr"]["published:webp"]["bd_rate"] > 50


def test_origins_say_version_command_and_machine(report: Path, measured: Path) -> None:
    origins = {each["name"]: each["origin"] for each in data_of(report)["codecs"]}
    jpeg = origins["jpeg"]
    assert jpeg["version"] == Store(measured).load(DATASET, "jpeg").version
    assert jpeg["command"] == f"bench run --codec jpeg --dataset '{DATASET}'"
    assert {"Measured on", "Machine", "Libraries", "Metrics", "codec-bench"} <= dict(jpeg["facts"]).keys()


def test_a_remark_is_about_the_codecs_that_it_names() -> None:
    codecs = ["jpeg", "jpeg-mozjpeg", "vtm", "vtm:bits=8", "bpg"]
    text = "jpeg-mozjpeg and vtm:bits=8 share only 3 % of the jpegs; see vtm."
    assert [part["codec"] for part in parts_of(text, codecs) if "codec" in part] == [
        "jpeg-mozjpeg", "vtm:bits=8", "vtm",
    ]  # fmt: skip
    assert parts_of("bpg", codecs) == [{"codec": "bpg"}]
    assert parts_of("", codecs) == []


def test_no_text_can_end_the_element_that_holds_the_data() -> None:
    attack = "</script><!--<script>\u2028\u2029\ud800"
    text = script_safe({attack: [attack]})
    assert "<" not in text and json.loads(text) == {attack: [attack]}
    page = document("</title><script>x</script>", {})
    assert "</title><script>x" not in page and page.count("</script>") == 2


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    fill(Store(tmp_path / "results"), "old")
    fill(Store(tmp_path / "results"), "new")
    out = tmp_path / "mine"
    out.mkdir()
    (out / "index.html").write_text("my page")
    with pytest.raises(BenchError, match="holds other files than a report"):
        write_reports(["new", "old"], "set", tmp_path / "results", Terms(intervals=False), out=out)
    assert (out / "index.html").read_text() == "my page"
    (out / "index.html").unlink()
    for _ in range(2):  # its own pages it replaces
        (written,) = write_reports(
            ["new", "old"], "set", tmp_path / "results", Terms(intervals=False), out=out
        )
    assert written.path == out / "index.html"


def test_the_number_of_images_is_a_number_or_all(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="--pictures is a number of images or 'all', not 'some'"):
        write_reports(["new", "old"], "set", tmp_path, images="some")
