"""How far a Bjontegaard delta would move on other images of the same kind: a paired bootstrap.

Images are drawn with replacement, as many as there are and the same ones for both codecs; each draw gives
two curves of means and a delta. The interval lies between the 2.5th and 97.5th percentile of the deltas
(B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import metrics
from bench.compare.bd import bjontegaard
from bench.compare.curves import Curve, MeasuredCell
from bench.metrics import USUAL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_IMAGES = 3  # the spread of two says nothing
REPLICATES = 1000
_MAX_LOST = 0.05  # share of the draws that may give no value


@dataclass(frozen=True)
class Interval:
    """95 % intervals of a Bjontegaard delta, low end first; a missing one is None.

    bd_rate: percent. bd_metric: in the metric's unit. images: that were drawn from. replicates: draws
    that gave both values. reason: why one or both intervals are missing; None when both are there.
    """

    bd_rate: tuple[float, float] | None
    bd_metric: tuple[float, float] | None
    images: int
    replicates: int
    reason: str | None


def bootstrap(
    tested: Curve,
    anchor: Curve,
    metric: str,
    method: str = "pchip",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Interval:
    """Intervals of what `bench.compare.bd.bjontegaard` says of two curves; one seed gives one answer.

    Images are matched by `MeasuredCell.image`. An image that a codec lacks at one of its qualities is left
    out. There is no interval, but a reason, for fewer than three images, for a metric that an image lacks,
    or when over 5 % of the draws give no value.

    Raises BenchError for an unknown method or metric.
    """
    for curve in (tested, anchor):
        if not curve.cells:
            return _none(0, f"{curve.codec} has no figures of single images")
    images = sorted(_whole_images(tested) & _whole_images(anchor))
    if len(images) < MIN_IMAGES:
        return _none(len(images), f"an interval takes {MIN_IMAGES} images or more, not {len(images)}")
    resampled = []
    for curve in (tested, anchor):
        cells = [cell for cell in curve.cells if cell.image in images]
        if any(cell.values.get(metric) is None for cell in cells):
            return _none(len(images), f"{curve.codec} has images without {metrics.get(metric).title}")
        resampled.append(_Resampled(cells, images, metric, curve.average))
    names = (tested.codec, anchor.codec)
    deltas = [
        bjontegaard(*resampled[0].axes(draw), *resampled[1].axes(draw), method, names)
        for draw in draws(len(images), replicates, seed)
    ]
    rates = [delta.bd_rate for delta in deltas if delta.bd_rate is not None]
    gains = [delta.bd_metric for delta in deltas if delta.bd_metric is not None]
    bd_rate = percentiles(rates) if _enough(rates, replicates) else None
    bd_metric = percentiles(gains) if _enough(gains, replicates) else None
    reason = None
    if bd_rate is None or bd_metric is None:
        lost = replicates - min(len(rates), len(gains))
        example = next((delta.reason for delta in deltas if delta.reason), "")
        reason = f"{lost} of {replicates} draws of images give no value ({example})"
    both = sum(delta.reason is None for delta in deltas)
    return Interval(bd_rate, bd_metric, len(images), both, reason)


def draws(images: int, replicates: int = REPLICATES, seed: int = 0) -> NDArray[np.int64]:
    """Indices of images (replicates, images), drawn with replacement."""
    import numpy as np

    return np.random.default_rng(seed).integers(0, images, (replicates, images))


def percentiles(values: Iterable[float]) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of values, at least one."""
    import numpy as np

    low, high = np.percentile(list(values), (2.5, 97.5))
    return float(low), float(high)


class _Resampled:
    """One codec's cells as arrays (images, qualities), for the curve of any draw of images."""

    def __init__(self, cells: list[MeasuredCell], images: list[str], metric: str, average: str) -> None:
        import numpy as np

        scale = metrics.get(metric)
        average = scale.usual_average if average == USUAL else average
        # The two averages of Metric.mean_in_db, each as terms to take the mean of and what follows.
        term: Callable[[float], float] = scale.in_db
        self._finish: Callable[[float], float] | None = None
        if average != "mean-of-db":
            term = scale.linear
            self._finish = lambda mean: scale.in_db(scale.from_linear(mean))
        row = {image: i for i, image in enumerate(images)}
        column = {quality: i for i, quality in enumerate(sorted({cell.quality for cell in cells}))}
        self._rates = np.empty((len(row), len(column)))
        self._terms = np.empty_like(self._rates)
        for cell in cells:
            where = row[cell.image], column[cell.quality]
            self._rates[where] = cell.bpp
            self._terms[where] = term(cell.values[metric])  # type: ignore[arg-type]

    def axes(self, draw: NDArray[np.int64]) -> tuple[list[float], list[float]]:
        """Rates and qualities of the curve of the drawn images, as `Curve.axes` gives them."""
        qualities = self._terms[draw].mean(axis=0).tolist()
        if self._finish is not None:
            qualities = [self._finish(mean) for mean in qualities]
        return self._rates[draw].mean(axis=0).tolist(), qualities


def _whole_images(curve: Curve) -> set[str]:
    qualities = {cell.quality for cell in curve.cells}
    measured: dict[str, set[float]] = {}
    for cell in curve.cells:
        measured.setdefault(cell.image, set()).add(cell.quality)
    return {image for image, own in measured.items() if own == qualities}


def _enough(values: list[float], replicates: int) -> bool:
    return len(values) >= max(1, (1 - _MAX_LOST) * replicates)


def _none(images: int, reason: str) -> Interval:
    return Interval(None, None, images, 0, reason)
