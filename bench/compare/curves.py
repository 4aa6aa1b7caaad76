"""From single pictures to curves: a point for each quality, the mean over the same images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean
from typing import Any

from bench import metrics
from bench.compare.bd import usable_points
from bench.compare.hulls import upper_hull
from bench.core.errors import BenchError
from bench.metrics import BY_PIXELS, USUAL
from bench.results import Row


@dataclass(frozen=True)
class MeasuredCell:
    """One image at one quality, measured here or elsewhere."""

    image: str  # identifies the image: the SHA-256 of its file, or a name where that isn't known
    name: str  # file name, for humans
    quality: float
    bpp: float
    values: Mapping[str, float | None]  # by metric, on the metric's own scale; absent or None: not known
    encode_s: float | None = None  # None: not known, or taken while other jobs ran
    decode_s: float | None = None
    encode_memory: int | None = None  # bytes
    decode_memory: int | None = None
    pixels: int | None = None  # of the picture

    @property
    def place(self) -> tuple[str, float]:
        """Image and quality."""
        return self.image, self.quality


@dataclass(frozen=True)
class Point:
    """Means over images; of times and memory, over those images where they are known."""

    quality: float
    bpp: float
    values: Mapping[str, float]  # by metric: plain mean; a metric that an image lacks is absent
    db: Mapping[str, float]  # by metric: the mean on the scale of curves, by the curve's average
    images: int
    encode_s: float | None = None
    decode_s: float | None = None
    encode_memory: float | None = None  # bytes
    decode_memory: float | None = None


@dataclass(frozen=True)
class Curve:
    """A codec's curve on one dataset. Without cells (curves from elsewhere) only means are known."""

    codec: str
    points: tuple[Point, ...]  # by rising rate
    cells: tuple[MeasuredCell, ...] = field(default=(), repr=False)
    average: str = USUAL
    # Of an upper hull (`bench.compare.hulls`): what each quality stands for, codec and its own quality.
    members: Mapping[float, tuple[str, float]] = field(default_factory=dict, repr=False)

    def axes(self, metric: str) -> tuple[list[float], list[float]]:
        """Rates (bpp) and qualities of points that have the metric.

        A quality is the metric on the scale of curves, turned so that more is better: see `Metric.turned`.
        """
        points = [point for point in self.points if metric in point.db]
        if not points:
            return [], []
        turned = metrics.get(metric).turned
        return [point.bpp for point in points], [turned(point.db[metric]) for point in points]

    def usable_points(self, metric: str) -> list[tuple[float, float]]:
        """Distinct pairs (bpp, quality) as of `axes` that are finite, by rising rate."""
        return usable_points(*self.axes(metric))

    def of_image(self, image: str) -> Curve:
        """The curve of one image, by `MeasuredCell.image`."""
        return curve(self.codec, self.cells_of(image), self.average, self.members)

    def cells_of(self, image: str) -> list[MeasuredCell]:
        """The cells of one image, by `MeasuredCell.image`."""
        return self._cells_by_image.get(image, [])

    @cached_property
    def arrays(self) -> dict[str, Any]:
        """What `bench.compare.image_curves` has made of the cells, by metric."""
        return {}

    @cached_property
    def _cells_by_image(self) -> dict[str, list[MeasuredCell]]:
        cells: dict[str, list[MeasuredCell]] = {}
        for cell in self.cells:
            cells.setdefault(cell.image, []).append(cell)
        return cells

    def by(self, metric: str) -> Curve:
        """The curve that counts by a metric: of a hull, the points that are on it by that metric."""
        if not self.members:
            return self
        points = tuple(point for point in self.points if metric in point.db)
        there = {point.quality for point in points}
        return replace(self, points=points, cells=tuple(cell for cell in self.cells if cell.quality in there))


def cell_of(row: Row, metrics: Collection[str] | None = None) -> MeasuredCell:
    """A measured row as a cell; times that were taken while other jobs ran are left out.

    Args:
        metrics: those that are looked at, as others need not be installed; None: all.
    """
    return MeasuredCell(
        image=row.image_sha256,
        name=row.image,
        quality=row.quality,
        bpp=row.bpp,
        values=row.metrics if metrics is None else {name: row.metrics.get(name) for name in metrics},
        encode_s=row.encode_s if row.alone else None,
        decode_s=row.decode_s if row.alone else None,
        encode_memory=row.encode_memory,
        decode_memory=row.decode_memory,
        pixels=row.width * row.height,
    )


def curve(
    codec: str,
    cells: Iterable[MeasuredCell],
    average: str = USUAL,
    members: Mapping[float, tuple[str, float]] | None = None,
) -> Curve:
    """The curve of one codec's cells, a point for each quality.

    Args:
        average: how to average metrics in dB: "mean-of-db", "db-of-mean", or "usual", what papers take for
            each metric; "by-pixels" is "usual", where a picture weighs by its size, in the rate too.
        members: of an upper hull, what each quality stands for; None: this is no hull.

    >>> first = MeasuredCell("a", "a.png", quality=1, bpp=0.5, values={"psnr": 30})
    >>> second = MeasuredCell("b", "b.png", quality=1, bpp=0.7, values={"psnr": 32})
    >>> curve("mine", [first, second]).axes("psnr")
    ([0.6], [31.0])
    """
    at: dict[float, list[MeasuredCell]] = {}
    cells = tuple(cells)
    for cell in cells:
        at.setdefault(cell.quality, []).append(cell)
    points = [mean_point(quality, measured, average) for quality, measured in at.items()]
    points.sort(key=lambda point: point.bpp)
    if members:
        points = on_hulls(points)
    return Curve(codec, tuple(points), cells, average, members or {})


def on_hulls(points: Sequence[Point]) -> list[Point]:
    """Points with those metrics by which each is on the upper hull; points that are on none are left out."""
    hulls = {}
    for name in {name for point in points for name in point.db}:
        hulls[name] = set(upper_hull(Curve("", tuple(points)).usable_points(name)))
    kept = []
    for point in points:
        db = {
            name: value
            for name, value in point.db.items()
            if (point.bpp, metrics.get(name).turned(value)) in hulls[name]
        }
        if db:
            kept.append(replace(point, db=db))
    return kept


def whole_curves(places: Iterable[tuple[str, float]]) -> tuple[set[str], set[float]]:
    """The images that were measured at every quality, and these qualities.

    A quality that was measured on less than half as many images as the most common quality is left out: one
    extra cell must not remove all other images.

    Args:
        places: image and quality of each cell.
    """
    places = list(places)
    images_at = Counter(quality for _, quality in places)
    most = max(images_at.values(), default=0)
    qualities = {quality for quality, count in images_at.items() if 2 * count >= most}
    qualities_of = Counter(image for image, quality in places if quality in qualities)
    return {image for image, count in qualities_of.items() if count == len(qualities)}, qualities


def weights_of(cells: Sequence[MeasuredCell], average: str) -> list[int] | None:
    """What each cell's picture weighs in means; None: all weigh the same, also where a size isn't known.

    >>> small = MeasuredCell("a", "a.png", quality=1, bpp=1.0, values={"psnr": 30}, pixels=100)
    >>> large = MeasuredCell("b", "b.png", quality=1, bpp=0.5, values={"psnr": 40}, pixels=300)
    >>> curve("mine", [small, large], "by-pixels").axes("psnr")
    ([0.625], [37.5])
    """
    pixels = [cell.pixels for cell in cells if cell.pixels]
    return pixels if average == BY_PIXELS and len(pixels) == len(cells) else None


def mean_point(quality: float, cells: Sequence[MeasuredCell], average: str = USUAL) -> Point:
    """The mean of cells at one quality."""
    values, db = {}, {}
    weights = weights_of(cells, average)
    for name in cells[0].values:
        known = [value for cell in cells if (value := cell.values.get(name)) is not None]
        if len(known) == len(cells):
            values[name] = fmean(known, weights)
            with suppress(BenchError):  # a metric of a package that isn't there any more
                db[name] = metrics.get(name).mean_in_db(known, average, weights)
    return Point(
        quality=quality,
        bpp=fmean([cell.bpp for cell in cells], weights),
        values=values,
        db=db,
        images=len(cells),
        encode_s=_mean(cell.encode_s for cell in cells),
        decode_s=_mean(cell.decode_s for cell in cells),
        encode_memory=_mean(cell.encode_memory for cell in cells),
        decode_memory=_mean(cell.decode_memory for cell in cells),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
