"""How far a Bjontegaard delta would move on other images of the same kind: a paired bootstrap.

Images are drawn with replacement, as many as there are and the same ones for both codecs; each draw gives
two curves of means and a delta. The interval lies between the 2.5th and 97.5th percentile of the deltas
(B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bench import metrics
from bench.compare.bd import bjontegaard, refuse_unknown_method
from bench.compare.curves import Curve

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
    import numpy as np

    from bench.compare.bd_arrays import bjontegaard_arrays
    from bench.compare.image_curves import image_curves, whole_images

    refuse_unknown_method(method)
    whole = []
    for curve in (tested, anchor):
        if not curve.cells:
            return _none(0, f"{curve.codec} has no figures of single images")
        whole.append(whole_images(curve, metric))
    images = sorted(whole[0].keys() & whole[1].keys())
    if len(images) < MIN_IMAGES:
        return _none(len(images), f"an interval takes {MIN_IMAGES} images or more, not {len(images)}")
    for curve, known in zip((tested, anchor), whole, strict=True):
        if not all(known[image] for image in images):
            return _none(len(images), f"{curve.codec} has images without {metrics.get(metric).title}")
    shares = weights(len(images), replicates, seed)
    axes = [
        values for curve in (tested, anchor) for values in image_curves(curve, metric, images).means(shares)
    ]
    deltas = bjontegaard_arrays(axes[0], axes[1], axes[2], axes[3], method)
    has_rate, has_metric = np.isfinite(deltas.bd_rate), np.isfinite(deltas.bd_metric)
    least = max(1, (1 - _MAX_LOST) * replicates)
    bd_rate = percentiles(deltas.bd_rate[has_rate]) if has_rate.sum() >= least else None
    bd_metric = percentiles(deltas.bd_metric[has_metric]) if has_metric.sum() >= least else None
    reason = None
    if bd_rate is None or bd_metric is None:
        lost = replicates - min(int(has_rate.sum()), int(has_metric.sum()))
        first = [values[int(np.argmin(has_rate & has_metric))].tolist() for values in axes]
        names = (tested.codec, anchor.codec)
        example = bjontegaard(first[0], first[1], first[2], first[3], method, names).reason
        reason = f"{lost} of {replicates} draws of images give no value ({example})"
    return Interval(bd_rate, bd_metric, len(images), int((has_rate & has_metric).sum()), reason)


def draws(images: int, replicates: int = REPLICATES, seed: int = 0) -> NDArray[np.int64]:
    """Indices of images (replicates, images), drawn with replacement."""
    import numpy as np

    return np.random.default_rng(seed).integers(0, images, (replicates, images))


@lru_cache(maxsize=8)  # all pairs of a comparison take the same draws
def weights(images: int, replicates: int = REPLICATES, seed: int = 0) -> NDArray[np.float64]:
    """The share of each image in each of `draws` (replicates, images); a row sums to 1."""
    import numpy as np

    chosen = draws(images, replicates, seed)
    counts = np.zeros((replicates, images))
    np.add.at(counts, (np.arange(replicates)[:, None], chosen), 1)
    counts /= images
    counts.flags.writeable = False
    return counts


def percentiles(values: Iterable[float]) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of values, at least one."""
    import numpy as np

    low, high = np.percentile(list(values), (2.5, 97.5))
    return float(low), float(high)


def _none(images: int, reason: str) -> Interval:
    return Interval(None, None, images, 0, reason)
