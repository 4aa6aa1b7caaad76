"""Files of results as others write them, as tables with the columns of bench's own CSV.

| file | from | holds |
| --- | --- | --- |
| JSON | CompressAI: `python -m compressai.utils.bench`, `.eval_model` | means over a dataset |
| CSV | AOM's common test conditions: its convex-hull framework, AreWeCompressedYet | a line per clip and QP |
| CSV, or tabs | JPEG AI's quality framework and reference software | a line per image and rate |

Only figures that are the same as a metric of bench are taken: MS-SSIM of luma is not that of RGB.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import metrics
from bench.core.errors import BenchError

COMPRESSAI = {"psnr": "psnr-rgb", "ms_ssim": "ms-ssim-rgb"}  # its names, by ours
_COMPRESSAI_OLD = {"psnr": "psnr", "ms_ssim": "ms-ssim"}

# libvmaf's CIEDE2000 is in dB. Its PSNR-HVS also counts chroma, its SSIM and MS-SSIM are of luma.
_AOM = {
    "PSNR_Y": "psnr_y", "PSNR_U": "psnr_cb", "PSNR_V": "psnr_cr", "VMAF_Y": "vmaf",
    "VMAF_Y-NEG": "vmaf_neg", "CIEDE2000": "ciede2000_db",
}  # fmt: skip
_AOM_NEEDS = ("CodecName", "Name", "OrigRes", "FPS", "QP", "Bitrate(kbps)")

# In the order of a file without a header. MS-SSIM is of luma, by two packages.
_JPEG_AI = {
    "msssimtorch": None, "msssimiqa": None, "psnry": "psnr_y", "psnru": "psnr_cb", "psnrv": "psnr_cr",
    "vif": "vif", "fsim": "fsim", "nlpd": "nlpd", "iwssim": "iw_ssim", "vmaf": "vmaf", "psnrhvs": "psnr_hvs",
}  # fmt: skip
_JPEG_AI_HEADERS = {"msssimpytorch": "msssimtorch"}  # other spellings
# <Codec>_<Name>_<Width>x<Height>_<bit>bit_<Format>_<QP>.png, as its test conditions have it.
_JPEG_AI_NAME = re.compile(r"[^_]+_(?P<image>.+_\d+x\d+_\d+bit_[^_]+)_(?P<quality>\d+)(\.\w+)?")
_PSNR_OF_EQUAL = 100.0  # that JPEG AI's framework writes for infinity
_NO_FIGURE = -100.0


@dataclass(frozen=True)
class Table:
    """Points of a file.

    Args:
        metrics: that the file has.
        records: for each point its number and its texts: image, quality, bpp, codec (where several curves
            may be in one file), and one for each metric.
        unit: what points are counted in: "line", or "point" where the file has no lines of points.
    """

    metrics: tuple[str, ...]
    records: tuple[tuple[int, Mapping[str, str]], ...]
    unit: str = "line"


def read(path: Path, text: str, rows: Sequence[tuple[int, Sequence[str]]]) -> Table | None:
    """The table of a file that others wrote; None: the file is none of theirs.

    Args:
        text: of the whole file.
        rows: number and values of each of its lines, read as CSV.

    Raises:
        BenchError: it is one of theirs, and something is wrong with it.
    """
    if is_json(text):
        return _compressai(path, text)
    if not rows:
        return None
    header = [value.strip() for value in rows[0][1]]
    if "Bitrate(kbps)" in header:
        return _aom(path, header, rows[1:])
    return _jpeg_ai(path, text)


def is_json(text: str) -> bool:
    """Whether a file is meant as JSON, not as a table."""
    return text.lstrip().startswith("{")


def _compressai(path: Path, text: str) -> Table:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BenchError(f"{path} is no JSON ({str(error).partition(':')[0]}); write it again") from None
    results = content.get("results", content)
    if not isinstance(results, dict) or "bpp" not in results:
        raise BenchError(f'{path} has no "bpp" in "results", as the JSON of CompressAI has')
    names = {name: COMPRESSAI.get(name, name) for name in metrics.names()}
    names |= {name: old for name, old in _COMPRESSAI_OLD.items() if names[name] not in results}
    names = {name: own for name, own in names.items() if own in results}
    if not names:
        raise BenchError(
            f"{path} has no metric that is known here: {', '.join(results)}; CompressAI's are "
            f"{', '.join(COMPRESSAI.values())}"
        )
    columns = {"bpp": _listed(results["bpp"])} | {name: _listed(results[own]) for name, own in names.items()}
    if len({len(values) for values in columns.values()}) > 1:
        counts = ", ".join(f"{len(values)} of {name}" for name, values in columns.items())
        raise BenchError(f"{path} has lists of unlike lengths: {counts}; each point has one of each")
    points = zip(*columns.values(), strict=True)
    empty = {"image": "", "quality": ""}
    records = [
        (number, empty | dict(zip(columns, map(_text, values), strict=True)))
        for number, values in enumerate(points, start=1)
    ]
    return Table(tuple(names), tuple(records), "point")


def _aom(path: Path, header: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]]) -> Table:
    if missing := [name for name in _AOM_NEEDS if name not in header]:
        raise BenchError(f"{path} lacks the column {', '.join(missing)}, which AOM's tables have")
    names = {column: name for column, name in _AOM.items() if column in header}
    records = []
    for line, values in rows:
        row = dict(zip(header, (value.strip() for value in values), strict=False))  # lines end in a comma
        where = f"{path}, line {line}"
        if len(values) < len(header) - 1:
            raise BenchError(f"{where} has {len(values)} values where the header names {len(header)}")
        size = re.fullmatch(r"(\d+)x(\d+)", row["OrigRes"])
        if size is None:
            raise BenchError(f"{where}: OrigRes is '{row['OrigRes']}', and must be like 1920x1080")
        kilobits, frames = (_positive(row[name], name, where) for name in ("Bitrate(kbps)", "FPS"))
        bpp = 1000 * kilobits / frames / max(1, int(size[1]) * int(size[2]))
        preset = row.get("EncodePreset", "")
        curve = {"image": row["Name"], "quality": row["QP"], "bpp": repr(bpp)}
        curve["codec"] = f"{row['CodecName']}:preset={preset}" if preset else row["CodecName"]
        records.append((line, curve | {name: row.get(column, "") for column, name in names.items()}))
    return Table(tuple(names.values()), tuple(records))


def _jpeg_ai(path: Path, text: str) -> Table | None:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    mark = "\t" if "\t" in lines[0][1] else ","
    rows = [(number, next(csv.reader([line], delimiter=mark))) for number, line in lines]
    header = [re.sub(r"[^a-z0-9]", "", value.lower()) for value in rows[0][1]]
    header = [_JPEG_AI_HEADERS.get(name, name) for name in header]
    if "bpp" in header and not {"msssimtorch", "msssimiqa"}.isdisjoint(header):
        places = {name: header.index(own) for own, name in _JPEG_AI.items() if name and own in header}
        rate, rows = header.index("bpp"), rows[1:]
    elif len(header) >= 2 + len(_JPEG_AI) and _JPEG_AI_NAME.fullmatch(rows[0][1][0].strip()):
        places = {name: 2 + place for place, name in enumerate(_JPEG_AI.values()) if name}
        rate = 1
    else:
        return None
    records = []
    for line, values in rows:
        where = f"{path}, line {line}"
        if len(values) <= max(places.values(), default=0):
            raise BenchError(f"{where} has only {len(values)} values; JPEG AI has {len(_JPEG_AI)} metrics")
        named = _JPEG_AI_NAME.fullmatch(values[0].strip())
        if named is None:
            raise BenchError(
                f"{where}: '{values[0]}' is no name of JPEG AI's test conditions, such as "
                "VM_00001_TE_2096x1400_8bit_sRGB_025.png"
            )
        record = {"image": named["image"], "quality": named["quality"], "bpp": values[rate].strip()}
        record |= {name: _figure(name, values[place].strip()) for name, place in places.items()}
        records.append((line, record))
    return Table(tuple(places), tuple(records))


def _figure(metric: str, text: str) -> str:
    """A figure of JPEG AI's framework, which has numbers for what is infinite or not known."""
    try:
        value = float(text)
    except ValueError:
        return text
    if value == _NO_FIGURE:
        return ""
    return "inf" if metric.startswith("psnr") and value == _PSNR_OF_EQUAL else text


def _listed(values: object) -> Sequence[object]:
    return values if isinstance(values, list) else [values]


def _text(value: object) -> str:
    if value is None:
        return ""
    return repr(value) if isinstance(value, float) else str(value)


def _positive(text: str, column: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise BenchError(f"{where}: {column} is '{text}', and must be a number above 0")
    return value
