"""Curves that others published, by name: what `published:NAME` stands for.

`published_data/index.yaml` says where each comes from and what its traps are. Figures are those of the
source, on the dataset of that name; a curve whose images aren't known for certain isn't here.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from bench.compare import curve_csv
from bench.compare.curves import Curve
from bench.core import yaml_file
from bench.core.errors import BenchError

PREFIX = "published:"

_FOLDER = Path(__file__).parent / "published_data"


def names() -> list[str]:
    """Names of all published curves, without the prefix."""
    return sorted(_index()["curves"])


def facts(name: str) -> Mapping[str, Any]:
    """What `index.yaml` says of a curve: title, version, source; empty for a name that isn't known."""
    entry: Mapping[str, Any] = _index()["curves"].get(name, {})
    return entry


def describe() -> list[dict[str, object]]:
    """What `bench list published` prints, a line for each name and dataset: plain types, None: not known.

    Keys: name, dataset, split, images, points (their number), metrics (names, joined), version (of the
    encoder or model), title, source (where the figures come from), note (how to take them).
    """
    index = _index()
    return [_line(index, name, dataset) for name in names() for dataset in index["curves"][name]["files"]]


def load(name: str, dataset: str) -> Curve:
    """The curve of that name on a dataset. Its `codec` is published:NAME; it has no cells.

    >>> curve = load("vtm", "kodak")
    >>> curve.codec, len(curve.points), curve.points[0].images
    ('published:vtm', 36, 24)

    Raises:
        BenchError: no such curve, or not on that dataset.
    """
    index = _index()
    if name not in index["curves"]:
        close = get_close_matches(name, names(), n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise BenchError(f"no published curve '{name}'; {hint}`bench list published` shows all")
    datasets = index["curves"][name]["files"]
    if dataset not in datasets:
        raise BenchError(f"published curve '{name}' isn't on {dataset}, only on {', '.join(datasets)}")
    images = index["datasets"][dataset]["images"]
    return curve_csv.load(_FOLDER / dataset / f"{name}.csv", PREFIX + name, images)


@cache
def _index() -> dict[str, Any]:
    path = _FOLDER / "index.yaml"
    try:
        index: dict[str, Any] = yaml_file.read(path)
    except OSError as error:
        raise BenchError(
            f"can't read the published curves in {path} ({error.strerror}); install codec-bench again"
        ) from error
    return index


def _line(index: dict[str, Any], name: str, dataset: str) -> dict[str, object]:
    entry, images = index["curves"][name], index["datasets"][dataset]
    curve = load(name, dataset)
    return {
        "name": name,
        "dataset": dataset,
        "split": images["split"],
        "images": images["images"],
        "points": len(curve.points),
        "metrics": ", ".join(curve.points[0].values),
        "version": entry.get("version"),
        "title": entry["title"],
        "source": _source(index, entry, dataset),
        "note": entry.get("note", ""),
    }


def _source(index: dict[str, Any], entry: dict[str, Any], dataset: str) -> str:
    """Repository, commit and file (or the issue), and the paper."""
    source = index["sources"][entry["source"]]
    commit = f" at {source['commit'][:12]}" if source["commit"] else ""
    paper = f"; {entry['paper']}" if "paper" in entry else ""
    return f"{source['at']}{commit}, {entry['files'][dataset]}{paper}"
