"""Results on disk: a line of JSON per measured cell (image, quality), appended as it is measured.

``DIR/<dataset>/<codec>.jsonl``. A cell is told by what changes its figures: the image's bytes, the
codec's version and the quality. A newer line for the same cell takes the place of an older one, and a
line that a kill cut off half way is passed over.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bench.errors import BenchError

SCHEMA = 1
COMMITTED = (
    Path(__file__).resolve().parent.parent / "results"
)  # of a checkout; absent in an installed package


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
    psnr: float  # dB, RGB; inf for a lossless picture
    ms_ssim: float | None  # 0 to 1, RGB; None for a picture too small
    encode_s: float
    decode_s: float
    environment: str  # versions and device that it was measured with
    note: str = ""

    @property
    def cell(self) -> tuple[str, str, str, float]:
        """What a result is asked for by: measuring the same cell again would give the same figures."""
        return self.image_sha256, self.codec, self.codec_version, self.quality


class Store:
    """The results under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, row: Row) -> None:
        """Add a row, on disk when this returns.

        Raises:
            BenchError: the folder can't be written to.
        """
        path = self.path(row.dataset, row.codec)
        values = {"schema": SCHEMA} | asdict(row)
        if math.isinf(row.psnr):
            values["psnr"] = "inf"  # JSON has no infinity
        line = json.dumps(values, allow_nan=False) + "\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab+") as file:
                if _ends_torn(file):  # don't glue this row to half a row
                    line = "\n" + line
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BenchError(
                f"can't write results to {path} ({error.strerror}); give another --results"
            ) from error

    def rows(self, dataset: str, codec: str, version: str | None = None) -> list[Row]:
        """Rows of one version of a codec, the newest of each cell, in the order of image and quality.

        Args:
            version: of the codec; by default the one that was measured last. Versions are never mixed.

        Raises:
            BenchError: written by another codec-bench.
        """
        path = self.path(dataset, codec)
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = [row for line in lines if (row := _parse(line, path))]
        if version is None and rows:
            version = rows[-1].codec_version
        newest = {row.cell: row for row in rows if row.codec_version == version}
        return sorted(newest.values(), key=lambda row: (row.image, row.quality))

    def datasets(self, codec: str) -> list[str]:
        """Names of the datasets on which a codec has a file of results."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{codec}.jsonl"))

    def codecs(self) -> list[str]:
        return sorted({path.stem for path in self.folder.glob("*/*.jsonl")})

    def path(self, dataset: str, codec: str) -> Path:
        return self.folder / dataset / f"{codec}.jsonl"


def _ends_torn(file: Any) -> bool:
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) != b"\n")


def _parse(line: str, path: Path) -> Row | None:
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
    if values.keys() != {field.name for field in fields(Row)}:
        return None
    return Row(**values | {"psnr": float(values["psnr"])})
