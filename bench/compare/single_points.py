"""A single point against a curve: rate at the point's quality, and quality at the point's rate.

A Bjontegaard delta takes four points of each. Papers often have one: "at 0.25 bpp", "at 34 dB".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bench.compare.curves import Curve
from bench.compare.fixed import quality_at, rate_at
from bench.metrics import get as get_metric


@dataclass(frozen=True)
class PointGap:
    """The tested codec against the anchor at a point of one of them.

    Args:
        codec: whose point it is.
        quality: setting of the point.
        bpp: of the point.
        value: of the metric there, on the scale of curves.
        rate: percent by which the tested codec needs more bits than the anchor at the point's quality;
            None: beyond the other curve.
        gain: by how much the tested codec is better at the point's rate, in the metric's unit; None: beyond.
    """

    codec: str
    quality: float
    bpp: float
    value: float
    rate: float | None
    gain: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)


def point_gaps(tested: Curve, anchor: Curve, metric: str) -> tuple[PointGap, ...]:
    """Of a curve of too few points for a delta, each point against the other curve; empty if both have
    enough, or the other has one point, too.

    >>> from bench.compare.curves import Point
    >>> line = Curve("line", tuple(Point(n, 2.0**n, {}, {"psnr": 30.0 + 6 * n}, 1) for n in range(4)))
    >>> (gap,) = point_gaps(Curve("point", (Point(7, 1.5, {}, {"psnr": 36.0}, 1),)), line, "psnr")
    >>> round(gap.rate, 6), round(gap.gain, 2)
    (-25.0, 2.49)
    """
    from bench.compare.bd_arrays import MIN_POINTS

    few, other = sorted((tested, anchor), key=lambda curve: len(curve.usable_points(metric)))
    count = len(few.usable_points(metric))
    if count >= MIN_POINTS or len(other.usable_points(metric)) < 2:
        return ()
    turned = get_metric(metric).turned
    sign = 1 if few is tested else -1
    gaps = []
    for point in few.points:
        value = point.db.get(metric)
        if value is None or (point.bpp, turned(value)) not in few.usable_points(metric):
            continue
        there, reached = rate_at(other, metric, turned(value)), quality_at(other, metric, point.bpp)
        rate = None if there is None else 100 * ((point.bpp / there) ** sign - 1)
        gain = None if reached is None else sign * (turned(value) - reached)
        gaps.append(PointGap(few.codec, point.quality, point.bpp, value, rate, gain))
    return tuple(gaps)
