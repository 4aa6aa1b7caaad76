"""Codecs against an anchor on one dataset: the same images for all, Bjontegaard deltas for each metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bench.bd import BD, bjontegaard
from bench.curves import Curve, curve, whole_curves
from bench.errors import BenchError
from bench.metrics import METRICS
from bench.results import COMMITTED, Row, Store


@dataclass(frozen=True)
class Delta:
    """A codec against the anchor, for one metric."""

    codec: str
    metric: str
    bd: BD


@dataclass(frozen=True)
class Comparison:
    anchor: str
    dataset: str
    images: int
    curves: tuple[Curve, ...]  # in the order asked for, the anchor last
    deltas: tuple[Delta, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON; deltas of MS-SSIM are of its dB."""
        return {"anchor": self.anchor, "dataset": self.dataset, "images": self.images, "rows": self.rows()}

    def rows(self) -> list[dict[str, Any]]:
        """A row per codec and metric."""
        return [
            {
                "dataset": self.dataset,
                "codec": delta.codec,
                "metric": delta.metric,
                "bd_rate": delta.bd.bd_rate,
                "bd_metric": delta.bd.bd_metric,
                "overlap": delta.bd.overlap,
                "points": list(delta.bd.points),
                "reason": delta.bd.reason,
            }
            for delta in self.deltas
        ]


def compare(names: Sequence[str], dataset: str | None, folder: Path) -> list[Comparison]:
    """Compare codecs with the last one named, on a dataset, or on each on which all have results.

    Results are looked for under `folder`; those of a codec that has none there, among the committed ones.

    Raises:
        BenchError: fewer than two codecs, or no results to compare.
    """
    if len(names) < 2:
        raise BenchError("compare takes two codecs or more, the anchor last: bench compare ainn jpeg")
    if len(set(names)) < len(names):
        raise BenchError(f"a codec is named twice among {', '.join(names)}; name each once")
    stores = [Store(folder)]
    if folder.resolve() != COMMITTED.resolve():
        stores.append(Store(COMMITTED))
    if dataset is not None:
        return [_compare(names, dataset, stores)]
    each = [{found for store in stores for found in store.datasets(name)} for name in names]
    shared = sorted(set.intersection(*each))
    if not shared:
        lacking = [name for name, found in zip(names, each, strict=True) if not found]
        if lacking:
            raise BenchError(_no_results(lacking[0], None, stores))
        raise BenchError(
            "there is no dataset on which all of these have results: "
            + "; ".join(
                f"{name} on {', '.join(sorted(found))}" for name, found in zip(names, each, strict=True)
            )
        )
    return [_compare(names, found, stores) for found in shared]


def _compare(names: Sequence[str], dataset: str, stores: list[Store]) -> Comparison:
    found, notes = {}, []
    for name in names:
        for store in stores:
            if rows := store.rows(dataset, name):
                break
        else:
            raise BenchError(_no_results(name, dataset, stores))
        if store is not stores[0]:
            notes.append(f"results of {name} are the committed ones")
        found[name] = rows
    shared = set.intersection(*(whole_curves(rows)[0] for rows in found.values()))
    if not shared:
        raise BenchError(
            f"no image of {dataset} has been measured with all of {', '.join(names)}; "
            "run them on the same images, as with --images 4"
        )
    curves = []
    for name, rows in found.items():
        images, qualities = whole_curves(rows)
        curves.append(curve(name, [r for r in rows if r.image_sha256 in shared and r.quality in qualities]))
        notes += _left_out(name, rows, images, qualities, shared)
    deltas = [
        Delta(each.codec, metric, _delta(each, curves[-1], metric))
        for each in curves[:-1]
        for metric in METRICS
    ]
    return Comparison(names[-1], dataset, len(shared), tuple(curves), tuple(deltas), tuple(notes))


def _delta(tested: Curve, anchor: Curve, metric: str) -> BD:
    for each in (tested, anchor):
        if any(point.in_db(metric) is None for point in each.points):
            counts = (len(tested.axes(metric)[0]), len(anchor.axes(metric)[0]))
            return BD(
                None, None, 0.0, counts, f"{each.codec} has images too small for {METRICS[metric].title}"
            )
    return bjontegaard(*tested.axes(metric), *anchor.axes(metric), names=(tested.codec, anchor.codec))


def _left_out(
    name: str, rows: list[Row], images: set[str], qualities: set[float], shared: set[str]
) -> list[str]:
    notes = []
    if dropped := sorted({row.quality for row in rows} - qualities):
        few = ", ".join(f"{quality:g}" for quality in dropped)
        notes.append(f"{name}: qualities measured on few images are left out ({few})")
    if images != shared:
        notes.append(f"{name}: {len(shared)} of {len(images)} images are used, those that all codecs have")
    return notes


def _no_results(name: str, dataset: str | None, stores: list[Store]) -> str:
    codecs = {codec for store in stores for codec in store.codecs()}
    datasets = {found for store in stores for found in store.datasets(name)}
    if name in codecs:
        close = get_close_matches(dataset or "", datasets, n=1)
    else:
        close = get_close_matches(name, codecs, n=1)
    way_out = (
        f"did you mean '{close[0]}'?"
        if close
        else f"measure it with: bench run --codec {name} --dataset {dataset or 'kodak'}"
    )
    return f"no results of '{name}'{f' on {dataset}' if dataset else ''} in {stores[0].folder}; {way_out}"
