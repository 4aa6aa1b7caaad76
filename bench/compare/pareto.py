"""BD-rate over what coding costs: which codecs no other beats in both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bench.compare.costs import SEVERAL
from bench.core.errors import BenchError

if TYPE_CHECKING:
    from bench.compare.comparison import Comparison


class CostAxis(NamedTuple):
    """A figure of `Cost` that codecs are compared by; the less the better."""

    title: str
    unit: str
    timed: bool  # means something only among codecs of one machine
    scale: float  # from the figure to the unit


AXES = {
    "decode_s": CostAxis("decoding time", "s", True, 1),
    "encode_s": CostAxis("encoding time", "s", True, 1),
    "decode_memory": CostAxis("memory for decoding", "MiB", False, 2**-20),
    "encode_memory": CostAxis("memory for encoding", "MiB", False, 2**-20),
    "decode_multiply_adds": CostAxis("multiply-adds of decoding", "thousands per pixel", False, 1e-3),
    "encode_multiply_adds": CostAxis("multiply-adds of encoding", "thousands per pixel", False, 1e-3),
}


class Place(NamedTuple):
    """A codec in the plane of cost and BD-rate."""

    codec: str
    cost: float  # in the unit of the axis
    bd_rate: float  # percent; 0: the anchor
    on_front: bool = False  # no other is as good in both, and better in one


@dataclass(frozen=True)
class Pareto:
    """Codecs by BD-rate and cost.

    Args:
        places: the cheapest first.
        absent: the other codecs, each with the reason.
        machine: that times were taken on; empty: the cost is no time.
    """

    metric: str
    cost: str
    places: tuple[Place, ...]
    absent: tuple[tuple[str, str], ...]
    machine: str = ""


def machines(comparison: Comparison) -> list[str]:
    """Machines that times were taken on, that of most codecs first. Times of one codec on several are no
    one's."""
    known = Counter(cost.timed_on for cost in comparison.costs if cost.timed_on not in (None, SEVERAL))
    return [str(machine) for machine, _ in known.most_common()]


def pareto(comparison: Comparison, metric: str, cost: str, machine: str | None = None) -> Pareto:
    """BD-rates by a metric over a cost.

    Args:
        cost: of `AXES`.
        machine: whose times to take, of `machines`; by default the first.

    Raises:
        BenchError: no such cost.
    """
    if cost not in AXES:
        raise BenchError(f"unknown cost '{cost}': choose one of {', '.join(AXES)}")
    axis = AXES[cost]
    rates: dict[str, float | None] = {
        delta.codec: delta.bd.bd_rate for delta in comparison.deltas if delta.metric == metric
    }
    rates[comparison.anchor] = 0.0
    figures = {each.codec: getattr(each, cost) for each in comparison.costs}
    if not axis.timed:
        machine = ""
    elif machine is None:
        machine = next(iter(machines(comparison)), "")
    places, absent = [], []
    for each in comparison.costs:
        rate = rates.get(each.codec)
        if rate is None:
            absent.append((each.codec, "no BD-rate"))
        elif not figures[each.codec]:
            absent.append((each.codec, (each.note if axis.timed else each.not_counted) or "not known"))
        elif axis.timed and each.timed_on != machine:
            absent.append((each.codec, f"times of {each.timed_on}"))
        else:
            places.append(Place(each.codec, figures[each.codec] * axis.scale, rate))
    return Pareto(metric, cost, tuple(with_front(places)), tuple(absent), machine)


def with_front(places: Sequence[Place]) -> list[Place]:
    """The same places, the cheapest first, marked where they are on the front.

    >>> fast, good, poor = Place("fast", 1, 50), Place("good", 9, 0), Place("poor", 9, 60)
    >>> [place.codec for place in with_front([good, poor, fast]) if place.on_front]
    ['fast', 'good']
    """

    def beaten(place: Place) -> bool:
        return any(
            other.cost <= place.cost
            and other.bd_rate <= place.bd_rate
            and (other.cost, other.bd_rate) != (place.cost, place.bd_rate)
            for other in places
        )

    ordered = sorted(places, key=lambda place: (place.cost, place.bd_rate))
    return [place._replace(on_front=not beaten(place)) for place in ordered]
