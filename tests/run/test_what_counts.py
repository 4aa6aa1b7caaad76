"""What a figure is made of: the version that was run last, on the pictures that the dataset has now.

Codecs, pictures and names change between runs; each test says what must count afterwards.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image
from places import SUPPORT
from shell import assert_one_sentence, bench
from tiny import photo

import bench as bench_api
from bench import datasets
from bench.check import update
from bench.results import Store

FAKE = shlex.join([sys.executable, str(SUPPORT / "fake_codec.py")])
QUALITIES = [20, 60, 80, 95]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three photos."""
    return save(tmp_path / "photos", a=1, b=2, c=3)


@pytest.fixture
def one_picture(tmp_path: Path) -> Path:
    """A folder of one photo, for what doesn't hang on how many there are."""
    return save(tmp_path / "photos", a=1)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def save(folder: Path, **seeds: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in seeds.items():
        Image.fromarray(photo(64, 96, seed)).save(folder / f"{name}.png")
    return folder


def write_codec(path: Path, changed: bool = False) -> Path:
    """A YAML codec called `mine`; changed, its encoder codes a little finer, which is another version."""
    quality = "{quality}.9" if changed else "{quality}"
    command = f"{FAKE} encode {{input}} {{output}} {quality}"
    content = {
        "name": "mine", "qualities": QUALITIES, "encode": command,
        "decode": f"{FAKE} decode {{input}} {{output}}",
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content))
    return path


def run(codec: str | Path, dataset: Path, results: Path, **options: object):
    return bench_api.run(str(codec), dataset, results=results, progress=False, **options)


def images_of(results: Path, dataset: str | Path, codec: str = "jpeg") -> list[str]:
    return sorted(set(bench_api.load_results(dataset, codec, results=results)["image"]))


# Versions


def test_a_version_that_was_run_again_counts_although_nothing_was_left_to_measure(
    one_picture: Path, results: Path, tmp_path: Path
) -> None:
    codec = tmp_path / "mine.yaml"
    first = run(write_codec(codec), one_picture, results)
    second = run(write_codec(codec, changed=True), one_picture, results)
    assert set(first["codec_version"]) != set(second["codec_version"])
    again = run(write_codec(codec), one_picture, results)
    assert list(again["bitstream_sha256"]) == list(first["bitstream_sha256"])
    counted = bench_api.load_results("photos", "mine", results=results)
    assert set(counted["codec_version"]) == set(first["codec_version"])
    run("jpeg", one_picture, results, qualities=[10, 30, 60, 90])
    (line,) = bench_api.compare("mine", "jpeg", dataset="photos", results=results).curves[:1]
    assert sorted(point.bpp for point in line.points) == sorted(first.groupby("quality")["bpp"].mean())
    baseline = tmp_path / "baseline"
    update(results, baseline, ["mine"], "photos")
    assert Store(baseline).load("photos", "mine").version == first["codec_version"][0]


# Pictures


def test_a_picture_that_was_replaced_counts_as_it_is_now(pictures: Path, results: Path) -> None:
    run("jpeg", pictures, results, qualities=QUALITIES)
    save(pictures, b=7)
    now = run("jpeg", pictures, results, qualities=QUALITIES)
    assert images_of(results, pictures) == ["a.png", "b.png", "c.png"]
    counted = bench_api.load_results(pictures, "jpeg", results=results)
    assert set(counted["image_sha256"]) == set(now["image_sha256"])


def test_a_picture_that_was_taken_out_or_renamed(pictures: Path, results: Path) -> None:
    run("jpeg", pictures, results, qualities=QUALITIES)
    (pictures / "a.png").unlink()
    (pictures / "b.png").rename(pictures / "z.png")
    rows = run("jpeg", pictures, results, qualities=QUALITIES)
    assert sorted(set(rows["image"])) == ["c.png", "z.png"]
    assert images_of(results, pictures) == ["c.png", "z.png"]


def test_a_picture_that_came_back_is_not_measured_anew(pictures: Path, results: Path) -> None:
    before = run("jpeg", pictures, results, qualities=QUALITIES)
    kept = (pictures / "b.png").read_bytes()
    save(pictures, b=7)
    run("jpeg", pictures, results, qualities=QUALITIES)
    (pictures / "b.png").write_bytes(kept)
    lines = Store(results).path("photos", "jpeg").read_text().count('"kind": "row"')
    run("jpeg", pictures, results, qualities=QUALITIES)
    assert Store(results).path("photos", "jpeg").read_text().count('"kind": "row"') == lines
    counted = bench_api.load_results(pictures, "jpeg", results=results)
    assert sorted(counted["bitstream_sha256"]) == sorted(before["bitstream_sha256"])


def test_a_run_over_few_images_takes_no_others_away(pictures: Path, results: Path) -> None:
    run("jpeg", pictures, results, qualities=QUALITIES)
    run("jpeg", pictures, results, qualities=QUALITIES, images=1)
    assert images_of(results, pictures) == ["a.png", "b.png", "c.png"]


def test_two_copies_of_a_picture_count_once_and_a_note_says_so(pictures: Path, results: Path) -> None:
    shutil.copy(pictures / "a.png", pictures / "copy.png")
    done = bench("run", "--codec", "jpeg", "--dataset", pictures, "--results", results, "--quality", 50)
    assert "copy.png is the same file as a.png" in done.stderr
    assert "3 images" in done.stdout and "3 measured" in done.stderr
    assert images_of(results, pictures) == ["a.png", "b.png", "c.png"]


def test_two_folders_of_one_name_never_mix(pictures: Path, results: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "elsewhere/photos", a=11, b=12)
    for folder in (pictures, other, pictures):
        run("jpeg", folder, results, qualities=[50, 70])
    assert images_of(results, pictures) == ["a.png", "b.png", "c.png"]
    assert images_of(results, other) == ["a.png", "b.png"]
    assert Store(results).datasets("jpeg") == ["photos", "photos-2"]


def test_a_folder_that_was_moved_is_still_the_same(pictures: Path, results: Path, tmp_path: Path) -> None:
    run("jpeg", pictures, results, qualities=[50])
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(pictures, moved)
    run("jpeg", moved / "photos", results, qualities=[50])
    assert Store(results).datasets("jpeg") == ["photos"]


def test_results_from_before_runs_left_lines_count_as_they_did(pictures: Path, results: Path) -> None:
    rows = run("jpeg", pictures, results, qualities=[50])
    path = Store(results).path("photos", "jpeg")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"kind": "run"' not in line))
    (path.parent / ".place").unlink()
    again = run("jpeg", pictures, results, qualities=[50])
    assert list(again["bitstream_sha256"]) == list(rows["bitstream_sha256"])
    assert Store(results).datasets("jpeg") == ["photos"]


# Names


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("jpeg:chroma=420", "jpeg"),
        ("jpeg:progressive=1,chroma=444", "jpeg:chroma=444,progressive=1"),
        ("jpeg:chroma=444,progressive=1", "jpeg:chroma=444,progressive=1"),
    ],
)
def test_every_command_takes_the_names_that_run_took(
    one_picture: Path, results: Path, tmp_path: Path, given: str, named: str
) -> None:
    where = ("--dataset", one_picture, "--results", results)
    qualities = [part for quality in QUALITIES for part in ("--quality", quality)]
    codec = write_codec(tmp_path / "mine.yaml")
    done = bench("run", "--codec", given, "--codec", codec, *where, *qualities, "--keep")
    assert done.returncode == 0, done.stderr
    assert Store(results).datasets(named) == ["photos"]
    for command in (
        ("compare", given, codec, *where),
        ("compare", codec, given, "--dataset", "photos", "--results", results),
        ("score", "--codec", given, "--codec", codec, *where),
        ("check", "--codec", given, "--codec", codec, *where, "--baseline", tmp_path / "b", "--update"),
        ("check", "--codec", given, "--codec", codec, *where, "--baseline", tmp_path / "b"),
    ):
        done = bench(*command)
        assert done.returncode == 0, (command, done.stderr)


def test_a_folder_given_with_a_slash_at_its_end_is_the_same(pictures: Path, results: Path) -> None:
    run("jpeg", f"{pictures}/", results, qualities=[50])
    run("jpeg", f"{pictures.parent}/./photos", results, qualities=[50])
    assert Store(results).datasets("jpeg") == ["photos"]


@pytest.mark.parametrize("name", ["line\u2028separator", "next\x85line", "form\x0cfeed", "tab\there", "a b"])
def test_rows_of_any_file_name_are_read_again(tmp_path: Path, results: Path, name: str) -> None:
    folder = save(tmp_path / "odd", **{name: 1})
    first = run("jpeg", folder, results, qualities=[50])
    assert images_of(results, folder) == [f"{name}.png"]
    run("jpeg", folder, results, qualities=[50])
    assert Store(results).path("odd", "jpeg").read_text().count('"kind": "row"') == len(first) == 1


def test_a_file_name_that_is_no_utf8_is_measured_under_an_escaped_one(tmp_path: Path, results: Path) -> None:
    folder = save(tmp_path / "odd", a=1, z=2)
    try:
        os.rename(folder / "a.png", os.fsencode(folder) + b"/caf\xe9.png")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    done = bench("run", "--codec", "jpeg", "--dataset", folder, "--results", results, "--quality", 50)
    assert done.returncode == 0, done.stderr
    assert images_of(results, folder) == ["caf\\xe9.png", "z.png"]


def test_a_broken_link_among_the_pictures_is_one_sentence(pictures: Path, results: Path) -> None:
    (pictures / "gone.png").symlink_to(pictures / "nowhere.png")
    done = bench("run", "--codec", "jpeg", "--dataset", pictures, "--results", results)
    assert_one_sentence(done, "gone.png", "broken link")


def test_hidden_files_are_no_pictures(pictures: Path) -> None:
    (pictures / "._a.png").write_bytes(b"what macOS leaves on other file systems")
    (pictures / "folder.png").mkdir()
    assert [image.name for image in datasets.load(str(pictures)).images] == ["a.png", "b.png", "c.png"]


def test_an_unreadable_picture_and_a_slow_codec_cost_that_picture_only(pictures: Path, results: Path) -> None:
    (pictures / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    done = bench("run", "--codec", "mbt2018", "--dataset", pictures, "--results", results, "--quality", 1,
                 "--resume", "none")  # fmt: skip
    assert "Traceback" not in done.stderr
    done = bench("run", "--codec", "jpeg", "--dataset", pictures, "--results", results, "--quality", 50)
    assert done.returncode == 1 and "3 measured" in done.stderr and "failed: bad.png" in done.stderr
    assert images_of(results, pictures) == ["a.png", "b.png", "c.png"]


def test_kept_pictures_of_qualities_that_are_nearly_alike_are_apart(pictures: Path, results: Path) -> None:
    near = [50.0000001, 50.0000002]
    rows = run("ainn", pictures, results, qualities=[4.0000001, 4.0000002], images=1,
               settings=bench_api.Settings(keep=True))  # fmt: skip
    assert len(rows) == len(near)
    assert len(list((results / "kept/photos/ainn").glob("*.bin"))) == len(near)
