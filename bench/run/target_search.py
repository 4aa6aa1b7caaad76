"""The search for the quality at which a picture hits a target, with as few encodings as it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A codec that takes any number as quality is near enough here: half a percent of a rate, or of a unit.
NEAR = 0.005
# Two such qualities are told apart no further: some codecs then only go to and fro between two streams.
FINEST = 0.002  # of the quality


@dataclass(frozen=True)
class Grid:
    """Qualities that a codec takes.

    low, high: ends. whole: only whole numbers. falling: the lowest quality has the highest rate. ladder: of
    the codec's curve, where the search begins.
    """

    low: float
    high: float
    whole: bool
    falling: bool
    ladder: Sequence[float]


def next_quality(known: Mapping[float, float], grid: Grid, hint: float | None = None) -> float | None:
    """The quality to try next; None: the nearest one is among those known, if rate rises along the grid.

    Args:
        known: how far above the target each quality is that was tried, see `Target.gap`; infinite, where a
            picture came back without loss.
        hint: a quality that may be near, as of another picture.

    >>> grid = Grid(1, 100, True, False, (10, 30, 50, 70, 90))
    >>> gaps = {}
    >>> while (quality := next_quality(gaps, grid)) is not None:
    ...     gaps[quality] = 0.03 * (quality - 37.2)
    >>> min(gaps, key=lambda quality: abs(gaps[quality])), len(gaps)
    (37.0, 4)
    """
    if any(gap == 0 for gap in known.values()):
        return None
    if not grid.whole and any(abs(gap) <= NEAR for gap in known.values()):
        return None
    sign = -1.0 if grid.falling else 1.0
    # Along x, rate rises.
    points = sorted((sign * quality, gap) for quality, gap in known.items())
    low, high = sorted((sign * grid.low, sign * grid.high))
    below = [point for point in points if point[1] < 0]
    above = [point for point in points if point[1] > 0]
    if not points:
        ladder = sorted(grid.ladder)
        start = hint if hint is not None else ladder[len(ladder) // 2]
        return _on_grid(sign * start, low, high, grid.whole) * sign
    if not below or not above:
        ladder = sorted(sign * quality for quality in grid.ladder)
        place = _beyond(points, below, low, high, ladder, grid.whole)
    else:
        place = _between(max(below), min(above), grid.whole, 1e-6 * (high - low))
    if place is None:
        return None
    quality = sign * _on_grid(place, low, high, grid.whole)
    return None if quality in known else quality


def _beyond(
    points: Sequence[tuple[float, float]],
    below: Sequence[tuple[float, float]],
    low: float,
    high: float,
    ladder: Sequence[float],
    whole: bool,
) -> float | None:
    """A place on the other side of the target: as far as the line through the outermost points goes, and no
    nearer than the next step of the ladder."""
    up = bool(below)
    x, gap = points[-1] if up else points[0]
    if x == (high if up else low):
        return None  # the codec goes no further
    steps = [step for step in ladder if (step > x if up else step < x)]
    next_step = (min(steps) if up else max(steps)) if steps else (high if up else low)
    if len(points) < 2:
        return next_step
    other, other_gap = points[-2] if up else points[1]
    if not (math.isfinite(gap) and math.isfinite(other_gap)) or gap == other_gap:
        return next_step
    reach = x - 1.1 * gap * (x - other) / (gap - other_gap)  # a little further, to have it in between
    if (reach > x) != up:
        return next_step
    # Curves bend: no further than two steps of the ladder, but a step of the grid at least.
    last = (steps[1] if len(steps) > 1 else high) if up else (steps[-2] if len(steps) > 1 else low)
    if up:
        return min(last, max(reach, x + 1) if whole else reach)
    return max(last, min(reach, x - 1) if whole else reach)


def _between(
    left: tuple[float, float], right: tuple[float, float], whole: bool, finest: float
) -> float | None:
    """A place between two that the target lies between; None: there is none."""
    (x0, gap0), (x1, gap1) = left, right
    if x1 < x0:  # rate doesn't rise here
        x0, x1 = x1, x0
        gap0, gap1 = gap1, gap0
    if x1 - x0 <= (1 if whole else max(finest, FINEST * max(abs(x0), abs(x1)))):
        return None
    share = gap0 / (gap0 - gap1) if math.isfinite(gap0) and math.isfinite(gap1) else 0.5
    share = min(0.9, max(0.1, share))  # so that neither end stands still for long
    place = x0 + share * (x1 - x0)
    if whole:
        place = min(x1 - 1, max(x0 + 1, round(place)))
    return place


def _on_grid(place: float, low: float, high: float, whole: bool) -> float:
    place = min(high, max(low, place))
    return float(round(place)) if whole else place
