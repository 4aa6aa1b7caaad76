"""Pictures of the viewer: the decoded ones that figures are of, sample by sample, or a reason for none."""

from __future__ import annotations

import base64
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import row
from PIL import Image
from report_pages import CODECS, DATASET, IMAGES, data_of

from bench.codecs import get
from bench.core.images import read_rgb
from bench.report.page.anchors import Terms
from bench.report.page.build import write_reports
from bench.report.page.choice import choose_images, choose_rows


def picture(page: Path, source: str) -> Any:
    """The samples behind a source of the page."""
    if source.startswith("data:image/webp;base64,"):
        content = base64.b64decode(source.partition(",")[2])
    else:
        content = (page.parent / source).read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "WEBP"
        return np.array(image.convert("RGB"))


def test_pictures_are_the_originals_and_what_the_codecs_decoded(report: Path, photos_to_code: Path) -> None:
    pages = data_of(report)["pictures"]["pages"]
    assert sorted(page["image"] for page in pages) == sorted(IMAGES)
    for page in pages:
        original = read_rgb(photos_to_code / page["image"])
        assert (picture(report, page["original"]) == original).all()
        for decoded in page["decoded"]:
            codec = get(decoded["codec"])
            expected = codec.decode(codec.encode(original, decoded["quality"]))
            assert (picture(report, decoded["src"]) == expected).all()
        assert {decoded["codec"] for decoded in page["decoded"]} == {"jpeg", "webp"}


def test_a_codec_without_pictures_is_told_with_the_command_that_makes_them(report: Path) -> None:
    (missing,) = data_of(report)["pictures"]["missing"]
    assert missing["codec"] == "made-up" and "kept" in missing["reason"]
    assert missing["command"] == f"bench run --codec made-up --dataset '{DATASET}' --keep --resume all"


def test_bitstreams_are_decoded_where_pictures_are_gone(
    measured: Path, photos_to_code: Path, report: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    shutil.copytree(measured, results)
    for path in results.rglob("*.png"):
        path.unlink()
    (written,) = write_reports(
        CODECS, str(photos_to_code), results, Terms(intervals=False), out=tmp_path / "out", images="all"
    )
    assert data_of(written.path)["pictures"]["pages"] == data_of(report)["pictures"]["pages"]


def test_a_picture_of_other_samples_is_not_shown(
    measured: Path, photos_to_code: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    shutil.copytree(measured, results)
    for path in results.rglob("*.bin"):
        path.write_bytes(b"damaged")
    for path in results.rglob("*webp/*.png"):
        with Image.open(path) as image:
            changed = np.array(image)
        changed[0, 0] ^= 1
        Image.fromarray(changed).save(path)
    (written,) = write_reports(
        CODECS, str(photos_to_code), results, Terms(intervals=False), out=tmp_path / "out"
    )
    content = data_of(written.path)["pictures"]
    assert {each["codec"] for page in content["pages"] for each in page["decoded"]} == {"jpeg"}
    assert {each["codec"] for each in content["missing"]} == {"webp", "made-up"}


def test_a_single_file_holds_its_pictures(
    measured: Path, photos_to_code: Path, report: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    (written,) = write_reports(
        CODECS, str(photos_to_code), measured, Terms(intervals=False), out=tmp_path / "out", images="2",
        single_file=True, say=lines.append,
    )  # fmt: skip
    assert [path.name for path in written.path.parent.iterdir()] == ["index.html"]
    pages = data_of(written.path)["pictures"]["pages"]
    assert len(pages) == 2
    beside = {page["image"]: page for page in data_of(report)["pictures"]["pages"]}
    for page in pages:
        assert (
            picture(written.path, page["original"]) == picture(report, beside[page["image"]]["original"])
        ).all()
    assert any("the viewer gets" in line and "2 images" in line for line in lines)


def test_pictures_of_an_earlier_report_are_removed(
    measured: Path, photos_to_code: Path, tmp_path: Path
) -> None:
    for images, several in (("all", True), ("1", True), ("0", False)):
        (written,) = write_reports(
            CODECS, str(photos_to_code), measured, Terms(intervals=False), out=tmp_path / "out", images=images
        )
        there = {f"pictures/{path.name}" for path in (tmp_path / "out").rglob("*.webp")}
        pages = data_of(written.path)["pictures"]["pages"]
        shown = {page["original"] for page in pages} | {d["src"] for page in pages for d in page["decoded"]}
        assert there == shown and bool(shown) is several


def test_without_originals_there_are_no_pictures(measured: Path, tmp_path: Path) -> None:
    (written,) = write_reports(CODECS, DATASET, measured, Terms(intervals=False), out=tmp_path / "out")
    content = data_of(written.path)
    assert content["pictures"]["pages"] == [] and content["thumbnails"] == [None] * len(IMAGES)
    assert any("--data" in each["reason"] for each in content["pictures"]["missing"])


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (None, "a best, b best, c, d median, e median, f, g worst, h worst"),
        (6, "a best, b best, d median, e median, g worst, h worst"),
        (3, "a best, d median, h worst"),
        (1, "a best"),
        (0, ""),
    ],
)
def test_best_median_and_worst_images_are_chosen(count: int | None, expected: str) -> None:
    chosen = choose_images(list("abcdefgh"), [], count)
    assert ", ".join(f"{image} {why}".strip() for image, why in chosen) == expected


def test_images_without_figures_fill_up() -> None:
    assert [each.image for each in choose_images(["a"], ["x", "y"], 2)] == ["a", "x"]


def test_rates_are_chosen_where_all_codecs_have_some() -> None:
    rows = {
        "short": [row("short", "a", quality) for quality in (10, 20, 30)],
        "long": [row("long", "a", quality) for quality in range(5, 80, 5)],
    }
    chosen = choose_rows(rows)
    assert {each.codec for each in chosen} == {"short", "long"}
    shared = rows["short"][0].bpp, rows["short"][-1].bpp
    assert all(shared[0] <= each.bpp <= shared[1] for each in chosen)
    assert len([each for each in chosen if each.codec == "long"]) == 3
