"""The lines of a file of results: rows, failures, setups and runs, and how each is written as JSON."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from bench.core.errors import BenchError

SCHEMA = 2

CellKey = tuple[str, str, str, float]


@dataclass(frozen=True)
class Setup:
    """What rows were measured with: all that somebody else must know to get the same figures.

    A setup holds no path of a machine.
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
    decoded_sha256: str = ""  # of the samples: two machines that decode the same picture have the same
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
    side: str  # "read", "encode", "decode", "score" or "canary"
    reason: str
    setup: str = ""
    voids: bool = False  # whether figures of the cell from before don't stand any more

    @property
    def cell(self) -> CellKey:
        return self.image_sha256, self.codec, self.codec_version, self.quality


@dataclass(frozen=True)
class RunRecord:
    """What a run was asked for, and how the run ended: written even where nothing was left to measure.

    The newest one says which version of the codec counts, and which pictures the dataset has.
    """

    dataset: str
    codec: str
    codec_version: str
    pictures: Mapping[str, str | None]  # SHA-256 by name; None: not looked at, as with --images
    qualities: tuple[float, ...]
    measured: int  # cells that have figures now
    failed: int
    untried: int
    date: str  # UTC, as 2026-01-31T12:00:00

    def same_but_for_date(self, other: object) -> bool:
        """Whether another record says the same, at another time."""
        return isinstance(other, RunRecord) and replace(self, date=other.date) == other


Record = Row | Failure | Setup | RunRecord

_KINDS: dict[str, type[Record]] = {"row": Row, "failure": Failure, "setup": Setup, "run": RunRecord}


def to_line(record: Record) -> str:
    """A record as a line of JSON, which ends in a line feed and holds no other."""
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


def from_line(line: str, path: Path) -> Record | None:
    """The record of a line; None for what is none, such as a line that a kill cut off.

    Raises:
        BenchError: another codec-bench wrote the line.
    """
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
    if record is RunRecord:
        values["qualities"] = tuple(values["qualities"])
    return record(**values)


def _json(values: Any) -> str:
    return json.dumps(values, allow_nan=False, ensure_ascii=False)
