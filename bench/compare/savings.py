"""Lossless codecs: bytes and times, as there is no quality to compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from bench.compare.curves import Curve, MeasuredCell, weights_of
from bench.core.errors import BenchError
from bench.metrics import get as get_metric


@dataclass(frozen=True)
class ImageSaving:
    """A lossless codec against the anchor on one image; saving in percent of the anchor's bytes."""

    image: str
    saving: float


@dataclass(frozen=True)
class Saving:
    """A lossless codec, against the anchor where that is lossless, too.

    Args:
        quality: the setting.
        bpp: mean over images.
        saving: percent of the anchor's mean rate; positive: fewer bits. None for the anchor.
        interval: of the saving on other images of the kind, 95 %.
        images: savings on single images, the best first.
        encode_speed, decode_speed: megapixels a second over all images; None: not measured alone.
    """

    codec: str
    quality: float
    bpp: float
    saving: float | None
    interval: tuple[float, float] | None
    images: tuple[ImageSaving, ...]
    encode_speed: float | None
    decode_speed: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self) | {"interval": self.interval and list(self.interval)}


def is_lossless(cells: Iterable[MeasuredCell], metric: str | None = None) -> bool:
    """Whether every sample of all cells came back: one of their metrics is infinite in dB everywhere.

    Args:
        metric: the one that is looked at; None: any.

    >>> is_lossless([MeasuredCell("a", "a.png", 100, 9.5, {"psnr": math.inf, "vmaf": 97.4})])
    True
    """
    there = False
    for cell in cells:
        there = _came_back_whole(cell.values if metric is None else {metric: cell.values.get(metric)})
        if not there:
            return False
    return there


def savings(curves: Sequence[Curve]) -> tuple[Saving, ...]:
    """Of all lossless codecs, the anchor (the last curve) last; none unless the anchor and another are.

    A codec's lossless quality is the one at which it takes the fewest bits.
    """
    lossless = [(curve, cells) for curve in curves if (cells := lossless_cells(curve))]
    if len(lossless) < 2 or lossless[-1][0] is not curves[-1]:
        return ()
    _, anchor = lossless[-1]
    return tuple(_saving(curve, cells, anchor if cells is not anchor else None) for curve, cells in lossless)


def lossless_cells(curve: Curve) -> list[MeasuredCell]:
    """The cells of the lossless quality at which a curve takes the fewest bits; none if it has no such."""
    by_quality: dict[float, list[MeasuredCell]] = {}
    for cell in curve.cells:
        by_quality.setdefault(cell.quality, []).append(cell)
    whole = [cells for cells in by_quality.values() if is_lossless(cells)]
    return min(whole, key=lambda cells: fmean(cell.bpp for cell in cells), default=[])


def _saving(curve: Curve, cells: list[MeasuredCell], anchor: list[MeasuredCell] | None) -> Saving:
    saving = interval = None
    images: list[ImageSaving] = []
    weights = weights_of(cells, curve.average)
    if anchor is not None:
        there = {cell.image: cell.bpp for cell in anchor}
        pairs = [(cell.bpp, there[cell.image]) for cell in cells]
        saving, interval = _mean_saving(pairs, weights)
        names = [cell.name for cell in cells]
        images = [
            ImageSaving(name, 100 * (1 - own / other))
            for name, (own, other) in zip(names, pairs, strict=True)
        ]
        images.sort(key=lambda image: -image.saving)
    return Saving(
        curve.codec,
        cells[0].quality,
        fmean((cell.bpp for cell in cells), weights),
        saving,
        interval,
        tuple(images),
        _speed(cells, [cell.encode_s for cell in cells]),
        _speed(cells, [cell.decode_s for cell in cells]),
    )


def _mean_saving(
    pairs: Sequence[tuple[float, float]], weights: Sequence[float] | None
) -> tuple[float, tuple[float, float] | None]:
    """Percent by which the mean of the first rates is below that of the second, with its interval."""
    import numpy as np

    from bench.compare.intervals import MIN_IMAGES, ends, means_leaving_one_out

    rates = np.array(pairs) * (np.ones((len(pairs), 1)) if weights is None else np.array([weights]).T)
    saving = 100 * (1 - float(rates[:, 0].mean() / rates[:, 1].mean()))
    if len(pairs) < MIN_IMAGES:
        return saving, None
    means = means_leaving_one_out(rates)
    ratios = np.log(means[:, 0] / means[:, 1])
    low, high = ends(ratios[0], ratios[1:])
    return saving, (-100 * math.expm1(high), -100 * math.expm1(low))


def _speed(cells: Sequence[MeasuredCell], seconds: Sequence[float | None]) -> float | None:
    known = [
        (cell.pixels, time)
        for cell, time in zip(cells, seconds, strict=True)
        if cell.pixels and time is not None
    ]
    total = sum(time for _, time in known)
    return sum(pixels for pixels, _ in known) / total / 1e6 if len(known) == len(cells) and total else None


def _came_back_whole(values: Mapping[str, float | None]) -> bool:
    for name, value in values.items():
        if value is None:
            continue
        try:
            if math.isinf(get_metric(name).in_db(value)):
                return True
        except BenchError:  # a metric of a package that isn't there any more
            continue
    return False
