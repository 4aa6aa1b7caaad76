"""A codec's curves of single images by one metric, as arrays, and their mean curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bench import metrics
from bench.compare.curves import Curve, weights_of
from bench.compare.interpolation import Array
from bench.compare.intervals import means_leaving_one_out


@dataclass(frozen=True)
class ImageCurves:
    """A row per image, a column per quality of the codec. Shapes (images, qualities)."""

    rates: Array  # bpp
    qualities: Array  # the metric on the scale of curves, turned so that more is better
    _terms: Array = field(repr=False)  # what the mean is taken of
    _finish: Callable[[float], float] | None = field(repr=False)  # from such a mean to a quality
    _pixels: Array | None = field(default=None, repr=False)  # (images,), where pictures weigh by their size

    def means_leaving_one_out(self) -> tuple[Array, Array]:
        """Rates and qualities (images + 1, qualities) of mean curves, as `Curve.axes` gives them: of all
        images, then of all but one."""
        rates, means = (means_leaving_one_out(values, self._pixels) for values in (self.rates, self._terms))
        if self._finish is not None:
            finish = self._finish
            means = np.array([[finish(mean) for mean in row] for row in means.tolist()])
        return rates, means


def whole_images(curve: Curve, metric: str) -> dict[str, bool]:
    """The images that a curve has at all its qualities, and whether it has the metric for each of these."""
    qualities = {cell.quality for cell in curve.cells}
    measured: dict[str, set[float]] = {}
    known: dict[str, bool] = {}
    for cell in curve.cells:
        measured.setdefault(cell.image, set()).add(cell.quality)
        known[cell.image] = known.get(cell.image, True) and cell.values.get(metric) is not None
    return {image: known[image] for image, own in measured.items() if own == qualities}


def image_curves(curve: Curve, metric: str, images: list[str]) -> ImageCurves:
    """The curves of these images, which must be among `whole_images` and have the metric, in their order."""
    scale = metrics.get(metric)
    row = {image: i for i, image in enumerate(images)}
    column = {quality: i for i, quality in enumerate(sorted({cell.quality for cell in curve.cells}))}
    rates, qualities, terms = (np.empty((len(row), len(column))) for _ in range(3))
    for cell in curve.cells:
        value = cell.values.get(metric)
        if cell.image in row and value is not None:
            place = row[cell.image], column[cell.quality]
            rates[place] = cell.bpp
            qualities[place] = scale.turned(scale.in_db(value))
            terms[place] = scale.linear(value)
    sizes = weights_of(curve.cells, curve.average)
    pixels = None
    if sizes is not None:
        size_of = {cell.image: size for cell, size in zip(curve.cells, sizes, strict=True)}
        pixels = np.array([size_of[image] for image in images], float)
    # The two averages of Metric.mean_in_db.
    if scale.means_db(curve.average):
        return ImageCurves(rates, qualities, qualities, None, pixels)

    def finish(mean: float) -> float:
        return scale.turned(scale.in_db(scale.from_linear(mean)))

    return ImageCurves(rates, qualities, terms, finish, pixels)
