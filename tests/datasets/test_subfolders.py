"""Datasets whose images lie in folders below their own: every step calls an image by its path."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import yaml
from made_up import SETUP

import bench
from bench.check import check, parse_rules
from bench.check.baseline import update
from bench.compare.comparison import compare
from bench.compare.curve_csv import save
from bench.core.download import fetch_archive
from bench.core.errors import BenchError
from bench.datasets.catalogue import load
from bench.report.page.anchors import Terms
from bench.report.page.build import write_reports
from bench.results import Store
from bench.run.rescore import Scored, rescore, rows_to_score
from bench.run.settings import Settings

NAMES = ["a/1.png", "b/1.png", "b/deep/2.png", "c.png"]
QUALITIES = (20, 50, 80)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "set"
    rng = np.random.default_rng(1)
    for number, name in enumerate(NAMES, start=3):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        coarse = rng.integers(0, 256, (number, 4, 3), np.uint8)
        PIL.Image.fromarray(coarse).resize((40, 32), PIL.Image.Resampling.BICUBIC).save(folder / name)
    return folder


@pytest.fixture(scope="module")
def results(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two codecs on the folder, pictures kept."""
    folder = tmp_path_factory.mktemp("results")
    rows = bench.run(
        ["webp", "jpeg"], photos, qualities=QUALITIES, metrics=["psnr"], settings=Settings(keep=True),
        results=folder, progress=False,
    )  # fmt: skip
    assert sorted(set(rows.image)) == NAMES and len(rows) == 2 * 4 * 3
    return folder


def test_images_go_by_their_paths_in_one_order(photos: Path) -> None:
    assert [image.name for image in load(str(photos)).images] == NAMES
    assert [image.name for image in load(str(photos), limit=2).images] == NAMES[:2]


def test_hidden_folders_results_and_links_that_go_round_are_passed_over(photos: Path, tmp_path: Path) -> None:
    for name in ("set/1.png", "set/.git/2.png", "set/results/compare/set/plot.png", "set/few/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.new("RGB", (4, len(name))).save(tmp_path / name)
    (tmp_path / "set/results/set").mkdir()
    (tmp_path / "set/results/set/jpeg.jsonl").write_text('{"schema": 2, "kind": "row"}\n')
    (tmp_path / "set/few/texts").mkdir()
    (tmp_path / "set/few/texts/metadata.jsonl").write_text('{"file_name": "3.png"}\n')
    (tmp_path / "set/few/round").symlink_to(tmp_path / "set", target_is_directory=True)
    (tmp_path / "set/linked").symlink_to(photos / "b", target_is_directory=True)
    names = [image.name for image in load(str(tmp_path / "set")).images]
    assert names == ["1.png", "few/3.png", "linked/1.png", "linked/deep/2.png"]


def test_the_catalogue_names_paths(photos: Path, tmp_path: Path) -> None:
    sums = {name: hashlib.sha256((photos / name).read_bytes()).hexdigest() for name in NAMES}
    catalogue = tmp_path / "datasets.yaml"
    catalogue.write_text(yaml.safe_dump({"set": {"title": "A set", "count": 4, "files": sums}}))
    dataset = load("set", photos.parent, catalogue=catalogue)
    assert dataset.complete and [image.name for image in dataset.images] == NAMES
    part = tmp_path / "set"
    (part / "a").mkdir(parents=True)
    (part / "a/1.png").write_bytes((photos / "a/1.png").read_bytes())
    with pytest.raises(BenchError, match=f"use only the image that is there with --dataset {part}"):
        load("set", tmp_path, catalogue=catalogue)


@pytest.mark.parametrize("inside", ["set", None])
def test_an_archive_keeps_folders(
    inside: str | None, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str, target: Path, sha256: str | None) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(target, "w") as archive:
            for name in NAMES:
                archive.write(photos / name, f"Set of 2020/set/{name}" if inside else name)
            archive.write(photos / "c.png", "other/c.png" if inside else "Other/c.png")

    monkeypatch.setattr("bench.core.download.fetch_file", fetch)
    fetch_archive("http://there/set.zip", None, inside, tmp_path / "cache", dict.fromkeys(NAMES))
    for name in NAMES:
        assert (tmp_path / "cache" / name).read_bytes() == (photos / name).read_bytes()
    assert (tmp_path / "cache/Other/c.png").is_file() == (inside is None)


def test_results_comparisons_and_files_of_curves(results: Path, tmp_path: Path) -> None:
    (comparison,) = compare(["webp", "jpeg"], "set", results)
    assert sorted(delta.image for delta in comparison.deltas[0].images) == NAMES
    file = tmp_path / "mine.csv"
    save(comparison.curves[0], file)
    assert file.read_text().count("b/1.png") == len(QUALITIES)
    (with_file,) = compare([f"file:{file}", "jpeg"], "set", results)
    assert with_file.deltas[0].bd.bd_rate == pytest.approx(comparison.deltas[0].bd.bd_rate)
    # Without suffixes; and a folder may be left out where no other picture is called so.
    file.write_text(file.read_text().replace("deep/", "").replace("b/2.png", "2").replace(".png", ""))
    (again,) = compare([f"file:{file}", "jpeg"], "set", results)
    assert sorted(delta.image for delta in again.deltas[0].images) == ["2", "a/1", "b/1", "c"]
    assert again.deltas[0].bd == with_file.deltas[0].bd


def test_kept_pictures_are_scored_again(photos: Path, results: Path) -> None:
    store = Store(results)
    dataset = store.named(load(str(photos)))
    rows = rows_to_score(store, dataset, "jpeg")
    done = Scored()
    for _ in rescore(store, dataset, rows, ("psnr", "ssim"), done):
        pass
    assert not done.failures and not done.not_kept
    assert {row.image for row in store.rows("set", "jpeg") if row.metrics.get("ssim")} == set(NAMES)


def test_the_viewer_shows_pictures_of_one_file_name(photos: Path, results: Path, tmp_path: Path) -> None:
    (written,) = write_reports(
        ["webp", "jpeg"], str(photos), results, Terms(("psnr",)), out=tmp_path / "page", images="all"
    )
    text = next((tmp_path / "page").rglob("*.html")).read_text()
    assert all(f'"image":"{name}"' in text.replace('": "', '":"') for name in NAMES)
    assert written.summary()


def test_the_gate(photos: Path, results: Path, tmp_path: Path) -> None:
    update(results, tmp_path / "baseline", ["jpeg"], str(photos))
    rules = parse_rules(["bytes"])
    assert check(results, tmp_path / "baseline", ["jpeg"], str(photos), rules).exit_code == 0
    row = next(row for row in Store(results).rows("set", "jpeg") if row.image == "b/1.png")
    longer = replace(row, bytes=row.bytes + 1, bitstream_sha256="another")
    worse = tmp_path / "worse"
    shutil.copytree(results / "set", worse / "set")
    Store(worse).append(longer, SETUP)
    report = check(worse, tmp_path / "baseline", ["jpeg"], "set", rules)
    assert report.exit_code == 1
    assert any("b/1.png" in verdict.message for verdict in report.codecs[0].verdicts)
