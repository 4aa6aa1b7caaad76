"""Results on disk: lines of JSON, appended as they are measured, that survive whatever happens to a run.

``DIR/<dataset>/<codec>.jsonl`` holds lines of four kinds: a *row* is a measured cell (image, quality), a
*failure* a cell that could not be measured, a *setup* says with what rows were measured (rows name theirs),
and a *run* says which version on which pictures was run. What changes the figures of a cell identifies the
cell: the image's bytes, the codec's version and the quality. A newer line for the same cell takes the place
of an older one, but a failure hides no figures unless it voids them. A line that a kill cut off is skipped.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import orjson

from bench.core.collector import collector_at_rest
from bench.core.errors import BenchError
from bench.core.files import file_name_of
from bench.core.locks import lock
from bench.core.whole_file import append_whole, begin_of_last_line, write_whole
from bench.results.records import (
    BadLine,
    CellKey,
    Failure,
    Record,
    Row,
    RunRecord,
    Setup,
    from_line,
    to_line,
)  # fmt: skip

if TYPE_CHECKING:
    from bench.datasets import Dataset

# Of a checkout; absent in an installed package.
COMMITTED = Path(__file__).resolve().parents[2] / "results"

Result = TypeVar("Result", Row, Failure)

_NO_LOCKS = (
    "two runs would write into each other's lines: give --results on a disk of this machine, "
    "and bring them together with bench merge"
)
_PLACE = ".place"  # file beside the results of a folder: which folder that is


def stores_of(folder: Path) -> list[Store]:
    """The results under a folder, then the committed ones, which stand in for codecs that were not run."""
    stores = [Store(folder)]
    if folder.resolve() != COMMITTED.resolve():
        stores.append(Store(COMMITTED))
    return stores


@dataclass
class Contents:
    """What counts of a file of results: one version of a codec, on the pictures that the dataset has now.

    The version is the one that was run last. Pictures are those of the last run: a row of a picture that
    was replaced or taken out since does not count, and is in `rows_of_any_picture` only.
    """

    version: str | None = None
    rows: dict[CellKey, Row] = field(default_factory=dict)  # the newest row of each cell
    failures: dict[CellKey, Failure] = field(default_factory=dict)  # of cells without a row
    setups: dict[str, Setup] = field(default_factory=dict)
    rows_of_any_picture: dict[CellKey, Row] = field(default_factory=dict)
    last_run: RunRecord | None = None  # where nothing was measured since

    @property
    def used_setups(self) -> list[Setup]:
        """Those that rows name."""
        used = {row.setup for row in self.rows.values()}
        return [setup for name, setup in self.setups.items() if name in used]


class Store:
    """The results under one folder. Several processes may write to it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._setups: dict[Path, set[str]] = {}  # that we know to be in a file

    def append(self, record: Row | Failure | RunRecord, setup: Setup | None = None) -> None:
        """Add a record and, if the file lacks it, its setup; on disk when this returns.

        A record that doesn't fit on the disk leaves the file as it was.

        Raises:
            BenchError: the folder can't be written to.
        """
        path = self.path(record.dataset, record.codec)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path) as file:
                lines: list[Record] = [record]
                known = self._setups.setdefault(path, set())
                if setup is not None and setup.id not in known:
                    if not _holds(file, setup.id):
                        lines = [setup, record]
                    known.add(setup.id)
                _write(file, "".join(map(to_line, lines)))
        except OSError as error:
            self._setups.pop(path, None)
            raise BenchError(
                f"can't write results to {path} ({error.strerror}); what is in it is kept: "
                "make room or give another --results, and run again for the rest"
            ) from error

    def load(self, dataset: str, codec: str, version: str | None = None) -> Contents:
        """What is known of one version of a codec on a dataset, in the order of image and quality.

        Args:
            version: of the codec; by default the one that was run last, even if it only failed.
                Versions are never mixed.

        Raises:
            BenchError: written by another codec-bench.
        """
        contents = Contents(version)
        lines: list[Row | Failure | RunRecord] = []
        with collector_at_rest():
            for record in self._records(self.path(dataset, codec)):
                if isinstance(record, Setup):
                    contents.setups[record.id] = record
                else:
                    lines.append(record)
        if version is None and lines:
            contents.version = lines[-1].codec_version
        for record in lines:
            if isinstance(record, RunRecord) or record.codec_version != contents.version:
                continue
            cell = record.cell
            if isinstance(record, Row):
                contents.rows_of_any_picture[cell] = record
                contents.failures.pop(cell, None)
            elif record.voids or cell not in contents.rows_of_any_picture:
                contents.rows_of_any_picture.pop(cell, None)
                contents.failures[cell] = record
        if lines and isinstance(lines[-1], RunRecord):
            contents.last_run = lines[-1]
        pictures = _pictures_now(lines)
        contents.rows = _current(contents.rows_of_any_picture, pictures)
        if len(contents.rows) == len(contents.rows_of_any_picture):
            contents.rows_of_any_picture = contents.rows
        contents.failures = _current(contents.failures, pictures)
        return contents

    def replace(self, dataset: str, codec: str, contents: Contents) -> Path:
        """Put rows and their setups in the place of a whole file, at once or not at all.

        Raises:
            OSError: the file can't be written; it is as it was.
        """
        records: list[Record] = [*contents.used_setups, *contents.rows.values()]
        path = self.path(dataset, codec)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(map(to_line, records)))
        return path

    def rows(self, dataset: str, codec: str, version: str | None = None) -> list[Row]:
        """The rows of `load`."""
        return list(self.load(dataset, codec, version).rows.values())

    def versions(self, dataset: str, codec: str) -> list[str]:
        """The versions of a codec that have rows or failures, the one that was tried last at the end."""
        records = self._records(self.path(dataset, codec))
        tried = [record.codec_version for record in records if isinstance(record, Row | Failure)]
        return list(dict.fromkeys(reversed(tried)))[::-1]

    def runs(self, dataset: str, codec: str) -> list[RunRecord]:
        """What each run was asked for, in order."""
        records = self._records(self.path(dataset, codec))
        return [record for record in records if isinstance(record, RunRecord)]

    def datasets(self, codec: str) -> list[str]:
        """Names of the datasets on which a codec has a file of results."""
        names = {glob.escape(name) for name in (file_name_of(codec), codec) if "/" not in name}
        paths = {path for name in names for path in self.folder.glob(f"*/{name}.jsonl")}
        return sorted({_name_of(path.parent.name, path, "dataset") for path in paths})

    def codecs(self) -> list[str]:
        """Names of the codecs that have results on any dataset."""
        return sorted({_name_of(path.stem, path, "codec") for path in self.folder.glob("*/*.jsonl")})

    def codecs_on(self, dataset: str) -> list[str]:
        """Names of the codecs that have results on a dataset."""
        return sorted(_name_of(path.stem, path, "codec") for path in self._folder_of(dataset).glob("*.jsonl"))

    def path(self, dataset: str, codec: str) -> Path:
        """The file of a codec's results on a dataset. Older files bear the codec's name as it is."""
        path = self._folder_of(dataset) / f"{file_name_of(codec)}.jsonl"
        old = path.with_name(f"{codec}.jsonl") if "/" not in codec else path
        return old if old.is_file() and not path.is_file() else path

    def name_for(self, dataset: Dataset) -> str:
        """The name that results of a dataset go by here: two folders of one name never share results.

        The first folder called `photos` has the results `photos`, another one `photos-2`. A folder that
        was moved, with all its pictures, is still the same.
        """
        if not dataset.place:
            return dataset.name
        number, name = 1, dataset.name
        while not self._is_of(name, dataset):
            number += 1
            name = f"{dataset.name}-{number}"
        return name

    def is_at(self, name: str, place: str) -> bool:
        """Whether results of that name are known to be of the folder at a place, `Dataset.place`."""
        with suppress(OSError):
            return (self._folder_of(name) / _PLACE).read_text(encoding="utf-8").strip() == place
        return False

    def named(self, dataset: Dataset) -> Dataset:
        """The dataset under its name of `name_for`."""
        return replace(dataset, name=self.name_for(dataset))

    def claim(self, dataset: Dataset) -> None:
        """Take the name of a dataset that `named` gave.

        Raises:
            BenchError: the folder can't be written to.
        """
        if not dataset.place:
            return
        path = self._folder_of(dataset.name) / _PLACE
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, dataset.place + "\n")
        except OSError as error:
            raise BenchError(
                f"can't write results to {path.parent} ({error.strerror}); give another --results"
            ) from error

    def _is_of(self, name: str, dataset: Dataset) -> bool:
        """Whether results of that name are of this folder, or there are none."""
        if self.is_at(name, dataset.place):
            return True
        folder = self._folder_of(name)
        mine = {image.sha256 for image in dataset.images}
        theirs: set[str] = set()
        for path in folder.glob("*.jsonl"):
            records = [record for record in self._records(path) if not isinstance(record, Setup)]
            theirs |= {sha256 for sha256 in _pictures_now(records).values() if sha256}
        # Results from before folders had a place of their own are of this folder if they share a picture.
        claimed = (folder / _PLACE).is_file()
        return not theirs or (mine >= theirs if claimed else bool(mine & theirs))

    def _folder_of(self, dataset: str) -> Path:
        path = self.folder / file_name_of(dataset)
        old = self.folder / dataset
        return old if "/" not in dataset and old.is_dir() and not path.is_dir() else path

    def _records(self, path: Path) -> Iterator[Record]:
        """The records of a file, in order.

        Raises:
            BenchError: a line that is none. The last one may be cut off, if it has no end: a kill does that.
        """
        if not path.is_file():
            return
        try:
            # A line ends at a line feed and nowhere else: names may hold other ends of lines.
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    try:
                        yield from_line(line.decode())
                    except (BadLine, UnicodeDecodeError) as error:
                        if line.endswith(b"\n") or (isinstance(error, BadLine) and error.foreign):
                            raise BenchError(_bad_line(path, number, error)) from None
        except OSError as error:
            raise BenchError(f"can't read the results {path} ({error.strerror})") from error


def _pictures_now(records: Iterable[Record]) -> dict[str, str | None]:
    """SHA-256 by name of the pictures that a dataset has, by the last run and what was measured since."""
    pictures: dict[str, str | None] = {}
    for record in records:
        if isinstance(record, RunRecord):
            pictures = dict(record.pictures)
        elif not isinstance(record, Setup):
            pictures[record.image] = record.image_sha256
    return pictures


def _current(cells: dict[CellKey, Result], pictures: dict[str, str | None]) -> dict[CellKey, Result]:
    """The cells of pictures that the dataset has now, under the names that these have now, by image and
    quality. As `bench run` leaves them, they are the very cells that are given."""
    names = {sha256: name for name, sha256 in pictures.items() if sha256}

    def name_now(record: Row | Failure) -> str | None:
        if name := names.get(record.image_sha256):
            return name
        unseen = pictures.get(record.image, "replaced") is None  # there, but the last run didn't look at it
        return record.image if unseen else None

    in_order = all(one <= other for one, other in pairwise(map(_order, cells.values())))
    if in_order and all(name_now(record) == record.image for record in cells.values()):
        return cells
    current = [
        (key, record if record.image == name else replace(record, image=name))
        for key, record in cells.items()
        if (name := name_now(record))
    ]
    return dict(sorted(current, key=lambda item: _order(item[1])))


def _order(record: Row | Failure) -> tuple[str, float]:
    return record.image, record.quality


def _name_of(file_name: str, path: Path, kind: str) -> str:
    """The codec or dataset that a file or folder of results is named for: its first line has the name.

    A file that somebody renamed goes by the name that it has now.
    """
    with suppress(OSError, ValueError, AttributeError), path.open(encoding="utf-8") as file:
        name = orjson.loads(file.readline()).get(kind)
        name = name.get("name") if isinstance(name, dict) else name  # setups hold more of a dataset
        if isinstance(name, str) and file_name_of(name) == file_name:
            return name
    return file_name


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, open to read and append, ours alone for as long as this lasts."""
    with path.open("ab+", buffering=0) as file:  # unbuffered: what doesn't fit fails where it is written
        lock(file, path, _NO_LOCKS, wait=True)
        yield file  # type: ignore[misc]


def _write(file: BinaryIO, text: str) -> None:
    """Append text and bring it to the disk, all of it or nothing."""
    _mend_end(file)
    append_whole(file, text.encode())


def _mend_end(file: BinaryIO) -> None:
    """Take out a last line that a kill cut off, or end it if only its line feed is missing."""
    start = begin_of_last_line(file)
    file.seek(start)
    if not (line := file.read()):
        return
    try:
        from_line(line.decode())
    except (BadLine, UnicodeDecodeError):
        file.truncate(start)
    else:
        append_whole(file, b"\n")


def _bad_line(path: Path, number: int, error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{path}, line {number} is no text in UTF-8; restore the file, or delete that line"
    if isinstance(error, BadLine) and error.foreign:
        return f"{path}, line {number} {error}"
    return f"{path}, line {number} {error}; restore the file, or delete that line"


def _holds(file: BinaryIO, setup_id: str) -> bool:
    file.seek(0)
    return f'"id": "{setup_id}"'.encode() in file.read()
