"""A disk that fills up while something is written: one sentence, and no file that is empty or cut off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from full_disk import full_disk
from gate_results import judged, rows
from made_up import fill
from tiny import photo

from bench.check import update, write_junit
from bench.compare.comparison import compare
from bench.compare.curve_csv import save
from bench.compare.sources import gather
from bench.core.errors import BenchError
from bench.report.exports.codec_compare import export_codec_compare
from bench.report.page.build import write_reports
from bench.report.plots import write_plots
from bench.report.tables import write_tables
from bench.results import Store, stores_of
from bench.results.kept_pictures import Kept, KeptFiles


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    fill(Store(folder), "one", factor=0.9)
    fill(Store(folder), "two")
    return folder


def tables(results: Path, out: Path) -> object:
    return write_tables(compare(["one", "two"], "set", results)[0], out)


def plots(results: Path, out: Path) -> object:
    return write_plots(compare(["one", "two"], "set", results)[0], out, ("svg",))


def page(results: Path, out: Path) -> object:
    return write_reports(["one", "two"], "set", results, out=out)


def export(results: Path, out: Path) -> object:
    return export_codec_compare(["one"], "set", results, out)


def curve(results: Path, out: Path) -> object:
    out.mkdir(exist_ok=True)
    return save(gather(["one"], "set", stores_of(results))[0].curve, out / "curve.csv")


def baseline(results: Path, out: Path) -> object:
    return update(results, out, ["one"], "set")


def junit(results: Path, out: Path) -> object:
    return write_junit(judged(results.parent / "judged", rows(), "bpp:1%"), out / "report.xml")


def kept(results: Path, out: Path) -> object:
    return Kept(out).save(
        ("set", "one", "a.png", 1), KeptFiles(bytes(500), photo(40, 40).tobytes(), (40, 40, 3))
    )


WRITERS = (tables, plots, page, export, curve, baseline, junit, kept)


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("write", WRITERS)
def test_what_does_not_fit_leaves_whole_files_only(
    results: Path, tmp_path: Path, write: Callable[[Path, Path], object]
) -> None:
    write(results, tmp_path / "whole")
    whole = files_in(tmp_path / "whole")
    most = max(map(len, whole.values()))
    for size in (0, most // 2, most - 1):
        out = tmp_path / f"full-{size}"
        out.mkdir()
        with full_disk(size), pytest.raises(BenchError, match=r"can't (write|keep).*File too large"):
            write(results, out)
        for path, content in files_in(out).items():
            assert content and len(content) == len(whole[tmp_path / "whole" / path.relative_to(out)]), path
