"""What names stand for, and which of them don't belong together."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import SETUP, failure, fill, row

from bench.compare import published
from bench.compare.comparison import Comparison, compare
from bench.compare.curve_csv import load
from bench.core.errors import BenchError
from bench.results import Setup, Store


@pytest.fixture(autouse=True)
def no_committed_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.results.store.COMMITTED", tmp_path / "committed")


def against(folder: Path, *names: str, dataset: str | None = "set", average: str = "usual") -> Comparison:
    (result,) = compare(names, dataset, folder, intervals=False, average=average)
    return result


def write(path: Path, rows: list[str]) -> str:
    path.write_text("\n".join(["image,quality,bpp,psnr", *rows]) + "\n")
    return f"file:{path}"


def per_image(path: Path, images: list[str], factor: float) -> str:
    """The reference codec's figures as a file, at `factor` times the rate."""
    cells = [(image, quality, row("x", "a", quality)) for image in images for quality in (10, 20, 30, 40)]
    return write(path, [f"{i},{q},{factor * cell.bpp},{cell.metrics['psnr']}" for i, q, cell in cells])


def means(path: Path) -> str:
    cells = [row("x", "a", quality) for quality in (10, 20, 30, 40)]
    return write(path, [f",,{0.5 * cell.bpp},{cell.metrics['psnr']}" for cell in cells])


@pytest.mark.parametrize("images", [["a.png", "b.png", "c.png"], ["a", "b", "c"]])
def test_a_file_is_matched_by_names_of_images_with_or_without_suffix(
    tmp_path: Path, images: list[str]
) -> None:
    fill(Store(tmp_path), "old")
    result = against(tmp_path, per_image(tmp_path / "mine.csv", images[:2], 0.5), "old")
    assert result.images == 2 and [curve.codec for curve in result.curves] == ["mine", "old"]
    (delta,) = result.deltas
    assert delta.metric == "psnr" and delta.bd.bd_rate == pytest.approx(-50)
    assert len(delta.images) == 2


def test_two_files_are_matched_with_each_other(tmp_path: Path) -> None:
    names = (
        per_image(tmp_path / "one.csv", ["a", "b"], 0.5),
        per_image(tmp_path / "two.csv", ["b.png", "c.png"], 1),
    )
    result = against(tmp_path, *names)
    assert result.images == 1 and result.deltas[0].bd.bd_rate == pytest.approx(-50)


def test_a_picture_that_a_file_has_twice_is_refused(tmp_path: Path) -> None:
    fill(Store(tmp_path), "old")
    with pytest.raises(BenchError, match=r"twice at quality 10, as a and a\.png"):
        against(tmp_path, per_image(tmp_path / "mine.csv", ["a", "a.png"], 1), "old")


def test_files_that_would_be_called_the_same_are_refused(tmp_path: Path) -> None:
    fill(Store(tmp_path), "old")
    with pytest.raises(BenchError, match="both be called 'old'"):
        against(tmp_path, f"file:{tmp_path}/old.csv", "old")


def test_files_alone_need_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="--dataset"):
        against(tmp_path, "file:one.csv", "file:two.csv", dataset=None)


def test_pictures_of_one_name_and_other_bytes_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old", images="ac")
    fill(store, "old", images="b", image_sha256="0123456789abcdef")
    with pytest.raises(
        BenchError, match=r"different datasets: b\.png has SHA-256 bbbbbbbb\.\.\. .* 01234567"
    ):
        against(tmp_path, "new", "old")


def test_other_splits_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", setup=replace(SETUP, dataset={**SETUP.dataset, "split": "valid"}))
    fill(store, "old")
    with pytest.raises(BenchError, match="new on valid, old on test"):
        against(tmp_path, "new", "old")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"libraries": {"torch": "2.5"}}, r"new was measured with several versions of torch \(2\.4, 2\.5\)"),
        ({"metrics": {"psnr": "2"}}, r"scored by several versions of psnr \(1, 2\)"),
        ({"machine": {"cpu": "two"}}, "times were not all taken on the same machine"),
    ],
)
def test_other_setups_are_remarked_on(tmp_path: Path, change: dict[str, dict[str, str]], said: str) -> None:
    store = Store(tmp_path)
    fill(store, "new", images="ab")
    fill(store, "new", images="c", setup=replace(SETUP, **change))  # type: ignore[arg-type]
    fill(store, "old")
    (note,) = against(tmp_path, "new", "old").notes
    assert re.search(said, note)


def test_setups_of_a_version_that_is_not_used_do_not_matter(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "new", setup=replace(SETUP, libraries={"torch": "1"}), codec_version="0")
    fill(store, "new")
    fill(store, "old")
    assert against(tmp_path, "new", "old").notes == ()


@pytest.fixture
def published_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A published curve that stands for three images of "set"."""

    def loaded(name: str, dataset: str) -> object:
        path = Path(published.__file__).parent / "published_data" / "kodak" / "webp.csv"
        return load(path, f"published:{name}", 3)

    monkeypatch.setattr(published, "load", loaded)


@pytest.mark.usefixtures("published_of_three")
@pytest.mark.parametrize(
    ("images", "setup", "said"),
    [
        ("abc", SETUP, None),
        ("ab", SETUP, "a mean over 3 images of set, the others are over 2"),
        ("abc", replace(SETUP, dataset={**SETUP.dataset, "complete": False}), "isn't known"),
    ],
)
def test_a_mean_that_stands_for_other_images_is_remarked_on(
    tmp_path: Path, images: str, setup: Setup, said: str | None
) -> None:
    fill(Store(tmp_path), "new", images=images, setup=setup)
    notes = against(tmp_path, "new", "published:webp").notes
    assert notes == () if said is None else said in notes[0]


def test_a_part_that_was_measured_first_does_not_make_a_set_incomplete(
    tmp_path: Path, published_of_three: None
) -> None:
    store = Store(tmp_path)
    fill(
        store,
        "new",
        images="a",
        setup=replace(SETUP, dataset={**SETUP.dataset, "images": 1, "complete": False}),
    )
    fill(store, "new", images="bc")
    assert against(tmp_path, "new", "published:webp").notes == ()


def test_means_of_unnamed_images_are_remarked_on(tmp_path: Path) -> None:
    fill(Store(tmp_path), "new")
    result = against(tmp_path, "new", means(tmp_path / "mine.csv"))
    assert "mine is a mean over images that it doesn't name" in result.notes[0]
    assert result.deltas[0].bd.bd_rate == pytest.approx(100) and result.deltas[0].images == ()
    noted = against(tmp_path, means(tmp_path / "one.csv"), means(tmp_path / "two.csv")).notes
    assert "unknown images" in noted[0]


def test_a_mean_keeps_its_average_and_that_is_said(tmp_path: Path) -> None:
    fill(Store(tmp_path), "new")
    result = against(tmp_path, "new", means(tmp_path / "mine.csv"), average="db-of-mean")
    assert any("mine keeps the average" in note for note in result.notes)


def test_published_curves_come_under_their_name(tmp_path: Path) -> None:
    fill(Store(tmp_path), "new", dataset="kodak")
    result = against(tmp_path, "new", "published:vtm", dataset=None)
    assert (result.dataset, result.anchor) == ("kodak", "published:vtm")
    points = published.load("vtm", "kodak").points
    assert result.curves[1].points == points and math.isfinite(points[0].bpp)


@pytest.mark.parametrize(
    ("names", "dataset", "said"),
    [
        (["new", "odl"], None, "did you mean 'old'"),
        (["new", "old"], "kodka", "no results of 'new' on kodka .*bench run --codec new --dataset kodka"),
        (["new", "old"], "sets", "no results of 'new' on sets .*did you mean 'set'"),
        (["new", "lone"], None, "no dataset on which all.*new on set; lone on elsewhere"),
        (["new", "vtm"], "set", "take published:vtm"),
        (["new", "msinn"], "set", "no codec 'msinn'; .*; for what others published, write published:msinn"),
        (["new", "xyzzy"], "set", "no results of 'xyzzy' on set .*; no codec 'xyzzy'; there are ainn, "),
        (["new", "xyzzy"], None, "no results of 'xyzzy' in .*; no codec 'xyzzy'; there are ainn, "),
        (["new", "jepgxl"], "set", "no results of 'jepgxl' on set .*; did you mean 'jpegxl'"),
        (["new", "jpegxl:spede=1"], "set", "jpegxl has no parameter 'spede'"),
        (["new", "hull:xyzzy:speed=*"], "set", "no codec 'xyzzy'"),
        (["new", "mine.csv"], "set", "for a file, write file:mine.csv"),
        (["new", "published:vmt"], None, "no published curve 'vmt'; did you mean 'published:vtm'"),
        (["new", "published:vtm"], "set", "'vtm' isn't on set"),
        (["new", "file:missing.csv"], "set", "missing.csv"),
        (["new", "broken"], "set", "all 2 cells of broken on set failed, the first: no such program"),
    ],
)
def test_what_stands_for_nothing_is_one_sentence_with_a_way_out(
    tmp_path: Path, names: list[str], dataset: str | None, said: str
) -> None:
    store = Store(tmp_path)
    fill(store, "new")
    fill(store, "old")
    store.append(row("lone", "a", 10, dataset="elsewhere"))
    for image in "ab":
        store.append(failure("broken", image, 10, "no such program"))
    with pytest.raises(BenchError, match=said) as caught:
        compare(names, dataset, tmp_path, intervals=False)
    assert "\n" not in str(caught.value)


def test_committed_results_stand_in_for_a_codec_that_was_not_run(tmp_path: Path) -> None:
    fill(Store(tmp_path / "committed"), "old")
    fill(Store(tmp_path / "mine"), "new", factor=0.9)
    result = against(tmp_path / "mine", "new", "old", dataset=None)
    assert result.deltas[0].bd.bd_rate == pytest.approx(-10)
    assert any("old are the committed ones" in note for note in result.notes)
