"""`bench report`: compare codecs, gather what the page shows, and write it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench
from bench.compare.comparison import Comparison, compare
from bench.compare.hulls import PREFIX as HULL
from bench.compare.sources import FILE, Source, gather
from bench.core.errors import BenchError
from bench.core.files import file_name_of
from bench.core.whole_file import write_whole
from bench.report.grid import writing
from bench.report.names import display_names
from bench.report.page.anchors import Anchored, Terms, with_each_anchor
from bench.report.page.choice import IMAGES
from bench.report.page.document import GENERATOR, document
from bench.report.page.figures import figures
from bench.report.page.looks import looks
from bench.report.page.originals import originals, thumbnails, title_of
from bench.report.page.origins import bench_command, origin
from bench.report.page.pictures import Album, album
from bench.results import Store, stores_of
from bench.results.names import name_of_dataset

Say = Callable[[str], None]

PAGE = "index.html"
PICTURES = "pictures"


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Args:
        path: of the page.
        page_bytes: size of the page's file.
        pictures: number of picture files beside it.
        picture_bytes: size of all pictures; those of a single file are part of `page_bytes`, too.
    """

    path: Path
    page_bytes: int
    pictures: int
    picture_bytes: int

    def summary(self) -> str:
        """What was written, in words."""
        text = f"wrote {self.path} ({self.page_bytes / 1e6:.1f} MB)"
        if self.pictures:
            text += f" and {self.pictures} pictures beside it ({self.picture_bytes / 1e6:.1f} MB)"
        return text


def write_reports(
    names: Sequence[str],
    dataset: str | None,
    results: Path,
    terms: Terms | None = None,
    *,
    out: Path | None = None,
    images: str = str(IMAGES),
    single_file: bool = False,
    data: Path | None = None,
    say: Say = lambda text: None,
) -> list[Report]:
    """Write a page for a dataset, or for each on which all codecs have results.

    Args:
        names: codecs as `bench compare` takes them, the anchor last.
        dataset: a name, or the folder of its images; None: all that the codecs have in common.
        results: folder of results, with kept pictures if there are any.
        out: folder to write to; by default ``report/<dataset>/<names>`` in the folder of results. With
            several datasets, each has a folder of its name in it.
        images: how many images the viewer shows, or "all".
        single_file: all pictures in the page itself.
        data: folder of datasets, for the originals.
        say: gets a line now and then, as the work goes on.

    Raises:
        BenchError: as of `bench.compare.comparison.compare`; or `out` holds something else, or can't be
            written to.
    """
    terms = terms or Terms()
    count = _count(images)
    comparisons = compare(
        names,
        None if dataset is None else name_of_dataset(dataset, Store(results), data),
        results,
        method=terms.method,
        average=terms.average,
        metrics=terms.metrics or None,
        intervals=terms.intervals,
        counted=True,
        ranges=terms.ranges,
    )
    folders = [_folder(comparison, results, out, len(comparisons) > 1) for comparison in comparisons]
    for folder in folders:
        _refuse_foreign(folder)
        with writing(folder):  # so that a folder that can't be written to is an error before any work
            pass
    reports = []
    for comparison, folder in zip(comparisons, folders, strict=True):
        named = _names_in(comparison, names)
        gathered = gather(named, comparison.dataset, stores_of(results), terms.average)
        anchored = with_each_anchor(comparison, named, gathered, terms, say)
        sources = {source.curve.codec: source for source in gathered}
        paths = originals(dataset or comparison.dataset, data)
        with writing(folder):
            pictures = album(
                comparison, sources, results, paths, count, None if single_file else folder / PICTURES, say
            )
            content = page_data(named, anchored, sources, terms, pictures, paths)
            page = document(_title(comparison), content).encode("utf-8", "replace")
            write_whole(folder / PAGE, page)
            _remove_old_pictures(folder / PICTURES, pictures)
        reports.append(Report(folder / PAGE, len(page), len(pictures.files), pictures.size))
    return reports


def page_data(
    names: Sequence[str],
    anchored: Sequence[Anchored],
    sources: dict[str, Source],
    terms: Terms,
    pictures: Album,
    paths: dict[str, Path],
) -> dict[str, Any]:
    """All that the page shows, as plain types.

    Args:
        names: codecs as they were asked for.
        anchored: see `with_each_anchor`.
        sources: of the curves, by label, in the order of names.
        paths: of the originals, by the SHA-256 of the file.
    """
    content = figures(anchored, terms.intervals)
    dataset = content["dataset"]
    origins = {
        label: origin(name, source, dataset)
        for name, (label, source) in zip(names, sources.items(), strict=True)
    }
    titles = display_names({label: origins[label]["version"] for label in sources})
    styles = looks(sources)
    for codec in content["codecs"]:
        name = codec["name"]
        codec |= {"title": titles[name], "look": styles[name], "origin": origins[name]}
    hashes = {row.image: row.image_sha256 for source in sources.values() for row in source.rows}
    shown = [paths.get(hashes.get(image, "")) for image in content["images"]]
    return {
        **content,
        "title": title_of(dataset),
        "thumbnails": thumbnails(shown),
        "pictures": {"pages": pictures.pages, "missing": pictures.missing, "bytes": pictures.size},
        "made": {
            "by": f"codec-bench {bench.__version__}",
            "on": datetime.now(UTC).date().isoformat(),
            "command": _command(names, dataset, terms),
        },
    }


def _names_in(comparison: Comparison, names: Sequence[str]) -> list[str]:
    """Names as results have them: without parameters at their default, in one order."""
    return [
        name if name.startswith((FILE, HULL)) else curve.codec
        for name, curve in zip(names, comparison.curves, strict=True)
    ]


def _command(names: Sequence[str], dataset: str, terms: Terms) -> str:
    """What makes the report again; of files only the name."""
    words = [
        f"{FILE}{Path(name.removeprefix(FILE)).name}" if name.startswith(FILE) else name for name in names
    ]
    options = [part for metric in terms.metrics for part in ("--metric", metric)]
    usual = Terms()
    for option in ("method", "average"):
        if (value := getattr(terms, option)) != getattr(usual, option):
            options += [f"--{option}", str(value)]
    for one in terms.ranges:
        options += ["--range", f"{one.of}:{one.low:g}:{one.high:g}"]
    if not terms.intervals:
        options.append("--no-intervals")
    return bench_command("report", *words, "--dataset", dataset, *options)


def _count(images: str) -> int | None:
    if images == "all":
        return None
    if not images.isdecimal():
        raise BenchError(f"--pictures is a number of images or 'all', not '{images}'")
    return int(images)


def _folder(comparison: Comparison, results: Path, out: Path | None, several: bool) -> Path:
    if out is None:
        return results / "report" / file_name_of(comparison.dataset) / comparison.folder_name
    return out / file_name_of(comparison.dataset) if several else out


def _refuse_foreign(folder: Path) -> None:
    """Raise BenchError for a folder that holds anything but an earlier report."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    page = folder / PAGE
    if not page.is_file() or GENERATOR not in page.read_text(encoding="utf-8", errors="replace")[:2000]:
        raise BenchError(f"{folder} holds other files than a report; empty it, or give another --out")


def _remove_old_pictures(folder: Path, pictures: Album) -> None:
    """Remove those of an earlier report that this one doesn't show."""
    for path in folder.glob("*.webp"):
        if path not in pictures.files:
            path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _title(comparison: Comparison) -> str:
    return f"Image codecs on {comparison.dataset}"
