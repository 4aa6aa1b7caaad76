"""A codec's curves of single images by one metric, as arrays, and their mean curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

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

    def of(self, rows: list[int]) -> ImageCurves:
        """Those of some images, by their rows."""
        rates, qualities, terms = (values[rows] for values in (self.rates, self.qualities, self._terms))
        pixels = None if self._pixels is None else self._pixels[rows]
        return ImageCurves(rates, qualities, terms, self._finish, pixels)

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
    everything = _everything(curve, metric)
    whole, known = everything.whole.tolist(), everything.known.tolist()
    return {image: known[row] for image, row in everything.rows.items() if whole[row]}


def image_curves(curve: Curve, metric: str, images: list[str]) -> ImageCurves:
    """The curves of these images, which must be among `whole_images` and have the metric, in their order."""
    everything = _everything(curve, metric)
    return everything.curves.of([everything.rows[image] for image in images])


@dataclass(frozen=True)
class _Everything:
    """All images of a curve, by one metric."""

    rows: dict[str, int]  # of an image in the arrays
    whole: NDArray[np.bool_]  # (images,), whether an image has all qualities
    known: NDArray[np.bool_]  # (images,), whether it has the metric in all its cells
    curves: ImageCurves


def _everything(curve: Curve, metric: str) -> _Everything:
    if metric not in curve.arrays:
        curve.arrays[metric] = _computed(curve, metric)
    everything: _Everything = curve.arrays[metric]
    return everything


def _computed(curve: Curve, metric: str) -> _Everything:
    scale = metrics.get(metric)
    cells = curve.cells
    rows = {image: row for row, image in enumerate(dict.fromkeys(cell.image for cell in cells))}
    columns = {quality: i for i, quality in enumerate(sorted({cell.quality for cell in cells}))}
    shape = len(rows), len(columns)
    places = (
        np.array([rows[cell.image] for cell in cells]),
        np.array([columns[cell.quality] for cell in cells]),
    )
    values = [cell.values.get(metric) for cell in cells]

    def table(numbers: Iterable[float]) -> Array:
        """Numbers of the cells as an array of images and qualities; what isn't there is no number."""
        filled = np.full(shape, np.nan)
        filled[places] = list(numbers)
        return filled

    rates = table(cell.bpp for cell in cells)
    decibels = table(math.nan if value is None else scale.in_db(value) for value in values)
    there, known = np.zeros(shape, bool), np.ones(shape, bool)
    there[places] = True
    known[places] = [value is not None for value in values]
    qualities = decibels if scale.higher_is_better else -decibels
    sizes = weights_of(cells, curve.average)
    pixels = None
    if sizes is not None:
        pixels = np.empty(len(rows))
        pixels[places[0]] = sizes
    # The two averages of Metric.mean_in_db.
    if scale.means_db(curve.average):
        curves = ImageCurves(rates, qualities, qualities, None, pixels)
    else:
        terms = table(math.nan if value is None else scale.linear(value) for value in values)

        def finish(mean: float) -> float:
            return scale.turned(scale.in_db(scale.from_linear(mean)))

        curves = ImageCurves(rates, qualities, terms, finish, pixels)
    return _Everything(rows, there.all(axis=1), known.all(axis=1), curves)
