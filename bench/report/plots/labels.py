"""Names at the ends of curves or beside points: where they fit, without running into anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.report.plots.layout import renderer_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 6.5  # points, of the letters
_CLEAR = 1.5  # points between a name and anything else
_MARKER = 2.5  # points from the middle of a marker to its rim

# Where a name may stand: offset from its point (in points), and how the text hangs on it.
_SPOTS = (
    (5, 0, "left", "center"),
    (5, 3, "left", "center"),
    (5, -3, "left", "center"),
    (4, -5, "left", "center"),
    (4, 5, "left", "center"),
    (0, 5, "center", "bottom"),
    (0, -5, "center", "top"),
    (-4, 4, "right", "bottom"),
    (4, -4, "left", "top"),
    (-5, 0, "right", "center"),
    (-4, -5, "right", "top"),
    (0, -9, "center", "top"),
    (-4, 8, "right", "bottom"),
    (4, -8, "left", "top"),
)


@dataclass(frozen=True)
class Label:
    """A name for a point.

    Args:
        x, y: of the point, in the data's own units.
        weight: "bold" or "normal".
    """

    text: str
    x: float
    y: float
    colour: str
    weight: str = "normal"


@dataclass(frozen=True)
class _Box:
    left: float
    bottom: float
    right: float
    top: float

    def touches(self, other: _Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, points: NDArray[np.float64]) -> bool:
        """Whether one of the points, N x 2, lies in the box."""
        x, y = points.T
        return bool(((x > self.left) & (x < self.right) & (y > self.bottom) & (y < self.top)).any())

    def within(self, other: _Box) -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.bottom >= other.bottom
            and self.top <= other.top
        )


def add_labels(
    axes: Any,
    labels: Sequence[Label],
    lines: Sequence[Sequence[tuple[float, float]]],
    nameless_lines: Sequence[Sequence[tuple[float, float]]] = (),
) -> list[Label]:
    """Write each name beside its point; returns those for which there is no room.

    A name stands nearer to its own line than to any other, and no line runs between the name and its point.

    Args:
        labels: the name of each line.
        lines: in the data's own units.
        nameless_lines: that no name belongs to, and none covers.
    """
    figure = axes.figure
    renderer = renderer_of(figure)
    scale = figure.dpi / 72
    window = axes.get_window_extent(renderer)
    frame = _Box(window.x0 + scale, window.y0 + scale, window.x1 - scale, window.y1 - scale)
    corners = [axes.transData.transform(line) for line in lines]
    drawn = [_close_points(points) for points in corners]
    nameless = [_close_points(axes.transData.transform(line)) for line in nameless_lines]
    segments = np.array([pair for points in corners for pair in pairwise(points)]).reshape(-1, 2, 2)
    ends = axes.transData.transform([(label.x, label.y) for label in labels]) if labels else np.empty((0, 2))
    taken: list[_Box] = []
    left_out = []
    for place in sorted(range(len(labels)), key=lambda place: labels[place].weight != "bold"):
        label = labels[place]
        others = np.concatenate([np.empty((0, 2)), *drawn[:place], *drawn[place + 1 :]])
        text = axes.annotate(
            label.text, (label.x, label.y), (0, 0), textcoords="offset points", color=label.colour,
            fontsize=SIZE, fontweight=label.weight, parse_math=False, zorder=5,
        )  # fmt: skip
        size = text.get_window_extent(renderer)
        for spot in _SPOTS:
            box = _box_at(ends[place], spot, size.width, size.height, scale)
            if not box.within(frame) or any(box.touches(other) for other in taken):
                continue
            if box.holds(drawn[place]) or box.holds(others) or any(map(box.holds, nameless)):
                continue
            if _nearer_to_another(box, drawn[place], others) or _is_cut_off(
                box, ends[place], segments, scale
            ):
                continue
            taken.append(box)
            right, up, across, along = spot
            text.set_position((right, up))
            text.set_horizontalalignment(across)
            text.set_verticalalignment(along)
            break
        else:
            text.remove()
            left_out.append(label)
    return left_out


def width(axes: Any, label: Label) -> float:
    """What a name and its distance from the point take, as a share of the width of axes."""
    text = axes.text(0, 0, label.text, fontsize=SIZE, fontweight=label.weight, parse_math=False)
    renderer = renderer_of(axes.figure)
    points = text.get_window_extent(renderer).width * 72 / axes.figure.dpi + _SPOTS[0][0] + 2 * _CLEAR
    text.remove()
    return float(points / 72 * axes.figure.dpi / axes.get_window_extent(renderer).width)


def touches_line(axes: Any, box: Any, lines: Iterable[Sequence[tuple[float, float]]]) -> bool:
    """Whether a box of matplotlib's, in pixels, covers a part of a line."""
    rectangle = _Box(box.x0, box.y0, box.x1, box.y1)
    return any(rectangle.holds(_close_points(axes.transData.transform(line))) for line in lines)


def _close_points(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points that lie close together along a line with these corners, N x 2."""
    steps = np.linspace(0, 1, 60)[:, None]
    return np.concatenate([corners, *(start + steps * (end - start) for start, end in pairwise(corners))])


def _box_at(
    point: NDArray[np.float64], spot: tuple[float, float, str, str], width: float, height: float, scale: float
) -> _Box:
    """The box of a text in a spot beside a point, with what is kept clear around, in pixels."""
    right, up, across, along = spot
    x, y = point[0] + right * scale, point[1] + up * scale
    left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[across] * width
    bottom = y - {"bottom": 0.0, "center": 0.5, "top": 1.0}[along] * height
    clear = _CLEAR * scale
    return _Box(left - clear, bottom - clear / 3, left + width + clear, bottom + height + clear / 3)


def _is_cut_off(box: _Box, own: NDArray[np.float64], lines: NDArray[np.float64], scale: float) -> bool:
    """Whether a line, one of N x 2 ends x 2, runs between the rim of the point's marker and its name."""
    nearest = np.array([min(max(own[0], box.left), box.right), min(max(own[1], box.bottom), box.top)])
    way = nearest - own
    length = np.hypot(*way)
    if length <= _MARKER * scale:
        return False
    start = own + way * (_MARKER * scale / length)
    sides = _side(lines[:, 0], start, nearest) * _side(lines[:, 1], start, nearest)
    across = _side(start, lines[:, 0], lines[:, 1]) * _side(nearest, lines[:, 0], lines[:, 1])
    return bool(((sides < 0) & (across < 0)).any())


def _side(
    point: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """On which side of a line from start to end a point lies: the sign; any of them may be many, N x 2."""
    along, off = end - start, point - start
    return np.asarray(along[..., 0] * off[..., 1] - along[..., 1] * off[..., 0])


def _nearer_to_another(box: _Box, own: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether a reader would take the name for that of another line: where it begins, or where it ends while
    still beside the lines, which come from the left."""
    if not len(others):
        return False
    middle = (box.bottom + box.top) / 2

    def distance(x: float, points: NDArray[np.float64]) -> float:
        return float(np.hypot(points[:, 0] - x, points[:, 1] - middle).min())

    end = own[:, 0].max()
    places = (box.left, min(max(end, box.left), box.right))
    return any(distance(x, others) < distance(x, own) for x in places)
