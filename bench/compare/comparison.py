"""Codecs against an anchor on one dataset: the same images for all, Bjontegaard deltas for each metric."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.compare.bd import METHODS
from bench.compare.costs import Cost, cost_of
from bench.compare.curves import Curve, curve, whole_curves
from bench.compare.deltas import Delta, delta_of, metrics_of
from bench.compare.fixed import View, at_fixed_quality, at_fixed_rate, crossings, fall
from bench.compare.sources import (
    Source,
    find,
    labels,
    matched,
    refuse_different_images,
    remarks,
    shared_datasets,
)
from bench.core.errors import BenchError
from bench.metrics import AVERAGES, DEFAULT, USUAL
from bench.metrics import get as get_metric
from bench.results import COMMITTED, Store

REPLICATES = 1000  # of the bootstrap

_LOW_OVERLAP = 0.75


@dataclass(frozen=True)
class Comparison:
    anchor: str
    dataset: str
    images: int
    curves: tuple[Curve, ...]  # in the order asked for, the anchor last
    deltas: tuple[Delta, ...]
    views: tuple[View, ...]
    costs: tuple[Cost, ...]  # by curve
    warnings: tuple[str, ...]  # what may make a figure mislead
    notes: tuple[str, ...]  # what was done and taken
    method: str = "pchip"
    average: str = USUAL
    sampling: Mapping[str, str] = field(default_factory=dict)  # of chroma, by curve: "4:2:0"

    @property
    def metrics(self) -> list[str]:
        """Those of the deltas, each once."""
        return list(dict.fromkeys(delta.metric for delta in self.deltas))

    @property
    def folder_name(self) -> str:
        """All names in one that serves as a folder's: "ainn-published-vtm"."""
        return "-".join(re.sub(r"[^\w.+=]+", "-", curve.codec).strip("-.") for curve in self.curves)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON: infinity is "inf", what isn't known None; deltas are on curves' scale."""
        return {
            "anchor": self.anchor,
            "dataset": self.dataset,
            "images": self.images,
            "method": self.method,
            "average": self.average,
            "sampling": dict(self.sampling),
            "rows": self.rows(),
            "curves": [
                {
                    "codec": curve.codec,
                    "points": [_point_fields(point) for point in map(asdict, curve.points)],
                }
                for curve in self.curves
            ],
            "views": [asdict(view) for view in self.views],
            "costs": [asdict(cost) for cost in self.costs],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row per codec and metric."""
        return [{"dataset": self.dataset, **delta.to_dict()} for delta in self.deltas]


def compare(
    names: Sequence[str],
    dataset: str | None,
    folder: Path,
    *,
    method: str = "pchip",
    average: str = USUAL,
    metrics: Sequence[str] | None = None,
    replicates: int = REPLICATES,
) -> list[Comparison]:
    """Compare codecs with the last one named, on a dataset, or on each on which all have results.

    Args:
        names: codecs, `file:PATH` or `published:NAME`. Results of a codec are looked for under `folder`;
            those of one that has none there, among the committed ones.
        method: of `bench.compare.bd.METHODS`.
        average: of `bench.metrics.AVERAGES`.
        metrics: by default all that a codec and the anchor both have.
        replicates: of the bootstrap that gives 95 % intervals; 0 for none.

    Raises:
        BenchError: fewer than two codecs, an unknown option, results of different pictures, or nothing to
            compare.
    """
    if len(names) < 2:
        raise BenchError("compare takes two codecs or more, the anchor last: bench compare ainn jpeg")
    _refuse_unknown("method", method, METHODS)
    _refuse_unknown("average", average, AVERAGES)
    for metric in metrics or ():
        get_metric(metric)
    stores = [Store(folder)]
    if folder.resolve() != COMMITTED.resolve():
        stores.append(Store(COMMITTED))
    called = labels(names)
    comparisons = []
    for each in [dataset] if dataset else shared_datasets(names, stores):
        found = [find(name, each, stores, label, average) for name, label in zip(names, called, strict=True)]
        refuse_different_images(found)
        comparisons.append(_compare(matched(found), each, method, average, metrics, replicates))
    return comparisons


def _compare(
    sources: list[Source],
    dataset: str,
    method: str,
    average: str,
    metrics: Sequence[str] | None,
    replicates: int,
) -> Comparison:
    curves, images, notes = _on_shared_images([source.curve for source in sources], dataset)
    *tested, anchor = curves
    deltas = [
        delta_of(each, anchor, metric, method, replicates)
        for each in tested
        for metric in metrics or _shared_metrics(each, anchor)
    ]
    used = list(dict.fromkeys(delta.metric for delta in deltas))
    return Comparison(
        anchor=anchor.codec,
        dataset=dataset,
        images=images,
        curves=tuple(curves),
        deltas=tuple(deltas),
        views=tuple(view(curves, metric) for metric in used for view in (at_fixed_quality, at_fixed_rate)),
        costs=tuple(cost_of(each, source) for each, source in zip(curves, sources, strict=True)),
        warnings=tuple(_warnings(sources, curves, deltas)),
        notes=tuple(remarks(sources, dataset, images) + notes),
        method=method,
        average=average,
        sampling={source.curve.codec: chroma for source in sources if (chroma := source.sampling)},
    )


def _on_shared_images(curves: list[Curve], dataset: str) -> tuple[list[Curve], int, list[str]]:
    """The curves over those images that all of them have at all their qualities, how many these are, and
    what was left out. Curves without single images stay as they are."""
    whole = {each.codec: whole_curves(each.cells) for each in curves if each.cells}
    if not whole:
        return curves, max(point.images for each in curves for point in each.points), []
    shared = set.intersection(*(images for images, _ in whole.values()))
    if not shared:
        raise BenchError(
            f"no image of {dataset} has been measured with all of {', '.join(whole)}; "
            "run them on the same images, as with --images 4"
        )
    trimmed, notes = [], []
    for each in curves:
        if not each.cells:
            trimmed.append(each)
            continue
        images, qualities = whole[each.codec]
        cells = [cell for cell in each.cells if cell.image in shared and cell.quality in qualities]
        trimmed.append(curve(each.codec, cells, each.average))
        notes += _left_out(each, images, qualities, shared)
    return trimmed, len(shared), notes


def _left_out(whole: Curve, images: set[str], qualities: set[float], shared: set[str]) -> list[str]:
    notes = []
    if dropped := sorted({cell.quality for cell in whole.cells} - qualities):
        few = ", ".join(f"{quality:g}" for quality in dropped)
        notes.append(f"{whole.codec}: qualities measured on few images are left out ({few})")
    if images != shared:
        notes.append(
            f"{whole.codec}: {len(shared)} of {len(images)} images are used, those that all codecs have"
        )
    return notes


def _shared_metrics(tested: Curve, anchor: Curve) -> list[str]:
    mine, theirs = metrics_of(tested), metrics_of(anchor)
    if not (shared := mine & theirs):
        raise BenchError(
            f"{tested.codec} and {anchor.codec} have no metric in common: {', '.join(sorted(mine))} in one, "
            f"{', '.join(sorted(theirs))} in the other"
        )
    return [name for name in DEFAULT if name in shared] + sorted(shared.difference(DEFAULT))


def _warnings(sources: list[Source], curves: list[Curve], deltas: list[Delta]) -> list[str]:
    found = []
    for source in sources:
        if source.contents and (failures := list(source.contents.failures.values())):
            first = failures[0]
            cells = "1 cell" if len(failures) == 1 else f"{len(failures)} cells"
            found.append(
                f"{cells} of {source.curve.codec} failed, first: "
                f"{first.image} at {first.quality:g}: {first.reason}"
            )
    called = {each.codec: each for each in curves}
    for metric in dict.fromkeys(delta.metric for delta in deltas):
        scale = get_metric(metric)
        for each in curves:
            if rates := fall(each, metric):
                found.append(
                    f"{each.codec} isn't monotonic: its {scale.title} doesn't rise "
                    f"from {rates[0]:.4g} to {rates[1]:.4g} bpp"
                )
        for delta in (delta for delta in deltas if delta.metric == metric):
            found += _doubts(called[delta.codec], curves[-1], delta)
    return found


def _doubts(tested: Curve, anchor: Curve, delta: Delta) -> list[str]:
    """What a delta doesn't tell of the two curves."""
    scale = get_metric(delta.metric)
    found = []
    if delta.bd.reason is None and delta.bd.overlap < _LOW_OVERLAP:
        found.append(
            f"{tested.codec} and {anchor.codec} share only {100 * delta.bd.overlap:.0f} % of their "
            f"{scale.title}: the delta is about that part"
        )
    for crossing in crossings(tested, anchor, delta.metric):
        found.append(
            f"{tested.codec} and {anchor.codec} cross at {crossing.bpp:.3f} bpp, "
            f"{f'{crossing.quality:.2f} {scale.unit}'.strip()} of {scale.title}: below, "
            f"{crossing.cheaper_below} needs fewer bits, above, the other"
        )
    return found


def _point_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A point's fields without infinities."""
    return {
        name: _point_fields(value)
        if isinstance(value, Mapping)
        else "inf"
        if isinstance(value, float) and math.isinf(value)
        else value
        for name, value in fields.items()
    }


def _refuse_unknown(kind: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise BenchError(f"unknown {kind} '{given}': choose one of {', '.join(known)}")
