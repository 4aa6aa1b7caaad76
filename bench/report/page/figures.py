"""All figures of the page as plain data: what `Comparison.to_dict` gives, once for each anchor, packed.

Nothing is computed here but the intervals of points. Figures of pairs and of single images are lists in the
order of `images`, so that seventeen anchors fit into a page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.compare.comparison import Comparison
from bench.compare.costs import Cost
from bench.compare.curves import Curve
from bench.compare.pareto import AXES, machines, pareto
from bench.metrics import get as get_metric
from bench.report.labels import with_unit
from bench.report.page.anchors import Anchored
from bench.report.page.bands import bands
from bench.report.page.remarks import remarks


def figures(anchored: Sequence[Anchored], intervals: bool) -> dict[str, Any]:
    """Figures by codec and by anchor.

    Args:
        anchored: the comparison that was asked for comes first.
        intervals: whether to compute those of the points.

    Returns:
        Plain types. `metrics`: see `_metric`. `images`: their names. `codecs`: those of the comparison, in
        its order, each with its points. `anchors`: by codec, see `_of_anchor`.
    """
    asked = anchored[0].comparison
    assert asked is not None
    record = asked.to_dict()
    points = {curve["codec"]: curve["points"] for curve in record["curves"]}
    images = sorted({cell.name for curve in asked.curves for cell in curve.cells})
    labels = [curve.codec for curve in (*asked.curves[-1:], *asked.curves[:-1])]
    return {
        "dataset": asked.dataset,
        "count": asked.images,
        "images": images,
        "method": asked.method,
        "average": asked.average,
        "intervals": intervals,
        "metrics": [_metric(name) for name in asked.metrics],
        "codecs": [
            {
                "name": curve.codec,
                "sampling": asked.sampling.get(curve.codec),
                "points": points[curve.codec],
                "images": _of_images(curve, images),
                "bands": bands(curve, asked.metrics) if intervals else {},
            }
            for curve in asked.curves
        ],
        "anchor": asked.anchor,
        "anchors": {
            label: _of_anchor(against, images, asked.costs)
            for label, against in zip(labels, anchored, strict=True)
        },
        "costs": record["costs"],
    }


def _metric(name: str) -> dict[str, Any]:
    metric = get_metric(name)
    return {
        "name": name,
        "title": metric.title,
        "unit": metric.unit,
        "axis": with_unit(metric),
        "higher_is_better": metric.higher_is_better,
    }


def _of_images(curve: Curve, images: list[str]) -> list[list[dict[str, Any]] | None]:
    """The curve on each image: its points, with the metrics on the scale of curves; None: not known."""
    points: dict[str, list[dict[str, Any]]] = {}
    for image in dict.fromkeys(cell.image for cell in curve.cells):
        single = curve.of_image(image)
        points[single.cells[0].name] = [
            {"quality": point.quality, "bpp": point.bpp, "db": _finite(point.db)} for point in single.points
        ]
    return [points.get(image) for image in images]


def _of_anchor(anchored: Anchored, images: list[str], costs: tuple[Cost, ...]) -> dict[str, Any]:
    """Of one anchor: `rows` by metric and codec, `views`, `remarks`, `fronts` by metric, cost and machine; or
    only the `reason` for none."""
    comparison = anchored.comparison
    if comparison is None:
        return {"reason": anchored.reason, "rows": {}, "views": [], "remarks": [], "fronts": {}}
    record = comparison.to_dict()
    rows: dict[str, dict[str, Any]] = {}
    for row in record["rows"]:
        rows.setdefault(row["metric"], {})[row["codec"]] = _packed(row, images)
    return {
        "reason": None,
        "rows": rows,
        "views": [_packed_view(view) for view in record["views"]],
        "remarks": remarks(comparison),
        "fronts": _fronts(replace(comparison, costs=costs)),
    }


def _fronts(comparison: Comparison) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Codecs on the Pareto front, the cheapest first, by metric, cost and machine ("" where that is no
    matter)."""
    return {
        metric: {
            cost: {
                machine: [
                    place.codec
                    for place in pareto(comparison, metric, cost, machine).places
                    if place.on_front
                ]
                for machine in (machines(comparison) if axis.timed else [""])
            }
            for cost, axis in AXES.items()
        }
        for metric in comparison.metrics
    }


def _packed(row: dict[str, Any], images: list[str]) -> dict[str, Any]:
    """A row of `Comparison.rows`, with the BD-rates of single images in the order of images."""
    single = {delta["image"]: delta for delta in row["per_image"]["deltas"]}
    kept = ("bd_rate", "bd_metric", "overlap", "reason", "points", "interval")
    return {
        **{name: row[name] for name in kept},
        "mean": row["per_image"]["mean_bd_rate"],
        "by_image": [single[image]["bd_rate"] if image in single else None for image in images],
        "reasons": {
            str(place): single[image]["reason"]
            for place, image in enumerate(images)
            if image in single and single[image]["reason"]
        },
    }


def _packed_view(view: dict[str, Any]) -> dict[str, Any]:
    """A view with its entries as pairs of value and gap, by codec."""
    return {
        "metric": view["metric"],
        "fixed": view["fixed"],
        "lines": [
            {
                "at": line["at"],
                "entries": {entry["codec"]: [entry["value"], entry["gap"]] for entry in line["entries"]},
            }
            for line in view["lines"]
        ],
    }


def _finite(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
