"""How far the points of a mean curve would move on other images: a bootstrap over images.

Codecs are compared on the same images, so the bands of two codecs overlap more than the interval of their
BD-rate lets expect: much of a band is common to both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.compare.bootstrap import MIN_IMAGES, draws
from bench.compare.curves import Curve
from bench.metrics import USUAL
from bench.metrics import get as get_metric

_PERCENTILES = (2.5, 97.5)


def bands(curve: Curve, metrics: Sequence[str], replicates: int) -> dict[str, list[dict[str, Any]]]:
    """95 % intervals of the points, by metric: a list in the order of the points.

    Each is `bpp` and `value`: low and high end, of the mean rate and of the metric on the scale of curves.
    A metric is absent where the curve has fewer than three images, or isn't finite on one of them.
    """
    qualities = [point.quality for point in curve.points]
    images = sorted({cell.image for cell in curve.cells})
    if len(images) < MIN_IMAGES or len(curve.cells) != len(images) * len(qualities):
        return {}
    cells = {(cell.image, cell.quality): cell for cell in curve.cells}
    drawn = draws(len(images), replicates)
    rates = _intervals(np.array([[cells[i, q].bpp for q in qualities] for i in images])[drawn].mean(axis=1))
    found = {}
    for metric in metrics:
        values = [[cells[i, q].values.get(metric) for q in qualities] for i in images]
        if not all(_is_finite(value, metric) for row in values for value in row):
            continue
        ends = _intervals(_means(np.array(values, dtype=float), drawn, metric, curve.average))
        found[metric] = [{"bpp": bpp, "value": value} for bpp, value in zip(rates, ends, strict=True)]
    return found


def _is_finite(value: float | None, metric: str) -> bool:
    """Whether a value is known and finite on the scale of curves; that of a lossless picture isn't."""
    return value is not None and math.isfinite(get_metric(metric).in_db(value))


def _means(
    values: NDArray[np.float64], drawn: NDArray[np.int64], metric: str, average: str
) -> NDArray[np.float64]:
    """Means of the drawn images (draws, qualities) on the scale of curves, by the average."""
    scale = get_metric(metric)
    average = scale.usual_average if average == USUAL else average
    if average == "mean-of-db":
        terms: NDArray[np.float64] = np.vectorize(scale.in_db, otypes=[float])(values)
        drawn_means: NDArray[np.float64] = terms[drawn].mean(axis=1)
        return drawn_means
    linear: NDArray[np.float64] = np.vectorize(scale.linear, otypes=[float])(values)
    back = np.vectorize(lambda mean: scale.in_db(scale.from_linear(mean)), otypes=[float])
    means: NDArray[np.float64] = back(linear[drawn].mean(axis=1))
    return means


def _intervals(means: NDArray[np.float64]) -> list[list[float]]:
    """Low and high end for each quality."""
    low, high = np.percentile(means, _PERCENTILES, axis=0)
    return [[float(a), float(b)] for a, b in zip(low, high, strict=True)]
