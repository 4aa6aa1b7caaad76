"""The lines of a file of results: rows, failures, setups and runs, and how each is written as JSON."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import orjson

SCHEMA = 2

CellKey = tuple[str, str, str, float]
Check = Callable[[object], bool]


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

    @cached_property
    def id(self) -> str:
        """Twelve hexadecimal digits that rows name it by."""
        return hashlib.sha256(_json(asdict(self)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
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
    # Bytes of tensors on a GPU at the peak. None: no GPU, and no field in the file.
    encode_gpu_memory: int | None = None
    decode_gpu_memory: int | None = None

    @property
    def cell(self) -> CellKey:
        """What a result is asked for by: measuring the same cell again would give the same figures."""
        return self.image_sha256, self.codec, self.codec_version, self.quality


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be measured, and why."""

    dataset: str
    image: str
    image_sha256: str
    codec: str
    codec_version: str
    quality: float
    side: str  # "read", "encode", "decode", "score", "canary" or "worker" (lost)
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
        for name in _OPTIONAL:
            if values[name] is None:
                del values[name]
        values["metrics"] = {  # JSON has no infinity
            name: "inf" if value is not None and math.isinf(value) else value
            for name, value in record.metrics.items()
        }
    return _json(values) + "\n"


def from_line(line: str) -> Record:
    """The record of a line of a file of results.

    Raises:
        BadLine: the line is no record, or a field of it holds what can't be.
    """
    try:
        values = orjson.loads(line)
    except ValueError:
        raise BadLine("is no line of JSON") from None
    if not isinstance(values, dict):
        raise BadLine("is no JSON object")
    if (schema := values.pop("schema", None)) != SCHEMA:
        raise BadLine(
            f"is of schema {schema!r} and this codec-bench reads {SCHEMA}; "
            "use the codec-bench that wrote it, or another --results",
            foreign=True,
        )
    kind = values.pop("kind", None)
    cls = _KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise BadLine(f"is of no known kind ({kind!r})")
    values.pop("id", None)
    checks = _CHECKS[cls]
    if odd := (values.keys() ^ checks.keys()) - _OPTIONAL if values.keys() != _REQUIRED[cls] else ():
        raise BadLine(f"lacks or has too much: {', '.join(sorted(odd))}")
    for name, value in values.items():
        if not checks[name](value):
            raise BadLine(f"holds {name} {_shortened(value)}, which can't be")
    return _made(cls, values)


class BadLine(Exception):
    """What is wrong with a line, as the end of a sentence that begins with the line's place.

    Args:
        foreign: another codec-bench wrote the line; the sentence says what to do.
    """

    def __init__(self, reason: str, foreign: bool = False) -> None:
        super().__init__(reason)
        self.foreign = foreign


def _made(cls: type[Record], values: dict[str, Any]) -> Record:
    if cls is Row:
        for name in _SHARED:  # thousands of rows have the same texts
            values[name] = sys.intern(values[name])
        for name in ("width", "height"):  # and the same sizes
            values[name] = _SIZES.setdefault(values[name], values[name])
        scores = values["metrics"]
        for name, value in scores.items():
            if type(value) is not float and value is not None:  # a whole number, or "inf"
                scores[name] = float(value)
    elif cls is RunRecord:
        values["qualities"] = tuple(values["qualities"])
    return cls(**values)


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_name(value: object) -> bool:
    return type(value) is str and value != ""


def _is_flag(value: object) -> bool:
    return type(value) is bool


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _TOO_MANY


def _is_size(value: object) -> bool:
    return type(value) is int and 1 <= value < _TOO_MANY


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -_MOST <= value <= _MOST  # type: ignore[operator]


def _is_duration(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= _MOST  # type: ignore[operator]


def _is_object(value: object) -> bool:
    return type(value) is dict


def _is_metrics(value: object) -> bool:
    if type(value) is not dict:
        return False
    for score in value.values():  # a generator would take twice the time
        if score is not None and score != "inf" and not _is_number(score):
            return False
    return True


def _is_pictures(value: object) -> bool:
    return type(value) is dict and all(sha256 is None or _is_name(sha256) for sha256 in value.values())


def _is_qualities(value: object) -> bool:
    return type(value) is list and all(map(_is_number, value))


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_OF_A_CELL: dict[str, Check] = {
    "dataset": _is_name, "image": _is_name, "image_sha256": _is_name, "codec": _is_name,
    "codec_version": _is_text, "quality": _is_number,
}  # fmt: skip
_CHECKS: dict[type[Record], dict[str, Check]] = {
    Row: _OF_A_CELL | {
        "width": _is_size, "height": _is_size, "bytes": _is_count, "bpp": _is_duration,
        "metrics": _is_metrics, "encode_s": _is_duration, "decode_s": _is_duration, "alone": _is_flag,
        "repeats": _is_size, "start_s": _or_none(_is_duration), "encode_memory": _or_none(_is_count),
        "decode_memory": _or_none(_is_count), "bitstream_sha256": _is_text, "decoded_sha256": _is_text,
        "setup": _is_text, "note": _is_text, "encode_gpu_memory": _or_none(_is_count),
        "decode_gpu_memory": _or_none(_is_count),
    },
    Failure: _OF_A_CELL | {
        "side": _is_text, "reason": _is_text, "setup": _is_text, "voids": _is_flag,
    },
    Setup: {
        "codec": _is_name, "codec_version": _is_text, "details": _is_object, "dataset": _is_object,
        "metrics": _is_object, "bench": _is_object, "python": _is_text, "libraries": _is_object,
        "machine": _is_object, "run": _is_object, "date": _is_text,
    },
    RunRecord: {
        "dataset": _is_name, "codec": _is_name, "codec_version": _is_text, "pictures": _is_pictures,
        "qualities": _is_qualities, "measured": _is_count, "failed": _is_count, "untried": _is_count,
        "date": _is_text,
    },
}  # fmt: skip
_OPTIONAL = {"encode_gpu_memory", "decode_gpu_memory"}  # of rows: lines without a GPU lack them
_REQUIRED = {cls: checks.keys() - _OPTIONAL for cls, checks in _CHECKS.items()}
_MOST = sys.float_info.max
_TOO_MANY = 1 << 63
_SIZES: dict[int, int] = {}
_SHARED = ("dataset", "image", "image_sha256", "codec", "codec_version", "setup", "note")


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _json(values: Any) -> str:
    return json.dumps(values, allow_nan=False, ensure_ascii=False)
