"""The part of the plane of rate and quality that a plot shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

# A curve that goes on beyond both rates and qualities of the others is cut, if that makes this much room.
_WORTH_CUTTING = 1.3
# Over this ratio between where the longest and the shortest curve end, a linear axis squeezes the latter.
_LOGARITHMIC = 5.0
_HEADROOM = 15.0  # points above the best curve, for its name
_BESIDE = 0.16  # of the width at most, on the right, for names

Line = list[tuple[float, float]]  # rate in bits per pixel, and quality, along a curve


class Frame:
    """The part of the plane that is shown: all of it, unless a curve goes on far beyond the others."""

    def __init__(self, curves: Sequence[Line], logarithmic: bool = False) -> None:
        """
        Args:
            logarithmic: whether rate is, in any case.
        """
        everything = [point for points in curves for point in points]
        compared = [
            point
            for index, points in enumerate(curves)
            for point in _beside(points, [other for i, other in enumerate(curves) if i != index])
        ]
        longest = max(x for x, _ in everything)
        end = max(x for x, _ in compared)
        self.right = 1.05 * (end if longest > _WORTH_CUTTING * end else longest)
        self.logarithmic = logarithmic or self.right > _LOGARITHMIC * min(points[-1][0] for points in curves)
        shown = [point for point in everything if point[0] <= self.right]
        shown += [(self.right, y) for points in curves for y in heights(points, self.right)]
        self.top, low, bottom = max(y for _, y in shown), *(min(y for _, y in s) for s in (shown, compared))
        self.bottom = bottom if self.top - low > _WORTH_CUTTING * (self.top - bottom) > 0 else low
        self.left = min(x for x, y in shown if y >= self.bottom) / 1.1 if self.logarithmic else 0.0

    def widen(self, ends: Iterable[tuple[float, float]]) -> None:
        """Make room on the right for names behind the ends of curves.

        Args:
            ends: rate where a curve ends, and width of its name as a share of that of the plot.
        """
        scale, back = (math.log, math.exp) if self.logarithmic else (float, float)
        start = scale(self.left)
        needed = [(scale(rate) - start) / (1 - share) for rate, share in ends if share < _BESIDE]
        self.right = back(start + max([scale(self.right) - start, *needed]))

    def apply(self, axes: Any) -> None:
        from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

        height = (self.top - self.bottom) or 10.0
        if self.logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
        axes.set_xlim(self.left, self.right)
        above = _HEADROOM / 72 * axes.figure.dpi / axes.get_window_extent().height
        axes.set_ylim(self.bottom - 0.04 * height, self.top + 1.04 * height * above / (1 - above))


def heights(points: Line, x: float) -> Iterable[float]:
    """Where a line from point to point passes x."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if min(x0, x1) <= x < max(x0, x1):
            yield y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def _beside(points: Line, others: Sequence[Line]) -> Line:
    """The part of a curve that another has its rate or its quality in common with, or all if none has."""
    lines = [other for other in others if len(other) > 1]
    if not lines:
        return points
    first, last = min(other[0][0] for other in lines), max(other[-1][0] for other in lines)
    lowest, highest = (pick(y for other in lines for _, y in other) for pick in (min, max))
    turned = [(y, x) for x, y in points]
    start = min([first, *heights(turned, lowest)])
    end = max([last, *heights(turned, highest)])
    if all(y <= highest for _, y in points):
        end = points[-1][0]
    if all(y >= lowest for _, y in points):
        start = points[0][0]
    part = [(x, y) for x, y in points if start <= x <= end]
    part += [(x, y) for x in (start, end) for y in heights(points, x)]
    return part or points
