"""Curves in the JSON of CompressAI (https://github.com/InterDigitalInc/CompressAI): means over a dataset.

`python -m compressai.utils.plot` draws such files, and its repository has many.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.compare.curves import Curve, curve, whole_curves
from bench.compare.others_tables import COMPRESSAI
from bench.compare.sources import Source, find, labels, name_of_curve
from bench.core.errors import BenchError
from bench.core.files import file_name_of
from bench.core.whole_file import write_whole
from bench.report.grid import writing
from bench.results import stores_of
from bench.results.names import name_of_dataset


def export_compressai(
    names: Sequence[str],
    dataset: str,
    results: Path,
    out: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Write a file for each curve; returns their paths.

    Means are those of CompressAI: of bpp, of PSNR in dB, of MS-SSIM itself (not in dB), of seconds.

    Args:
        names: as `bench compare` takes them: measured codecs, "published:NAME", "file:PATH".
        dataset: a name, or a folder of images as `bench run` takes it.
        results: folder of results.
        out: folder to write to; by default ``compressai/<dataset>`` in the folder of results.
        say: gets a line for each thing that is left out.

    Raises:
        BenchError: there is no such curve, or the folder can't be written to.
    """
    stores = stores_of(results)
    dataset = name_of_dataset(dataset, stores[0])
    names = [name_of_curve(name, stores, dataset) for name in names]
    folder = out or results / "compressai" / file_name_of(dataset)
    contents = {}
    for name, label in zip(names, labels(names), strict=True):
        source = find(name, dataset, stores, label)
        contents[file_name_of(label) + ".json"] = _content(source, label, dataset, say)
    with writing(folder):
        for file, content in contents.items():
            text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
            write_whole(folder / file, text + "\n")
    return [folder / file for file in contents]


def _content(source: Source, label: str, dataset: str, say: Callable[[str], None]) -> dict[str, Any]:
    whole = _whole(source.curve, say)
    points = [point for point in whole.points if all(map(math.isfinite, point.values.values()))]
    if left := len(whole.points) - len(points):
        say(f"{label}: {left} of {len(whole.points)} points are left out, as a metric is infinite there")
    if not points:
        raise BenchError(f"{label} has no point on {dataset} whose metrics are all finite")
    shared = set.intersection(*(set(point.values) for point in points))
    results: dict[str, list[float]] = {
        COMPRESSAI.get(name, name): [point.values[name] for point in points] for name in sorted(shared)
    }
    results["bpp"] = [point.bpp for point in points]
    for key, seconds in (
        ("encoding_time", [point.encode_s for point in points]),
        ("decoding_time", [point.decode_s for point in points]),
    ):
        if None not in seconds:
            results[key] = [value for value in seconds if value is not None]
    version = f"{source.version}; " if source.version else ""
    images = f"{points[0].images} images of " if points[0].images else ""
    return {
        "name": label,
        "description": f"{version}means over {images}{dataset}, measured by codec-bench"
        if source.rows
        else f"means over {images}{dataset}",
        "results": results,
    }


def _whole(full: Curve, say: Callable[[str], None]) -> Curve:
    """The curve over the images that have all its qualities, so that all points are over the same."""
    if not full.cells:
        return full
    images, qualities = whole_curves(cell.place for cell in full.cells)
    if not images:
        raise BenchError(f"no image has all qualities of {full.codec}; measure those that are missing")
    cells = [cell for cell in full.cells if cell.image in images and cell.quality in qualities]
    if left := len(full.cells) - len(cells):
        say(f"{full.codec}: {left} of {len(full.cells)} cells are left out: their images lack some qualities")
    return curve(full.codec, cells, full.average, full.members)
