"""How far the points of a mean curve would move on other images.

Codecs are compared on the same images, so the bands of two codecs overlap more than the interval of their
BD-rate lets expect: much of a band is common to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.compare.curves import Curve
from bench.compare.image_curves import image_curves, whole_images
from bench.compare.intervals import MIN_IMAGES, ends
from bench.metrics import get as get_metric


def bands(curve: Curve, metrics: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """95 % intervals of the points, by metric: a list in the order of the points.

    Each is `bpp` and `value`: low and high end, of the mean rate and of the metric on the scale of curves.
    A metric is absent where the curve has fewer than three images, or isn't finite on one of them.
    """
    bands_by_metric = {}
    for metric in metrics:
        counting = curve.by(metric)
        # Columns go by rising quality setting.
        places = [
            curve.points.index(point) for point in sorted(counting.points, key=lambda point: point.quality)
        ]
        images = sorted(whole_images(counting, metric).items())
        names = [image for image, known in images if known]
        if len(names) < max(MIN_IMAGES, len({cell.image for cell in counting.cells})):
            continue
        single = image_curves(counting, metric, names)
        if not np.isfinite(single.qualities).all():
            continue
        rates, values = single.means_leaving_one_out()
        log_rates = np.log(rates)  # so that no end is below 0
        bpp = np.exp(ends(log_rates[0], log_rates[1:].T))
        sign = get_metric(metric).turned(1.0)
        value = np.sort([sign * end for end in ends(values[0], values[1:].T)], axis=0)
        points: list[dict[str, Any]] = [{} for _ in curve.points]
        for column, place in enumerate(places):
            points[place] = {"bpp": bpp[:, column].tolist(), "value": value[:, column].tolist()}
        bands_by_metric[metric] = points
    return bands_by_metric
