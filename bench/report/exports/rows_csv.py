"""Results as a CSV for spreadsheets and other programs: a line for each image and quality.

`bench compare file:PATH#CODEC` reads it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.core.errors import BenchError
from bench.core.files import file_name_of
from bench.core.whole_file import writing_whole
from bench.core.words import number_text
from bench.metrics import DEFAULT
from bench.report.exports.codec_compare import measured
from bench.report.grid import writing
from bench.results import Row, stores_of
from bench.results.names import name_of_dataset

FILE = "results.csv"

_FIRST: dict[str, Callable[[Row], Any]] = {
    "dataset": lambda row: row.dataset,
    "codec": lambda row: row.codec,
    "codec_version": lambda row: row.codec_version,
    "image": lambda row: row.image,
    "quality": lambda row: row.quality,
    "width": lambda row: row.width,
    "height": lambda row: row.height,
    "bytes": lambda row: row.bytes,
    "bpp": lambda row: row.bpp,
}
_LAST: dict[str, Callable[[Row], Any]] = {
    "encode_s": lambda row: row.encode_s if row.alone else None,
    "decode_s": lambda row: row.decode_s if row.alone else None,
    "encode_memory": lambda row: row.encode_memory,
    "decode_memory": lambda row: row.decode_memory,
    "encode_gpu_memory": lambda row: row.encode_gpu_memory,
    "decode_gpu_memory": lambda row: row.decode_gpu_memory,
    "image_sha256": lambda row: row.image_sha256,
}


def export_csv(names: Sequence[str], dataset: str, results: Path, out: Path | None = None) -> list[Path]:
    """Write one table of all codecs; returns its path.

    Columns: dataset, codec, codec_version, image, quality, width, height, bytes, bpp, a column for each
    metric, encode_s and decode_s (seconds; empty where other work went on), encode_memory and decode_memory
    (bytes at the peak), encode_gpu_memory and decode_gpu_memory (the same of a GPU; empty where the codec
    used none), image_sha256.

    Args:
        names: measured codecs; those without results in the folder are looked for among the committed ones.
        dataset: a name, or a folder of images as `bench run` takes it.
        results: folder of results.
        out: folder to write to; by default ``csv/<dataset>`` in the folder of results.

    Raises:
        BenchError: a codec has no results or is there twice, or the folder can't be written to.
    """
    stores = stores_of(results)
    name = name_of_dataset(dataset, stores[0])
    rows: list[Row] = []
    for spec in names:
        codec, contents = measured(spec, name, stores)
        if any(row.codec == codec for row in rows):
            raise BenchError(f"{codec} is named twice; name each codec once")
        rows += contents.rows.values()
    seen = {metric for row in rows for metric in row.metrics}
    metrics = [*(metric for metric in DEFAULT if metric in seen), *sorted(seen.difference(DEFAULT))]
    folder = out or results / "csv" / file_name_of(name)
    with (
        writing(folder),
        writing_whole(folder / FILE) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*_FIRST, *metrics, *_LAST])
        for row in rows:
            first, last = ([value(row) for value in part.values()] for part in (_FIRST, _LAST))
            writer.writerow(map(_text, [*first, *(row.metrics.get(metric) for metric in metrics), *last]))
    return [folder / FILE]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return number_text(value) if isinstance(value, float) else str(value)
