"""`bench report` and `bench export` as a user meets them."""

from __future__ import annotations

from pathlib import Path

from made_up import fill
from report_pages import CODECS, data_of
from shell import assert_one_sentence, bench

from bench.results import Store


def test_report_writes_a_folder_and_says_how_large_it_is(
    measured: Path, photos_to_code: Path, tmp_path: Path
) -> None:
    done = bench(
        "report", *CODECS, "--dataset", photos_to_code, "--results", measured, "--out", tmp_path / "out",
        "--pictures", 1, "--no-intervals", "--metric", "psnr",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page = tmp_path / "out" / "index.html"
    pictures = list((tmp_path / "out" / "pictures").iterdir())
    assert f"wrote {page} (" in done.stdout and f"and {len(pictures)} pictures beside it (" in done.stdout
    assert "the viewer gets" in done.stderr and "about 0 MB" in done.stderr
    content = data_of(page)
    assert [metric["name"] for metric in content["metrics"]] == ["psnr"]
    command = content["made"]["command"]
    assert command.startswith("bench report made-up webp jpeg --dataset ")
    assert command.endswith("--metric psnr --no-intervals")


def test_report_lies_under_the_results_by_default(tmp_path: Path) -> None:
    fill(Store(tmp_path), "new", factor=0.9)
    fill(Store(tmp_path), "old")
    done = bench("report", "new", "old", "--results", tmp_path, "--no-intervals")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report/set/new-old/index.html").is_file()


def test_errors_are_one_sentence(tmp_path: Path) -> None:
    fill(Store(tmp_path), "old")
    where = ("--dataset", "set", "--results", tmp_path)
    assert_one_sentence(bench("report", "new", "old", *where), "no results of 'new' on set")
    assert_one_sentence(bench("report", "old", *where), "two codecs or more")
    fill(Store(tmp_path), "new")
    assert_one_sentence(bench("report", "new", "old", *where, "--pictures", "few"), "--pictures")
    (tmp_path / "file").write_text("")
    assert_one_sentence(bench("report", "new", "old", *where, "--out", tmp_path / "file"), "can't write")
    assert_one_sentence(bench("export", "codec-compare", "newer", *where), "no results of 'newer'")


def test_export_writes_batches(tmp_path: Path) -> None:
    fill(Store(tmp_path), "old")
    done = bench("export", "codec-compare", "old", "--dataset", "set", "--results", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "codec-compare/set/batches.json").is_file()
    assert "batches.json" in done.stderr
