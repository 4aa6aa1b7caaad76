"""The command line as a user meets it: real processes, what they print and their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from made_up import fill
from PIL import Image
from shell import BENCH, assert_one_sentence, bench, results_of

from bench.results import COMMITTED, Store


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two photos, cut from those of scikit-image."""
    from skimage import data

    folder = tmp_path_factory.mktemp("pictures")
    for name, photo in (("astronaut", data.astronaut()), ("coffee", data.coffee())):
        Image.fromarray(photo[100:292, 100:292]).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def measured(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of JPEG and WebP on them."""
    results = tmp_path_factory.mktemp("results")
    qualities = [part for quality in (10, 30, 50, 75, 90) for part in ("--quality", quality)]
    done = bench(
        "run", "--codec", "jpeg", "--codec", "webp", "--dataset", pictures, "--results", results, *qualities
    )
    assert done.returncode == 0, done.stderr
    assert "MS-SSIM" in done.stdout and "20 measured" not in done.stdout
    return results


def test_help_and_lists_import_little() -> None:
    script = (
        "import contextlib, io, sys; from bench.cli import app; help = io.StringIO()\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(help): app(['--help'])\n"
        "print(help.getvalue().count('compare'), {'rich', 'numpy', 'pydantic'} & sys.modules.keys())\n"
        "import bench.console\n"
        "print({'numpy', 'matplotlib', 'bench.compare'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["1 set()", "set()"], done.stderr


def test_running_again_measures_only_what_is_missing(pictures: Path, measured: Path) -> None:
    before = (measured / pictures.name / "jpeg.jsonl").read_text().splitlines()
    again = (
        "run",
        "--codec",
        "jpeg",
        "--dataset",
        pictures,
        "--results",
        measured,
        "--quality",
        10,
        "--quality",
    )
    done = bench(*again, 30)
    assert done.returncode == 0 and "0 measured, 4 were in the results already" in done.stderr
    lines = (measured / pictures.name / "jpeg.jsonl").read_text().splitlines()
    assert lines[:-1] == before and json.loads(lines[-1])["kind"] == "run"
    done = bench(*again, 20, "--images", 1)
    assert "1 measured, 1 were in the results already" in done.stderr


def test_compare_prints_a_table_and_writes_files(pictures: Path, measured: Path) -> None:
    done = bench("compare", "webp", "jpeg", "--results", measured)
    assert done.returncode == 0 and "BD-rate" in done.stdout
    folder = measured / "compare" / pictures.name / "webp-jpeg"
    tables = {"table.md", "table.csv", "table.tex", "points.csv", "images.csv", "comparison.json"}
    plots = {f"rd-{metric}.png" for metric in ("psnr", "ms_ssim")}
    assert tables | plots <= {path.name for path in folder.iterdir()}


def test_json_is_one_document_and_nothing_else(pictures: Path, measured: Path) -> None:
    arguments = ("compare", "webp", "jpeg", "--results", measured, "--json")
    document = json.loads(bench(*arguments, "--dataset", pictures.name).stdout)
    assert document["anchor"] == "jpeg" and document["dataset"] == pictures.name
    (psnr, similarity) = document["rows"]
    assert (psnr["codec"], psnr["metric"], similarity["metric"]) == ("webp", "psnr", "ms_ssim")
    assert psnr["bd_rate"] < -10 and psnr["reason"] is None  # WebP beats JPEG
    both = ("--metric", "psnr", "--metric", "ms_ssim")
    everywhere = json.loads(bench(*arguments, *both).stdout)  # the committed results, too
    expected = sorted([*Store(COMMITTED).datasets("webp"), pictures.name])
    assert everywhere["dataset"] == expected and {"kodak", pictures.name} < set(expected)
    assert [row["dataset"] for row in everywhere["rows"]] == [name for name in expected for _ in range(2)]
    for kind in ("codecs", "datasets", "metrics"):
        items = json.loads(bench("list", kind, "--json").stdout)
        assert items and all("name" in item for item in items)
    assert {"ainn", "jpeg", "webp"} <= {
        item["name"] for item in json.loads(bench("list", "codecs", "--json").stdout)
    }


def test_jobs_give_the_same_figures(pictures: Path, measured: Path, tmp_path: Path) -> None:
    arguments = ("run", "--codec", "jpeg", "--dataset", pictures, "--quality", 10, "--quality", 50)
    done = bench(*arguments, "--results", tmp_path, "--jobs", 2)
    assert done.returncode == 0, done.stderr

    def figures(results: Path) -> dict[tuple[str, float], tuple[int, dict[str, float | None]]]:
        rows = results_of(results, "jpeg").rows.values()
        return {(row.image, row.quality): (row.bytes, dict(row.metrics)) for row in rows}

    found = figures(tmp_path)
    assert len(found) == 4 and found.items() <= figures(measured).items()


def test_a_small_picture_has_an_empty_cell_and_a_note(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    Image.fromarray(np.full((20, 30, 3), 77, np.uint8)).save(folder / "grey.png")
    done = bench(
        "run", "--codec", "jpeg", "--dataset", folder, "--quality", 50, "--results", tmp_path / "results"
    )
    assert done.returncode == 0, done.stderr
    (row,) = results_of(tmp_path / "results", "jpeg").rows.values()
    assert row.metrics["ms_ssim"] is None and row.metrics["psnr"] is not None
    assert "ms_ssim isn't defined for 1 of the pictures" in done.stderr


def test_a_failing_cell_is_told_and_the_rest_goes_on(pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in pictures.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    whole = (folder / "astronaut.png").read_bytes()
    (folder / "broken.png").write_bytes(whole[: len(whole) // 2])
    done = bench(
        "run", "--codec", "jpeg", "--dataset", folder, "--quality", 50, "--results", tmp_path / "results"
    )
    assert done.returncode == 1
    assert "failed: broken.png at quality 50: read: " in done.stderr and "Traceback" not in done.stderr
    contents = results_of(tmp_path / "results", "jpeg")
    assert len(contents.rows) == 2 and len(contents.failures) == 1


def test_ctrl_c_keeps_what_was_measured(pictures: Path, tmp_path: Path) -> None:
    import signal

    command = [*BENCH, "run", "--codec", "webp", "--dataset", str(pictures), "--results", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    path = tmp_path / pictures.name / "webp.jsonl"
    deadline = time.monotonic() + 60
    while not (path.exists() and '"row"' in path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr
    assert (process.returncode, "stopped; " in stderr) in ((130, True), (0, False))  # 0: it was done already
    kept = len(results_of(tmp_path, "webp").rows)
    assert kept >= 1
    done = bench("run", "--codec", "webp", "--dataset", pictures, "--results", tmp_path)
    assert f"{22 - kept} measured, {kept} were in the results already" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--codec", "jpg", "--dataset", "sample"), ("'jpg'", "did you mean 'jpeg'")),
        (("run", "--codec", "jpg", "--dataset", "no/such/folder"), ("'jpg'", "did you mean 'jpeg'")),
        (("run", "--codec", "jpeg", "--dataset", "no/such", "--metric", "psrn"), ("did you mean 'psnr'",)),
        (("run", "--codec", "jpeg", "--dataset", "kodka"), ("kodka", "kodak")),
        (("run", "--codec", "jpeg", "--dataset", "no/such/folder"), ("no/such/folder",)),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--quality", "500"), ("500", "1 to 100")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--quality", "50.5"), ("whole", "50.5")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--images", "0"), ("at least 1",)),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--jobs", "0"), ("--jobs", "at least 1")),
        (("run", "--codec", "jpeg", "--dataset", "kodak", "--data", "no/such"), ("--data", "no/such")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--resume", "x"), ("--resume", "missing, failed")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--timeout", "0"), ("--timeout", "above 0")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--timeout", "nan"), ("nan", "inf is no limit")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--memory", "lots"), ("'lots'", "4G")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--memory", "4"), ("--memory", "1M")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--threads", "0"), ("--threads", "at least 1")),
        (("run", "--codec", "jpeg", "--dataset", "sample", "--metric", "psrn"), ("did you mean 'psnr'",)),
        (("score", "--codec", "jpeg", "--dataset", "no/such", "--metric", "psrn"), ("did you mean 'psnr'",)),
        (("score", "--codec", "jpeg", "--dataset", "sample"), ("no results of 'jpeg'", "--keep")),
        (("check", "--dataset", "unmeasured"), ("no baseline for unmeasured", "--update")),
        (("check", "--dataset", "sample", "--fail-on", "bd-rate:1%"), ("bd-rate:1%",)),
        (("compare", "published:vtn", "jpeg"), ("did you mean", "vtm")),
        (("compare", "file:no/such.csv", "jpeg"), ("no/such.csv",)),
        (("compare", "ainn"), ("two codecs",)),
        (("compare", "jepg", "nothing"), ("no results of 'jepg'", "did you mean 'jpeg'")),
        (("report", "xyzzy", "ainn"), ("no codec 'xyzzy'", "there are ainn")),
        (("export", "csv", "xyzzy", "--dataset", "sample"), ("no codec 'xyzzy'", "there are ainn")),
        (("export", "codec-compare", "xyzzy", "--dataset", "sample"), ("no codec 'xyzzy'",)),
        (("check", "--codec", "xyzzy", "--dataset", "sample"), ("no codec 'xyzzy'", "there are ainn")),
        (("score", "--codec", "xyzzy", "--dataset", "sample"), ("no codec 'xyzzy'", "there are ainn")),
        (("crosscheck", "--codec", "xyzzy", "--dataset", "sample"), ("no codec 'xyzzy'",)),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(arguments: tuple[str, ...], said: tuple[str, ...], tmp_path: Path) -> None:
    assert_one_sentence(bench(*arguments, "--results", tmp_path), *said)
    assert not list(tmp_path.iterdir())


def test_a_comparison_may_have_a_name(tmp_path: Path) -> None:
    for codec, factor in (("new", 0.9), ("old", 1.0)):
        fill(Store(tmp_path), codec, factor=factor)
    words = ("compare", "new", "old", "--dataset", "set", "--results", tmp_path, "--no-intervals")
    assert bench(*words, "--name", "overview").returncode == 0
    assert (tmp_path / "compare" / "set" / "overview" / "table.md").is_file()
    for wrong in ("../up", "", ".", "a/b"):
        assert_one_sentence(bench(*words, "--name", wrong), "--name is that of a folder")
