"""Codecs against an anchor on one dataset: the same images for all, Bjontegaard deltas for each metric."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.compare import remarks
from bench.compare.bd import METHODS
from bench.compare.costs import Cost, cost_of
from bench.compare.curves import Curve, curve, whole_curves
from bench.compare.deltas import Delta, delta_of, metrics_of
from bench.compare.fixed import View, at_fixed_quality, at_fixed_rate
from bench.compare.means import MeanDelta, mean_of
from bench.compare.part import Range, part_by
from bench.compare.savings import Saving, savings
from bench.compare.sources import Source, gather, name_of_curve, shared_datasets
from bench.core.collector import collector_at_rest
from bench.core.errors import BenchError
from bench.metrics import AVERAGES, DEFAULT, SETS, USUAL, expand
from bench.metrics import get as get_metric
from bench.results import stores_of
from bench.results.names import name_of_dataset

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Comparison:
    """Curves of several codecs on one dataset, and what the anchor makes of the others."""

    anchor: str
    dataset: str
    images: int  # 0: not known
    curves: tuple[Curve, ...]  # in the order asked for, the anchor last
    deltas: tuple[Delta, ...]
    views: tuple[View, ...]
    costs: tuple[Cost, ...]  # one per curve
    warnings: tuple[str, ...]  # what may make a figure mislead
    notes: tuple[str, ...]  # what was taken, and what was left out
    method: str = "pchip"
    average: str = USUAL
    sampling: Mapping[str, str] = field(default_factory=dict)  # of chroma, by codec: "4:2:0"
    versions: Mapping[str, str] = field(default_factory=dict)  # of the codecs that were measured here
    means: tuple[MeanDelta, ...] = ()  # of sets of metrics that were asked for
    ranges: tuple[Range, ...] = ()  # that deltas are about
    savings: tuple[Saving, ...] = ()  # of lossless codecs

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that there are deltas by."""
        return list(dict.fromkeys(delta.metric for delta in self.deltas))

    @property
    def folder_name(self) -> str:
        """All names in one that serves as a folder's: "ainn-published-vtm"."""
        return "-".join(re.sub(r"[^\w.+=]+", "-", curve.codec).strip("-.") for curve in self.curves)

    def frame(self) -> pd.DataFrame:
        """`records` as a table of pandas; what is missing is NaN or None."""
        import pandas as pd

        return pd.DataFrame(self.records())

    def records(self) -> list[dict[str, Any]]:
        """A row per codec and metric, without nesting.

        Keys: dataset, codec, anchor, metric; bd_rate (percent, negative: fewer bits than the anchor),
        bd_rate_low and bd_rate_high (ends of its 95 % interval), bd_metric, bd_metric_low and bd_metric_high
        (the metric's unit, positive: better than the anchor); overlap (0..1, share of the range of quality
        that both have); points ("8/7": of the codec, of the anchor); reason (why a delta is missing);
        interval_reason; mean_of_images (percent, mean of the BD-rates of single images); images.
        Sets of metrics have rows of their own, in which `metric` is the set's name and bd_rate the mean.
        """
        rows = [
            {
                "dataset": self.dataset,
                "codec": delta.codec,
                "anchor": self.anchor,
                "metric": delta.metric,
                **delta.to_record(),
                "images": self.images,
            }
            for delta in self.deltas
        ]
        return rows + [self._mean_record(mean, rows[0]) for mean in self.means]

    def _mean_record(self, mean: MeanDelta, like: Mapping[str, Any]) -> dict[str, Any]:
        low, high = mean.interval or (None, None)
        ends = {"bd_rate": mean.bd_rate, "bd_rate_low": low, "bd_rate_high": high}
        return {
            **dict.fromkeys(like),
            **{"dataset": self.dataset, "codec": mean.codec, "anchor": self.anchor, "metric": mean.metric},
            **ends,
            "reason": mean.reason,
            "images": self.images,
        }

    def figure(self, metric: str = "psnr", highlight: Sequence[str] = (), log_rate: bool = False) -> Figure:
        """The rate-distortion plot that `bench compare` writes, as a matplotlib figure that isn't saved yet.

        Args:
            highlight: codecs that stand out, by the names of their curves.
            log_rate: whether rate is logarithmic in any case.

        Raises:
            BenchError: no curve has the metric, or a codec isn't compared.
        """
        from bench.report.plots import figure

        return figure(self, metric, highlight, log_rate)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON: infinity is "inf", what isn't known None; deltas are on curves' scale."""
        return {
            "anchor": self.anchor,
            "dataset": self.dataset,
            "images": self.images,
            "method": self.method,
            "average": self.average,
            "ranges": [asdict(one) for one in self.ranges],
            "sampling": dict(self.sampling),
            "versions": dict(self.versions),
            "rows": self.rows(),
            "means": [mean.to_dict() for mean in self.means],
            "curves": [
                {
                    "codec": curve.codec,
                    "points": [_point_fields(point) for point in map(asdict, curve.points)],
                }
                for curve in self.curves
            ],
            "savings": [saving.to_dict() for saving in self.savings],
            "views": [asdict(view) for view in self.views],
            "costs": [asdict(cost) for cost in self.costs],
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }

    def rows(self) -> list[dict[str, Any]]:
        """A row per codec and metric, with those of single images, for JSON."""
        return [{"dataset": self.dataset, **delta.to_dict()} for delta in self.deltas]


@collector_at_rest()
def compare(
    names: Sequence[str],
    dataset: str | Path | None,
    folder: Path,
    *,
    method: str = "pchip",
    average: str = USUAL,
    metrics: Sequence[str] | None = None,
    intervals: bool = True,
    counted: bool = False,
    ranges: Sequence[Range] = (),
) -> list[Comparison]:
    """Compare codecs with the last one named, on a dataset, or on each on which all have results.

    Args:
        names: codecs, `file:PATH` or `published:NAME`. Results of a codec are looked for under `folder`;
            those of one that has none there, among the committed ones.
        dataset: its name, or a folder of images; None: every dataset on which all have results.
        folder: of results.
        method: of `bench.compare.bd.METHODS`.
        average: of `bench.metrics.AVERAGES`.
        metrics: names of metrics or of sets of metrics; by default all that a codec and the anchor both have.
        intervals: whether to compute the 95 % intervals of deltas.
        counted: whether to count multiply-adds of learned codecs, which takes seconds.
        ranges: of `bench.compare.part.parse_ranges`: the part of the curves that deltas are about.

    Returns:
        A comparison per dataset.

    Raises:
        BenchError: fewer than two codecs, an unknown option, results of different pictures, or nothing to
            compare.
    """
    if len(names) < 2:
        raise BenchError("compare takes two codecs or more, the anchor last: bench compare ainn jpeg")
    _refuse_unknown("method", method, METHODS)
    _refuse_unknown("average", average, AVERAGES)
    for metric in expand(metrics or ()):
        get_metric(metric)
    stores = stores_of(folder)
    if dataset is not None:
        dataset = name_of_dataset(dataset, stores[0])
    names = [name_of_curve(name, stores, dataset) for name in names]
    return [
        compare_sources(
            gather(names, place, stores, average), place,
            method=method, average=average, metrics=metrics, intervals=intervals, counted=counted,
            ranges=ranges,
        )
        for place in ([dataset] if dataset else shared_datasets(names, stores))
    ]  # fmt: skip


def compare_sources(
    sources: Sequence[Source],
    dataset: str,
    *,
    method: str = "pchip",
    average: str = USUAL,
    metrics: Sequence[str] | None = None,
    intervals: bool = True,
    counted: bool = False,
    ranges: Sequence[Range] = (),
) -> Comparison:
    """Compare curves with the last one.

    Args:
        sources: of `bench.compare.sources.gather`, with the same average.
        dataset, method, average, metrics, intervals, counted, ranges: as of `compare`.

    Raises:
        BenchError: no image or no metric is common to curves.
    """
    curves, images, left_out = _on_shared_images([source.curve for source in sources], dataset)
    *tested, anchor = curves
    deltas = [
        delta_of(curve, anchor, metric, method, intervals, part_by(metric, ranges))
        for curve in tested
        for metric in expand(metrics or ()) or _shared_metrics(curve, anchor)
    ]
    used = list(dict.fromkeys(delta.metric for delta in deltas))
    saved = savings(curves)
    means = [
        mean_of(name, curve, anchor, deltas, method, intervals, ranges)
        for curve in tested
        for name in dict.fromkeys(metrics or ())
        if name in SETS
    ]
    return Comparison(
        anchor=anchor.codec,
        dataset=dataset,
        images=images,
        curves=tuple(curves),
        deltas=tuple(deltas),
        views=tuple(view(curves, metric) for metric in used for view in (at_fixed_quality, at_fixed_rate)),
        costs=tuple(cost_of(curve, source, counted) for curve, source in zip(curves, sources, strict=True)),
        warnings=tuple(remarks.warnings(sources, curves, deltas)),
        notes=(
            *remarks.on_ranges(used, ranges),
            *remarks.on_hulls(curves, used),
            *remarks.on_savings(saved),
            *remarks.on_single_points(deltas, anchor.codec),
            *remarks.notes(sources, dataset, images),
            *left_out,
        ),
        method=method,
        average=average,
        sampling={source.curve.codec: chroma for source in sources if (chroma := source.sampling)},
        means=tuple(means),
        ranges=tuple(ranges),
        savings=saved,
        versions={source.curve.codec: version for source in sources if (version := source.version)},
    )


def _on_shared_images(curves: list[Curve], dataset: str) -> tuple[list[Curve], int, list[str]]:
    """The curves over those images that all of them have at all their qualities, how many these are, and
    what was left out. Curves without single images stay as they are."""
    whole = {curve.codec: whole_curves(cell.place for cell in curve.cells) for curve in curves if curve.cells}
    if not whole:
        return curves, max(point.images for curve in curves for point in curve.points), []
    shared = set.intersection(*(images for images, _ in whole.values()))
    if not shared:
        raise BenchError(
            f"no image of {dataset} has been measured with all of {', '.join(whole)}; "
            "run them on the same images, as with --images 4"
        )
    trimmed = []
    for full in curves:
        if not full.cells:
            trimmed.append(full)
            continue
        _, qualities = whole[full.codec]
        cells = [cell for cell in full.cells if cell.image in shared and cell.quality in qualities]
        all_used = len(cells) == len(full.cells)
        trimmed.append(full if all_used else curve(full.codec, cells, full.average, full.members))
    notes = remarks.left_out([full for full in curves if full.cells], whole, shared)
    return trimmed, len(shared), notes


def _shared_metrics(tested: Curve, anchor: Curve) -> list[str]:
    names, anchor_names = metrics_of(tested), metrics_of(anchor)
    if not (shared := names & anchor_names):
        raise BenchError(
            f"{tested.codec} and {anchor.codec} have no metric in common: {', '.join(sorted(names))} in one, "
            f"{', '.join(sorted(anchor_names))} in the other"
        )
    return [name for name in DEFAULT if name in shared] + sorted(shared.difference(DEFAULT))


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
