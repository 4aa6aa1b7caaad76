"""Curves in files that anybody can write: CSV with a row for each point, or for each image and quality.

    image,quality,bpp,psnr,ms_ssim
    ,30,0.5423,33.17,0.9655

`image` is empty where a row is a mean over a dataset. `quality` is whatever the codec calls it, and may be
empty in rows of means; bpp is above 0; psnr is in dB, ms_ssim 0 to 1, and either may be empty. Any other
metric of `bench list metrics` can have a column. Lines that start with # are comments.

What `bench export csv` and `bench compare` write is read too, and files that others write:
`bench.compare.others_tables`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import metrics
from bench.compare import others_tables
from bench.compare.curves import Curve, MeasuredCell, Point, curve
from bench.compare.others_tables import Table
from bench.core.errors import BenchError
from bench.core.whole_file import write_whole

_FIRST = ("image", "quality", "bpp")
_NUMBER = re.compile(r"[+-]?(inf|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)")
# Columns of files that `bench compare` and `bench export csv` write, which are no figures of a curve.
BESIDE = (
    "dataset", "codec", "images", "encode_s", "decode_s", "encode_memory", "decode_memory",
    "encode_gpu_memory", "decode_gpu_memory", "codec_version", "bytes", "width", "height", "image_sha256",
)  # fmt: skip


def load(path: Path, label: str, images: int = 0, codec: str | None = None) -> Curve:
    """The curve in a file: with cells where rows name images, else of points only.

    Args:
        label: the curve's name, its `codec`.
        images: that rows of means are over; 0 where that isn't known.
        codec: whose lines to take, in a file with a column `codec` such as the points.csv of
            `bench compare`; None: the only one.

    Raises:
        BenchError: no such file, or what is wrong with it and in which line.
    """
    rows = list(_rows(path, codec))
    if not rows:
        raise BenchError(f"{path} has no rows: give one for each point under the header")
    _refuse_mixture(path, rows)
    if rows[0].image:
        _refuse_twice(path, rows)
        return curve(label, (MeasuredCell(r.image, r.image, _known(path, r), r.bpp, r.values) for r in rows))
    rows.sort(key=lambda row: row.bpp)
    if all(row.quality is None for row in rows):
        rows = [
            _Row(row.line, row.image, number, row.bpp, row.values) for number, row in enumerate(rows, start=1)
        ]
    _refuse_twice(path, rows)
    return Curve(label, tuple(_point(row, _known(path, row), images) for row in rows))


def save(whole: Curve, path: Path) -> None:
    """Write a curve as `load` reads it: its cells if it has any, else its points.

    Times, memory and the SHA-256 of images have no column.

    Raises:
        BenchError: the file can't be written.
    """
    rows = [(cell.name, cell.quality, cell.bpp, cell.values) for cell in whole.cells] or [
        ("", point.quality, point.bpp, point.values) for point in whole.points
    ]
    seen = {name for *_, values in rows for name, value in values.items() if value is not None}
    names = [*metrics.DEFAULT, *sorted(seen.difference(metrics.DEFAULT))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_FIRST, *names])
    for image, quality, bpp, values in rows:
        writer.writerow([image, *map(_text, (quality, bpp, *map(values.get, names)))])
    try:
        write_whole(path, text.getvalue())
    except OSError as error:
        raise BenchError(f"can't write {path} ({error.strerror}); give another place") from error


@dataclass(frozen=True)
class _Row:
    line: int
    image: str
    quality: float | None
    bpp: float
    values: dict[str, float | None]


def _rows(path: Path, codec: str | None) -> Iterator[_Row]:
    text = _text_of(path)
    lines = [] if others_tables.is_json(text) else list(_lines(path, text))
    table = others_tables.read(path, text, lines) or _own_table(path, lines)
    names = table.metrics
    for line, row in _of_codec(path, table.records, codec):
        where = f"{path}, {table.unit} {line}"
        bpp = _number(row["bpp"], "bpp", where)
        if bpp is None or not 0 < bpp < math.inf:
            raise BenchError(f"{where}: bpp is '{row['bpp']}', and must be a number above 0")
        quality = _number(row["quality"], "quality", where)
        if quality is not None and math.isinf(quality):
            raise BenchError(f"{where}: quality is '{row['quality']}', and must be a finite number")
        values = {name: _number(row[name], name, where) for name in names}
        if all(value is None for value in values.values()):
            raise BenchError(f"{where} has no quality of the picture: fill in one of {', '.join(names)}")
        _refuse_decibels(values.get("ms_ssim"), where)
        yield _Row(line, row["image"], quality, bpp, values)


def _own_table(path: Path, lines: Sequence[tuple[int, list[str]]]) -> Table:
    if not lines:
        raise BenchError(f"{path} is empty: its first line is image,quality,bpp,psnr,ms_ssim")
    header = [name.lower() for name in lines[0][1]]
    names = _metrics(path, header)
    records = []
    for line, texts in lines[1:]:
        if len(texts) != len(header):
            raise BenchError(
                f"{path}, line {line} has {len(texts)} values where the header names {len(header)}"
            )
        records.append((line, {"image": ""} | dict(zip(header, texts, strict=True))))
    return Table(tuple(names), tuple(records))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except OSError as error:
        raise BenchError(f"can't read {path} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BenchError(f"{path} is no text in UTF-8: save it as CSV in UTF-8") from error


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and values of each line that isn't empty or a comment."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if line.strip(" \t,;") and not line.startswith("#"):
            try:
                values = next(csv.reader([line]))
            except csv.Error as error:  # a value beyond Python's bound
                raise BenchError(f"{path}, line {number} is no CSV ({error})") from error
            yield number, [value.strip() for value in values]


def _metrics(path: Path, header: list[str]) -> list[str]:
    """The metrics among the columns, which must be those that a file has."""
    known = metrics.names()
    # bench's own points.csv has means only, and no column for images.
    first = _FIRST[1:] if "codec" in header else _FIRST
    if missing := [name for name in first if name not in header]:
        raise BenchError(
            f"{path} lacks the column {', '.join(missing)}: its header, parted by commas, is "
            "image,quality,bpp and metrics, such as psnr,ms_ssim"
        )
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise BenchError(f"{path} names the column {', '.join(twice)} twice")
    beside = (*BESIDE, *(f"{name}_curve" for name in known)) if "codec" in header else ()
    names = [name for name in header if name not in (*_FIRST, *beside)]
    if unknown := [name for name in names if name not in known]:
        raise BenchError(
            f"{path} has columns that are no metric: {', '.join(unknown)}; there are {', '.join(known)}"
        )
    if not names:
        raise BenchError(f"{path} has no column for a metric: add psnr or ms_ssim")
    return names


def _of_codec(
    path: Path, records: Sequence[tuple[int, Mapping[str, str]]], codec: str | None
) -> Sequence[tuple[int, Mapping[str, str]]]:
    """The lines of one codec: the one that is asked for, or the only one."""
    codecs = list(dict.fromkeys(row["codec"] for _, row in records if "codec" in row))
    if codec is None and len(codecs) < 2:
        return records
    if codec not in codecs:
        there = f"it has {', '.join(codecs)}" if codecs else "it has no column `codec`"
        wanted = "say which of several curves to take" if codec is None else f"no curve of '{codec}'"
        example = f"; write file:{path}#{codecs[0]}" if codecs else ""
        raise BenchError(f"{path}: {wanted}, {there}{example}")
    return [(line, row) for line, row in records if row["codec"] == codec]


def _number(text: str, column: str, where: str) -> float | None:
    if not text:
        return None
    # float() takes more, such as 1_0.5 for 10.5.
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if math.isnan(value):
        raise BenchError(f"{where}: {column} is '{text}', which is no number")
    return value


def _refuse_decibels(ms_ssim: float | None, where: str) -> None:
    if ms_ssim is not None and not 0 <= ms_ssim <= 1:
        raise BenchError(
            f"{where}: ms_ssim is {ms_ssim:g}, and must lie in 0..1; if that is in dB, give 1 - 10^(-dB/10)"
        )


def _refuse_mixture(path: Path, rows: list[_Row]) -> None:
    """A file is of single images or of means, and means have qualities or don't."""
    for row in rows:
        if bool(row.image) != bool(rows[0].image):
            raise BenchError(
                f"{path}, line {row.line}: some rows name an image and others don't; "
                "put single images and means into two files"
            )


def _refuse_twice(path: Path, rows: list[_Row]) -> None:
    seen: dict[tuple[str, float | None], int] = {}
    for row in rows:
        if row.quality is None:
            continue
        first = seen.setdefault((row.image, row.quality), row.line)
        if first != row.line:
            image = f"{row.image} at " if row.image else ""
            one, two = sorted((first, row.line))
            raise BenchError(f"{path}, line {two}: {image}quality {row.quality:g} is in line {one} already")


def _known(path: Path, row: _Row) -> float:
    if row.quality is None:
        raise BenchError(
            f"{path}, line {row.line} has no quality: only rows of means may lack it, and then all of them"
        )
    return row.quality


def _point(row: _Row, quality: float, images: int) -> Point:
    values = {name: value for name, value in row.values.items() if value is not None}
    db = {name: metrics.get(name).in_db(value) for name, value in values.items()}
    return Point(quality, row.bpp, values, db, images)


def _text(value: float | None) -> str:
    """The fewest digits that read back as the same number."""
    if value is None:
        return ""
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))
