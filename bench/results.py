"""Results on disk: lines of JSON, appended as they are measured, that survive whatever happens to a run.

``DIR/<dataset>/<codec>.jsonl`` holds lines of three kinds: a *row* is a measured cell (image, quality), a
*failure* a cell that could not be measured, and a *setup* says with what rows were measured; rows name
theirs. A cell is told by what changes its figures: the image's bytes, the codec's version and the quality.
A newer line for the same cell takes the place of an older one, but a failure hides no figures unless it
voids them; a line that a kill cut off is passed over.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO

from bench.core.errors import BenchError

SCHEMA = 2
# Of a checkout; absent in an installed package.
COMMITTED = Path(__file__).resolve().parent.parent / "results"

CellKey = tuple[str, str, str, float]


@dataclass(frozen=True)
class Setup:
    """What rows were measured with: everything that another must know to get the same figures.

    No path of a machine stands in it.
    """

    codec: str
    codec_version: str
    details: Mapping[str, Any]  # the codec's own: parameters, model size, hashes, exact command lines
    dataset: Mapping[str, Any]  # name, split, images, complete, sha256 of the images' hashes
    metrics: Mapping[str, str]  # version by name
    bench: Mapping[str, Any]  # version, git commit, whether the code was changed since
    python: str
    libraries: Mapping[str, str]
    machine: Mapping[str, Any]  # operating system, CPU, cores, device
    run: Mapping[str, Any]  # jobs, threads, repeats, pinned
    date: str  # UTC, YYYY-MM-DD

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that rows name it by."""
        return hashlib.sha256(_json(asdict(self)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Row:
    """One measured cell. Figures are those of one picture."""

    dataset: str
    image: str  # file name
    image_sha256: str
    width: int
    height: int
    codec: str
    codec_version: str
    quality: float
    bytes: int  # of the bitstream
    bpp: float
    metrics: Mapping[str, float | None]  # by name; inf for PSNR of a lossless picture; None: not defined
    encode_s: float  # median of the repeats
    decode_s: float
    alone: bool = True  # False: other jobs ran, and the times mean nothing
    repeats: int = 1
    start_s: float | None = None  # from nothing to a codec ready to encode; never part of a coding time
    encode_memory: int | None = None  # bytes at the peak, of the process and its children
    decode_memory: int | None = None
    bitstream_sha256: str = ""
    decoded_sha256: str = ""  # of the samples: tells whether two machines decode the same picture
    setup: str = ""
    note: str = ""

    @property
    def cell(self) -> CellKey:
        """What a result is asked for by: measuring the same cell again would give the same figures."""
        return self.image_sha256, self.codec, self.codec_version, self.quality


@dataclass(frozen=True)
class Failure:
    """A cell that could not be measured, and why."""

    dataset: str
    image: str
    image_sha256: str
    codec: str
    codec_version: str
    quality: float
    side: str  # "read", "encode", "decode" or "score"
    reason: str
    setup: str = ""
    voids: bool = False  # whether figures of the cell from before don't stand any more

    @property
    def cell(self) -> CellKey:
        return self.image_sha256, self.codec, self.codec_version, self.quality


@dataclass
class Contents:
    """All that a file of results holds about one version of a codec: the newest line of each cell."""

    version: str | None = None
    rows: dict[CellKey, Row] = field(default_factory=dict)
    failures: dict[CellKey, Failure] = field(default_factory=dict)  # of cells without a row
    setups: dict[str, Setup] = field(default_factory=dict)


class Store:
    """The results under one folder. Several processes may write to it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._setups: dict[Path, set[str]] = {}  # that we know to be in a file

    def append(self, record: Row | Failure, setup: Setup | None = None) -> None:
        """Add a row or a failure and, if the file lacks it, its setup; on disk when this returns.

        A record that doesn't fit on the disk leaves the file as it was.

        Raises:
            BenchError: the folder can't be written to.
        """
        path = self.path(record.dataset, record.codec)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path) as file:
                lines = [record]
                known = self._setups.setdefault(path, set())
                if setup is not None and setup.id not in known:
                    if not _holds(file, setup.id):
                        lines = [setup, record]  # type: ignore[list-item]
                    known.add(setup.id)
                _write(file, "".join(_line(line) for line in lines))
        except OSError as error:
            self._setups.pop(path, None)
            raise BenchError(
                f"can't write results to {path} ({error.strerror}); what is in it is kept: "
                "make room or give another --results, and run again for the rest"
            ) from error

    def load(self, dataset: str, codec: str, version: str | None = None) -> Contents:
        """What is known of one version of a codec on a dataset, in the order of image and quality.

        Args:
            version: of the codec; by default the one that was tried last, even if it only failed.
                Versions are never mixed.

        Raises:
            BenchError: written by another codec-bench.
        """
        path = self.path(dataset, codec)
        contents = Contents(version)
        if not path.is_file():
            return contents
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        parsed = [record for line in lines if (record := _parse(line, path))]
        records = [record for record in parsed if not isinstance(record, Setup)]
        contents.setups = {record.id: record for record in parsed if isinstance(record, Setup)}
        if version is None and records:
            contents.version = records[-1].codec_version
        for record in records:
            if record.codec_version != contents.version:
                continue
            if isinstance(record, Row):
                contents.rows[record.cell] = record
                contents.failures.pop(record.cell, None)
            elif record.voids or record.cell not in contents.rows:
                contents.rows.pop(record.cell, None)
                contents.failures[record.cell] = record
        contents.rows = dict(sorted(contents.rows.items(), key=_order))
        contents.failures = dict(sorted(contents.failures.items(), key=_order))
        return contents

    def rows(self, dataset: str, codec: str, version: str | None = None) -> list[Row]:
        """The rows of `load`."""
        return list(self.load(dataset, codec, version).rows.values())

    def datasets(self, codec: str) -> list[str]:
        """Names of the datasets on which a codec has a file of results."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{codec}.jsonl"))

    def codecs(self) -> list[str]:
        return sorted({path.stem for path in self.folder.glob("*/*.jsonl")})

    def path(self, dataset: str, codec: str) -> Path:
        return self.folder / dataset / f"{codec}.jsonl"


_KINDS: dict[str, type[Row | Failure | Setup]] = {"row": Row, "failure": Failure, "setup": Setup}


def _order(item: tuple[CellKey, Row | Failure]) -> tuple[str, float]:
    return item[1].image, item[1].quality


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """The file, open to read and append, ours alone for as long as this lasts."""
    with path.open("ab+", buffering=0) as file:  # unbuffered: what doesn't fit fails where it is written
        try:
            import fcntl
        except ImportError:  # Windows: two runs at once then have only the atomicity of an append
            yield file  # type: ignore[misc]
            return
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file  # type: ignore[misc]


def _write(file: BinaryIO, text: str) -> None:
    """Append text and bring it to the disk, all of it or nothing."""
    end = file.seek(0, os.SEEK_END)
    if end and _last_byte(file, end) != b"\n":  # don't glue this line to half a line
        text = "\n" + text
    content = text.encode()
    try:
        while content:
            content = content[file.write(content) :]
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            os.ftruncate(file.fileno(), end)
        raise


def _last_byte(file: BinaryIO, end: int) -> bytes:
    file.seek(end - 1)
    return file.read(1)


def _holds(file: BinaryIO, setup_id: str) -> bool:
    file.seek(0)
    return f'"id": "{setup_id}"'.encode() in file.read()


def _line(record: Row | Failure | Setup) -> str:
    kind = next(name for name, cls in _KINDS.items() if isinstance(record, cls))
    values: dict[str, Any] = {"schema": SCHEMA, "kind": kind}
    if isinstance(record, Setup):
        values["id"] = record.id
    values |= asdict(record)
    if isinstance(record, Row):
        values["metrics"] = {  # JSON has no infinity
            name: "inf" if value is not None and math.isinf(value) else value
            for name, value in record.metrics.items()
        }
    return _json(values) + "\n"


def _json(values: Any) -> str:
    return json.dumps(values, allow_nan=False, ensure_ascii=False)


def _parse(line: str, path: Path) -> Row | Failure | Setup | None:
    try:
        values = json.loads(line)
        schema = values.pop("schema")
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    if schema != SCHEMA:
        raise BenchError(
            f"{path} holds results of schema {schema} and this codec-bench reads {SCHEMA}; "
            "use the codec-bench that wrote it, or another --results"
        )
    record = _KINDS.get(values.pop("kind", ""))
    values.pop("id", None)
    if record is None or values.keys() != {field.name for field in fields(record)}:
        return None
    if record is Row:
        values["metrics"] = {
            name: None if value is None else float(value) for name, value in values["metrics"].items()
        }
    return record(**values)
