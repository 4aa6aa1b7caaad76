"""From rows of single pictures to curves: a point for each quality, the mean over the same images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.metrics import METRICS
from bench.results import Row


@dataclass(frozen=True)
class Point:
    """Means over images. PSNR is the mean of each picture's dB, as papers have it."""

    quality: float
    bpp: float
    psnr: float
    ms_ssim: float | None  # 0 to 1; None if a picture was too small for it
    encode_s: float
    decode_s: float
    images: int

    def in_db(self, metric: str) -> float | None:
        """A metric of this point in dB: for MS-SSIM, of the mean, as papers have it."""
        value = getattr(self, metric)
        return None if value is None else METRICS[metric].in_db(value)


@dataclass(frozen=True)
class Curve:
    codec: str
    points: tuple[Point, ...]  # by rising rate

    def axes(self, metric: str) -> tuple[list[float], list[float]]:
        """bpp and the metric in dB, of the points that have it."""
        pairs = [(point.bpp, value) for point in self.points if (value := point.in_db(metric)) is not None]
        return [bpp for bpp, _ in pairs], [value for _, value in pairs]


def curve(codec: str, rows: Sequence[Row]) -> Curve:
    """The curve of one codec's rows, a point for each quality."""
    qualities = sorted({row.quality for row in rows})
    points = [_mean(quality, [row for row in rows if row.quality == quality]) for quality in qualities]
    return Curve(codec, tuple(sorted(points, key=lambda point: point.bpp)))


def whole_curves(rows: Sequence[Row]) -> tuple[set[str], set[float]]:
    """Which images (by SHA-256) have been measured at every quality, and at which qualities that is.

    A quality that was tried on less than half as many images as the most common one is left out, so
    that a single extra cell doesn't cost all other images their place.
    """
    images_at = Counter(row.quality for row in rows)
    most = max(images_at.values(), default=0)
    qualities = {quality for quality, count in images_at.items() if 2 * count >= most}
    qualities_of = Counter(row.image_sha256 for row in rows if row.quality in qualities)
    return {image for image, count in qualities_of.items() if count == len(qualities)}, qualities


def _mean(quality: float, rows: list[Row]) -> Point:
    similarities = [row.ms_ssim for row in rows if row.ms_ssim is not None]
    return Point(
        quality=quality,
        bpp=fmean(row.bpp for row in rows),
        psnr=fmean(row.psnr for row in rows),
        ms_ssim=fmean(similarities) if len(similarities) == len(rows) else None,
        encode_s=fmean(row.encode_s for row in rows),
        decode_s=fmean(row.decode_s for row in rows),
        images=len(rows),
    )
