"""The mean of the BD-rates by several metrics, as a committee judges codecs: see `bench.metrics.sets`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from bench.compare.curves import Curve
from bench.compare.deltas import Delta
from bench.compare.part import Range, part_by
from bench.metrics import SETS
from bench.metrics import get as get_metric


@dataclass(frozen=True)
class MeanDelta:
    """A codec against the anchor by all metrics of a set.

    Args:
        metric: the set's name.
        bd_rate: mean of the BD-rates by its metrics, percent; None: one of them has none.
        interval: 95 %, of the mean; None: not asked for, or one of the metrics has none.
        reason: why there is no mean.
    """

    codec: str
    metric: str
    bd_rate: float | None
    interval: tuple[float, float] | None
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        fields = asdict(self)
        return fields | {
            "interval": self.interval and list(self.interval),
            "metrics": list(SETS[self.metric]),
        }


def mean_of(
    name: str,
    tested: Curve,
    anchor: Curve,
    deltas: Iterable[Delta],
    method: str,
    intervals: bool,
    ranges: Sequence[Range] = (),
) -> MeanDelta:
    """The mean over a set of metrics.

    Args:
        name: of the set.
        deltas: those of the two curves by each metric of the set among them.
        ranges: that these are about.
    """
    by_metric = {delta.metric: delta.bd for delta in deltas if delta.codec == tested.codec}
    rates = []
    for metric in SETS[name]:
        bd = by_metric[metric]
        if bd.bd_rate is None:
            reason = f"no mean of {name}: by {get_metric(metric).title}, {bd.reason}"
            return MeanDelta(tested.codec, name, None, None, reason)
        rates.append(bd.bd_rate)
    ends = None
    if intervals:
        from bench.compare.intervals import mean_interval

        parts = {metric: part_by(metric, ranges) for metric in SETS[name]}
        ends = mean_interval(tested, anchor, parts, method)
    return MeanDelta(tested.codec, name, fmean(rates), ends, None)
