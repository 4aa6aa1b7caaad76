"""Results with pictures to make reports of, and a real browser to open them in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Browser, missing_browser
from made_up import QUALITIES, fill
from PIL import Image
from report_pages import ATTACK, CODECS, DATASET, HOSTILE, IMAGES
from shell import bench

from bench.report.page.anchors import Terms
from bench.report.page.build import write_reports
from bench.results import Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


@pytest.fixture(scope="session")
def photos_to_code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos; folder and one file have names that a page must take for text."""
    from skimage import data

    folder = tmp_path_factory.mktemp("photos") / DATASET
    folder.mkdir()
    crops = (data.astronaut()[:176, 150:374], data.cat()[60:236, 110:334], data.coffee()[80:256, 150:374])
    for name, crop in zip(IMAGES, (*crops, data.coffee()[200:376, 300:524]), strict=True):
        Image.fromarray(crop).save(folder / name)
    return folder


@pytest.fixture(scope="session")
def measured(photos_to_code: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of JPEG and WebP with kept pictures, and of a third codec that needs 20 % less than WebP."""
    results = tmp_path_factory.mktemp("results")
    qualities = [part for quality in (10, 30, 50, 75, 90) for part in ("--quality", quality)]
    done = bench(
        "run", "--codec", "jpeg", "--codec", "webp", "--dataset", photos_to_code, "--results", results,
        "--keep", *qualities,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    store = Store(results)
    contents = store.load(DATASET, "webp")
    for row in contents.rows.values():
        made_up = replace(row, codec="made-up", bpp=0.8 * row.bpp, decoded_sha256="", alone=True)
        store.append(made_up, contents.setups[row.setup])
    return results


@pytest.fixture(scope="session")
def report(measured: Path, photos_to_code: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a report on them, with all pictures."""
    out = tmp_path_factory.mktemp("report")
    (written,) = write_reports(CODECS, str(photos_to_code), measured, Terms(), out=out, images="all")
    return written.path


@pytest.fixture(scope="session")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which every name is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    store = Store(folder)
    for codec, factor in ((HOSTILE, 0.9), (ATTACK, 1.0)):
        for image in ("a", "b", "c"):
            for quality in QUALITIES:
                fill(
                    store, codec, image, [quality], factor=factor, dataset=f"{HOSTILE}-set",
                    codec_version=f"1 {HOSTILE}", note=HOSTILE,
                )  # fmt: skip
    names = [HOSTILE, ATTACK]
    (written,) = write_reports(names, f"{HOSTILE}-set", folder, Terms(), out=folder / "out")
    return written.path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A browser for all tests."""
    if reason := missing_browser():
        pytest.skip(reason)
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser, wide and light; a test that leaves an error in the console, or that asked for anything
    beyond the page's own folder, fails."""
    chromium.reset()
    yield chromium
    assert chromium.errors() == []
    assert chromium.requests_beyond_the_page() == []


@pytest.fixture
def moved(report: Path, tmp_path: Path) -> Path:
    """The same report in another folder, as after copying it to another machine."""
    shutil.copytree(report.parent, tmp_path / "elsewhere")
    return tmp_path / "elsewhere" / report.name
