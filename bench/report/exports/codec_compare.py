"""Results in the format of other people's pages: Google's codec-compare.

codec-compare (https://github.com/webmproject/codec-compare) reads a batch for each codec, a JSON file with a
line for each image and quality, and a list of batches. Its README describes the format; fields that its page
knows by name are spelled as there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.compare.published import PREFIX as PUBLISHED
from bench.compare.sources import FILE
from bench.core.errors import BenchError
from bench.core.files import file_name_of
from bench.core.whole_file import write_whole
from bench.metrics import get as get_metric
from bench.report.grid import writing
from bench.report.labels import with_unit
from bench.results import Contents, Row, Store, stores_of
from bench.results.names import name_of_codec, name_of_dataset

LIST = "batches.json"

_CONSTANTS = {
    "name": "Name of this batch",
    "codec": "Name of the codec used to generate this data",
    "version": "Version of the codec used to generate this data",
    "time": "Date on which this data was measured",
    "source_data_set": "The data set of the original images",
}
_COMMANDS = {
    "encode": ("encoding_cmd", "The command used to encode the original image"),
    "decode": ("decoding_cmd", "The command used to decode the encoded image"),
}
_FIELDS: dict[str, tuple[str, Callable[[Row], Any]]] = {
    "original_name": ("Original image file name", lambda row: row.image),
    "width": ("Pixel columns in the original image", lambda row: row.width),
    "height": ("Pixel rows in the original image", lambda row: row.height),
    "quality": ("Compression quality parameter", lambda row: row.quality),
    "encoded_size": ("Size of the bitstream in bytes", lambda row: row.bytes),
}
_TIMES: dict[str, tuple[str, Callable[[Row], Any]]] = {
    "encoding_time": ("Encoding duration in seconds", lambda row: row.encode_s),
    "decoding_time": ("Decoding duration in seconds", lambda row: row.decode_s),
}
_METRICS = {"ms_ssim": "msssim"}  # names that differ from ours


def export_codec_compare(
    names: Sequence[str],
    dataset: str,
    results: Path,
    out: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Write a batch for each codec and the list of batches; returns their paths, the list last.

    Args:
        names: measured codecs; those without results in the folder are looked for among the committed ones.
        dataset: a name, or a folder of images as `bench run` takes it.
        results: folder of results.
        out: folder to write to; by default ``codec-compare/<dataset>`` in the folder of results.
        say: gets a line for each thing that the format can't hold.

    Raises:
        BenchError: a codec has no results, or the folder can't be written to.
    """
    stores = stores_of(results)
    name = name_of_dataset(dataset, stores[0])
    folder = out or results / "codec-compare" / file_name_of(name)
    batches = {file_name_of(codec) + ".json": _batch(codec, name, stores, say) for codec in names}
    with writing(folder):
        for file, batch in batches.items():
            write_whole(folder / file, _json(batch))
        paths = [[quote(file)] for file in batches]  # that its page fetches
        write_whole(folder / LIST, f"[\n{_lines(paths)}\n]\n")
    return [*(folder / file for file in batches), folder / LIST]


def measured(spec: str, dataset: str, stores: Sequence[Store]) -> tuple[str, Contents]:
    """The name and the results of a measured codec.

    Raises:
        BenchError: it has none.
    """
    if spec.startswith((FILE, PUBLISHED)):
        raise BenchError(f"this format takes results of single images, which '{spec}' hasn't; leave it out")
    codec = name_of_codec(spec, stores, dataset)
    for store in stores:
        contents = store.load(dataset, codec)
        if contents.rows:
            return codec, contents
    raise BenchError(
        f"no results of '{codec}' on {dataset} in {stores[0].folder}; "
        f"measure it with: bench run --codec {codec} --dataset {dataset}"
    )


def _batch(
    spec: str, dataset: str, stores: Sequence[Store], say: Callable[[str], None]
) -> dict[str, list[Any]]:
    codec, contents = measured(spec, dataset, stores)
    rows = list(contents.rows.values())
    metrics = sorted({name for row in rows for name, value in row.metrics.items() if _is_finite(value)})
    complete = [row for row in rows if all(_is_finite(row.metrics.get(name)) for name in metrics)]
    if len(complete) < len(rows):
        say(
            f"{codec}: {len(rows) - len(complete)} of {len(rows)} cells are left out, for a metric that is "
            "infinite or not known: codec-compare takes numbers only"
        )
    fields = dict(_FIELDS)
    if all(row.alone for row in complete):
        fields |= _TIMES
    else:
        say(f"{codec}: times are left out, as some were taken while other work went on")
    values = [
        [value(row) for _, value in fields.values()] + [_in_db(row, name) for name in metrics]
        for row in complete
    ]
    constants, constant_values = _constants(codec, dataset, contents)
    return {
        "constant_descriptions": constants,
        "constant_values": constant_values,
        "field_descriptions": [
            *({name: text} for name, (text, _) in fields.items()),
            *({_METRICS.get(name, name): _about(name)} for name in metrics),
        ],
        "field_values": values,
    }


def _constants(codec: str, dataset: str, contents: Contents) -> tuple[list[dict[str, str]], list[str]]:
    setups = contents.used_setups
    descriptions = [{name: text} for name, text in _CONSTANTS.items()]
    values = [codec, codec, contents.version or "", setups[-1].date if setups else "", dataset]
    commands = setups[-1].details.get("commands", {}) if setups else {}
    for side, (name, text) in _COMMANDS.items():
        if side in commands:
            descriptions.append({name: text})
            values.append(re.sub(r"\{(\w+)\}", r"${\1}", commands[side]))  # as its page fills in fields
    return descriptions, values


def _about(metric: str) -> str:
    plugin = get_metric(metric)
    return f"Distortion metric {with_unit(plugin)}, as codec-bench measures it ({plugin.library})"


def _in_db(row: Row, metric: str) -> float:
    """A metric on the scale of curves: codec-compare shows distortion metrics in dB."""
    value = row.metrics[metric]
    assert value is not None
    return get_metric(metric).in_db(value)


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _json(batch: dict[str, list[Any]]) -> str:
    """A batch with a line for each entry of its lists."""
    parts = [f'"{key}": [\n{_lines(entries)}\n]' for key, entries in batch.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(entries: Sequence[Any]) -> str:
    return ",\n".join(json.dumps(entry, allow_nan=False, ensure_ascii=False) for entry in entries)
