"""A codec against the anchor, for one metric: Bjontegaard deltas of mean curves and of single images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.compare.bd import BD, bjontegaard
from bench.compare.curves import Curve, curve_by_image
from bench.metrics import get as get_metric

if TYPE_CHECKING:
    from bench.compare.bootstrap import Interval


@dataclass(frozen=True)
class ImageDelta:
    """A codec against the anchor on one image."""

    image: str  # for humans
    bd: BD


@dataclass(frozen=True)
class Delta:
    """A codec against the anchor, for one metric: of the mean curves, and of single images."""

    codec: str
    metric: str
    bd: BD
    interval: Interval | None  # None: not asked for
    images: tuple[ImageDelta, ...]  # those that both have; none for curves without single images

    @property
    def ranked(self) -> list[ImageDelta]:
        """The images that have a BD-rate, the best for the codec first."""
        return sorted((each for each in self.images if each.bd.bd_rate is not None), key=_bd_rate)

    @property
    def mean_bd_rate(self) -> float | None:
        """Mean of the BD-rates of `ranked`, percent."""
        return fmean(map(_bd_rate, self.ranked)) if self.ranked else None

    def to_dict(self) -> dict[str, Any]:
        ranked = self.ranked
        return {
            "codec": self.codec,
            "metric": self.metric,
            **_delta_fields(self.bd),
            "points": list(self.bd.points),
            "interval": None if self.interval is None else _interval_fields(self.interval),
            "per_image": {
                "mean_bd_rate": self.mean_bd_rate,
                "images": len(ranked),
                "without": len(self.images) - len(ranked),
                "best": {"image": ranked[0].image, "bd_rate": _bd_rate(ranked[0])} if ranked else None,
                "worst": {"image": ranked[-1].image, "bd_rate": _bd_rate(ranked[-1])} if ranked else None,
                "deltas": [{"image": each.image, **_delta_fields(each.bd)} for each in self.images],
            },
        }


def delta_of(tested: Curve, anchor: Curve, metric: str, method: str, replicates: int) -> Delta:
    """The delta of two curves over the same images.

    Args:
        method: of `bench.compare.bd.METHODS`.
        replicates: of the bootstrap; 0 for no intervals.
    """
    bd = _bd(tested, anchor, metric, method)
    interval = None
    if replicates > 0:
        from bench.compare.bootstrap import bootstrap

        interval = bootstrap(tested, anchor, metric, method, replicates)
    return Delta(tested.codec, metric, bd, interval, tuple(_image_deltas(tested, anchor, metric, method)))


def metrics_of(each: Curve) -> set[str]:
    """Names of the metrics that a curve has, if not for every image."""
    return {name for holder in each.cells or each.points for name in holder.values}


def _image_deltas(tested: Curve, anchor: Curve, metric: str, method: str) -> Iterable[ImageDelta]:
    theirs = curve_by_image(anchor)
    for image, mine in curve_by_image(tested).items():
        if image in theirs:
            yield ImageDelta(mine.cells[0].name, _bd(mine, theirs[image], metric, method))


def _bd(tested: Curve, anchor: Curve, metric: str, method: str) -> BD:
    axes = (*tested.axes(metric), *anchor.axes(metric))
    for each in (tested, anchor):
        if lack := _lack(each, metric):
            return BD(None, None, 0.0, (len(axes[0]), len(axes[2])), lack)
    return bjontegaard(*axes, method=method, names=(tested.codec, anchor.codec))


def _lack(each: Curve, metric: str) -> str | None:
    """Why a curve can't be drawn for a metric: a mean over some of the images would be another curve."""
    title = get_metric(metric).title
    if metric not in metrics_of(each):
        return f"{each.codec} has no {title}"
    for cell in each.cells:
        if cell.values.get(metric) is None:
            return f"{each.codec} has no {title} for {cell.name} at quality {cell.quality:g}"
    return None


def _bd_rate(each: ImageDelta) -> float:
    assert each.bd.bd_rate is not None
    return each.bd.bd_rate


def _delta_fields(bd: BD) -> dict[str, Any]:
    return {
        "bd_rate": bd.bd_rate,
        "bd_metric": bd.bd_metric,
        "overlap": bd.overlap,
        "reason": bd.reason,
    }


def _interval_fields(interval: Interval) -> dict[str, Any]:
    return {
        "bd_rate": interval.bd_rate and list(interval.bd_rate),
        "bd_metric": interval.bd_metric and list(interval.bd_metric),
        "images": interval.images,
        "reason": interval.reason,
    }
