"""A codec against the anchor by one metric: Bjontegaard deltas of the mean curves and of single images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.compare.bd import BD, bjontegaard
from bench.compare.curves import Curve
from bench.compare.part import WHOLE, Part
from bench.compare.single_points import PointGap, point_gaps
from bench.metrics import get as get_metric

if TYPE_CHECKING:
    from bench.compare.intervals import Interval


@dataclass(frozen=True)
class ImageDelta:
    """A codec against the anchor on one image."""

    image: str  # for humans
    bd: BD


@dataclass(frozen=True)
class Delta:
    """A codec against the anchor by one metric: of the mean curves, and of single images."""

    codec: str
    metric: str
    bd: BD
    interval: Interval | None  # None: not asked for
    images: tuple[ImageDelta, ...]  # those that both have; none for curves without single images
    points: tuple[PointGap, ...] = ()  # of a curve of too few points, each against the other curve

    @property
    def ranked(self) -> list[ImageDelta]:
        """The images that have a BD-rate, the best for the codec first."""
        return sorted((delta for delta in self.images if delta.bd.bd_rate is not None), key=_bd_rate)

    @property
    def mean_bd_rate(self) -> float | None:
        """Mean of the BD-rates of `ranked`, percent."""
        return fmean(map(_bd_rate, self.ranked)) if self.ranked else None

    def to_record(self) -> dict[str, Any]:
        """The figures of the mean curves without nesting, for a row of a table."""
        interval = self.interval
        rate_low, rate_high = (interval and interval.bd_rate) or (None, None)
        metric_low, metric_high = (interval and interval.bd_metric) or (None, None)
        return {
            "bd_rate": self.bd.bd_rate,
            "bd_rate_low": rate_low,
            "bd_rate_high": rate_high,
            "bd_metric": self.bd.bd_metric,
            "bd_metric_low": metric_low,
            "bd_metric_high": metric_high,
            "overlap": self.bd.overlap,
            "points": "/".join(map(str, self.bd.points)),
            "reason": self.bd.reason,
            "interval_reason": interval and interval.reason,
            "mean_of_images": self.mean_bd_rate,
        }

    def to_dict(self) -> dict[str, Any]:
        """All figures in plain types, for JSON."""
        ranked = self.ranked
        return {
            "codec": self.codec,
            "metric": self.metric,
            **_delta_fields(self.bd),
            "points": list(self.bd.points),
            "single_points": [gap.to_dict() for gap in self.points],
            "interval": None if self.interval is None else _interval_fields(self.interval),
            "per_image": {
                "mean_bd_rate": self.mean_bd_rate,
                "images": len(ranked),
                "without": len(self.images) - len(ranked),
                "best": {"image": ranked[0].image, "bd_rate": _bd_rate(ranked[0])} if ranked else None,
                "worst": {"image": ranked[-1].image, "bd_rate": _bd_rate(ranked[-1])} if ranked else None,
                "deltas": [{"image": delta.image, **_delta_fields(delta.bd)} for delta in self.images],
            },
        }


def delta_of(
    tested: Curve, anchor: Curve, metric: str, method: str, intervals: bool = True, part: Part = WHOLE
) -> Delta:
    """The delta of two curves over the same images.

    Args:
        metric: its name; a curve that lacks the metric for an image gives a reason and no value.
        method: of `bench.compare.bd.METHODS`.
        intervals: whether to compute 95 % intervals.
        part: of the curves that the deltas are about.
    """
    whole, whole_anchor = tested, anchor
    tested, anchor = tested.by(metric), anchor.by(metric)
    bd = _bd(tested, anchor, metric, method, part)
    ends = None
    if intervals:
        from bench.compare.intervals import interval

        ends = interval(tested, anchor, metric, method, part)
    images = _image_deltas(whole, whole_anchor, metric, method, part)
    return Delta(tested.codec, metric, bd, ends, tuple(images), point_gaps(tested, anchor, metric))


def metrics_of(curve: Curve) -> set[str]:
    """Names of the metrics that a curve has for any image."""
    return {name for holder in curve.cells or curve.points for name in holder.values}


def _image_deltas(tested: Curve, anchor: Curve, metric: str, method: str, part: Part) -> Iterable[ImageDelta]:
    """In the order of the tested curve's images. All that can be are computed at once."""
    if not tested.cells or not anchor.cells:
        return
    from bench.compare.bd_arrays import bjontegaard_arrays
    from bench.compare.image_curves import image_curves, whole_images

    names = {cell.image: cell.name for cell in tested.cells}
    known, anchor_known = whole_images(tested, metric), whole_images(anchor, metric)
    ready = [image for image in names if known.get(image) and anchor_known.get(image)]
    if tested.members or anchor.members:  # each image has a hull of its own
        ready = []
    curves, anchors = (image_curves(curve, metric, ready) for curve in (tested, anchor))
    axes = (curves.rates, curves.qualities, anchors.rates, anchors.qualities)
    deltas = bjontegaard_arrays(*axes, method, part)
    ready_made = {
        image: BD(float(rate), float(gain), float(overlap), (int(points[0]), int(points[1])), None)
        for image, rate, gain, overlap, points in zip(ready, *deltas, strict=True)
        if not isnan(rate + gain)
    }
    there = {cell.image for cell in anchor.cells}
    for image, name in names.items():
        if bd := ready_made.get(image):
            yield ImageDelta(name, bd)
        elif image in there:
            single, single_anchor = (whole.of_image(image).by(metric) for whole in (tested, anchor))
            yield ImageDelta(name, _bd(single, single_anchor, metric, method, part))


def _bd(tested: Curve, anchor: Curve, metric: str, method: str, part: Part) -> BD:
    axes = (*tested.axes(metric), *anchor.axes(metric))
    for curve in (tested, anchor):
        if lack := _lack(curve, metric):
            return BD(None, None, 0.0, (len(axes[0]), len(axes[2])), lack)
    if all(curve.points and not curve.usable_points(metric) for curve in (tested, anchor)):
        return BD(None, None, 0.0, (0, 0), "both are lossless: compare bytes and times")
    turned = not get_metric(metric).higher_is_better
    names = (tested.codec, anchor.codec)
    return bjontegaard(*axes, method=method, names=names, turned=turned, part=part)


def _lack(curve: Curve, metric: str) -> str | None:
    """Why a curve has no points by a metric: a mean over fewer images would be another curve."""
    title = get_metric(metric).title
    if metric not in metrics_of(curve):
        return f"{curve.codec} has no {title}"
    for cell in curve.cells:
        if cell.values.get(metric) is None:
            return f"{curve.codec} has no {title} for {cell.name} at quality {cell.quality:g}"
    return None


def _bd_rate(delta: ImageDelta) -> float:
    assert delta.bd.bd_rate is not None
    return delta.bd.bd_rate


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
