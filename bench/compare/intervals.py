"""How far a Bjontegaard delta would move on other images of the same kind: 95 % intervals.

Each image is left out once, for both codecs: n images give n more deltas. Their scatter is the jackknife's
standard error; with Student's t of n - 1 degrees of freedom it gives an interval (J. W. Tukey, "Bias and
confidence in not quite large samples", Annals of Mathematical Statistics 29, 1958). Where a few images weigh
more than all others, deltas are skewed and this interval is too short on one side. So each end is the further
one of two: Student's, and that of P. Hall's transformation, which follows the skewness ("On the removal of
skewness by transformation", Journal of the Royal Statistical Society B 54, 1992), but no further than twice
Student's: the skewness of few images is a rough guess. BD-rates are taken as logarithms of ratios.

`experiments/coverage.py` simulates how often the intervals hold the truth. Nothing is drawn at random: the
same results give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from bench import metrics
from bench.compare.bd import bjontegaard
from bench.compare.curves import Curve
from bench.compare.part import WHOLE, Part

if TYPE_CHECKING:
    from bench.compare.bd_arrays import BDArrays
    from bench.compare.interpolation import Array

MIN_IMAGES = 3  # the spread of two says nothing

_OUTSIDE = 0.05
_MOST = 2.0  # times Student's deviation


@dataclass(frozen=True)
class Interval:
    """95 % intervals of a Bjontegaard delta, low end first; a missing one is None.

    bd_rate: percent. bd_metric: in the metric's unit. images: that the deltas are over. reason: why one or
    both intervals are missing; None when both are there.
    """

    bd_rate: tuple[float, float] | None
    bd_metric: tuple[float, float] | None
    images: int
    reason: str | None


def interval(
    tested: Curve, anchor: Curve, metric: str, method: str = "pchip", part: Part = WHOLE
) -> Interval:
    """Intervals of what `bench.compare.bd.bjontegaard` says of two curves.

    Images are matched by `MeasuredCell.image`. An image that a codec lacks at one of its qualities is left
    out. There is no interval, but a reason, for fewer than three images, for a metric that an image lacks,
    or where all images, or all but one, give no value.

    Raises:
        BenchError: unknown method or metric.
    """
    import numpy as np

    replicates = _leave_one_out(tested, anchor, metric, method, part)
    if isinstance(replicates, Interval):
        return replicates
    images, axes, deltas = replicates
    bd_rate = bd_metric = reason = None
    if np.isfinite(deltas.bd_rate).all():
        ratios = np.log1p(deltas.bd_rate / 100)
        low, high = ends(ratios[0], ratios[1:])
        bd_rate = 100 * math.expm1(low), 100 * math.expm1(high)
    if np.isfinite(deltas.bd_metric).all():
        low, high = ends(deltas.bd_metric[0], deltas.bd_metric[1:])
        bd_metric = float(low), float(high)
    if bd_rate is None or bd_metric is None:
        row = int(np.isnan(deltas.bd_rate + deltas.bd_metric).argmax())
        first = [values[row].tolist() for values in axes]
        names = (tested.codec, anchor.codec)
        turned = not metrics.get(metric).higher_is_better
        why = bjontegaard(first[0], first[1], first[2], first[3], method, names, turned, part).reason
        left_out = next(cell.name for cell in tested.cells if cell.image == images[row - 1])
        reason = f"without {left_out}, {why}" if row else why
    return Interval(bd_rate, bd_metric, len(images), reason)


def mean_interval(
    tested: Curve, anchor: Curve, parts: Mapping[str, Part], method: str = "pchip"
) -> tuple[float, float] | None:
    """The interval, percent, of the mean of the BD-rates by several metrics; None: one of them has none.

    Args:
        parts: by metric, the part of the curves.
    """
    import numpy as np

    rates = []
    for metric, part in parts.items():
        replicates = _leave_one_out(tested, anchor, metric, method, part)
        if isinstance(replicates, Interval) or not np.isfinite(replicates[2].bd_rate).all():
            return None
        rates.append(replicates[2].bd_rate)
    means = np.mean(rates, axis=0)
    low, high = ends(means[0], means[1:])
    return float(low), float(high)


def _leave_one_out(
    tested: Curve, anchor: Curve, metric: str, method: str, part: Part
) -> tuple[list[str], list[Array], BDArrays] | Interval:
    """Images that count, axes of both mean curves, and their deltas: over all images, then without each.
    An empty interval with a reason where there are none."""
    from bench.compare.bd_arrays import bjontegaard_arrays
    from bench.compare.image_curves import image_curves, whole_images

    tested, anchor = tested.by(metric), anchor.by(metric)
    whole = []
    for curve in (tested, anchor):
        if not curve.cells:
            return Interval(None, None, 0, f"{curve.codec} has no figures of single images")
        whole.append(whole_images(curve, metric))
    images = sorted(whole[0].keys() & whole[1].keys())
    n = len(images)
    if n < MIN_IMAGES:
        return Interval(None, None, n, f"an interval takes {MIN_IMAGES} images or more, not {n}")
    for curve, known in zip((tested, anchor), whole, strict=True):
        if not all(known[image] for image in images):
            return Interval(None, None, n, f"{curve.codec} has images without {metrics.get(metric).title}")
    axes = [
        values
        for curve in (tested, anchor)
        for values in image_curves(curve, metric, images).means_leaving_one_out()
    ]
    return images, axes, bjontegaard_arrays(axes[0], axes[1], axes[2], axes[3], method, part)


def means_leaving_one_out(values: Array, weights: Array | None = None) -> Array:
    """Means over images (images + 1, columns) of values (images, columns): in the first row of all images,
    then of all but one. A mean with infinity is infinity.

    weights: of the images (images,), above 0; None: all weigh the same.

    >>> import numpy as np
    >>> means_leaving_one_out(np.array([[1.0], [2.0], [6.0]])).ravel().tolist()
    [3.0, 4.0, 3.5, 1.5]
    """
    import numpy as np

    shares = np.ones(len(values)) if weights is None else weights
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0) * shares[:, None]
    total, whole = known.sum(axis=0), shares.sum()
    means = np.vstack((total / whole, (total - known) / (whole - shares)[:, None]))
    for infinite in () if finite.all() else (np.inf, -np.inf):
        here = values == infinite
        others = here.sum(axis=0) - np.vstack((np.zeros_like(here[:1]), here))
        with np.errstate(invalid="ignore"):  # infinities of both signs: no number
            means[others > 0] += infinite
    return means


def ends(estimate: Array, without: Array) -> tuple[Array, Array]:
    """Low and high ends of 95 % intervals of estimates.

    Args:
        estimate: from all images; any shape.
        without: the same from all images but one; one more axis, of the images.

    >>> import numpy as np
    >>> values = np.array([1.0, 2.0, 4.0, 3.0])
    >>> without = (values.sum() - values) / 3  # means
    >>> low, high = ends(values.mean(), without)
    >>> round(float(low), 3), round(float(high), 3)  # mean +- 3.182 standard errors
    (0.446, 4.554)
    """
    import numpy as np

    n = without.shape[-1]
    influence = (n - 1) * (without.mean(axis=-1, keepdims=True) - without)
    variance = (influence**2).sum(axis=-1) / (n - 1)
    with np.errstate(all="ignore"):  # no variance, no skewness
        skewness = n / ((n - 1) * (n - 2)) * (influence**3).sum(axis=-1) / variance**1.5
    skewness = np.where(np.isfinite(skewness), skewness, 0.0)
    error = np.sqrt(variance / n)
    t = student(n - 1)
    below, above = (np.clip(sign * _unskewed(sign * t, skewness, n), t, _MOST * t) for sign in (1, -1))
    return estimate - below * error, estimate + above * error


@lru_cache
def student(freedom: int) -> float:
    """The 97.5th percentile of Student's t distribution. scipy.special has it, but takes 0.15 s to import.

    >>> [round(student(freedom), 3) for freedom in (2, 23, 1000)]
    [4.303, 2.069, 1.962]
    """
    low, high = 0.0, 100.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _outside(middle, freedom) > _OUTSIDE else (low, middle)
    return high


def _outside(t: float, freedom: int) -> float:
    """Probability beyond -t and t (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return 1 - inside


def _unskewed(t: float, skewness: Array, n: int) -> Array:
    """The studentised deviation that Hall's transformation takes to t."""
    import numpy as np

    bend = skewness / (3 * math.sqrt(n))
    with np.errstate(all="ignore"):
        value = (np.cbrt(1 + 3 * bend * (t - skewness / (6 * math.sqrt(n)))) - 1) / bend
    return np.where(np.abs(bend) < 1e-6, t, value)
