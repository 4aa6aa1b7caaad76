"""The same comparison with each of its codecs as the anchor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.compare.comparison import Comparison, compare_sources
from bench.compare.part import Range
from bench.compare.sources import Source
from bench.core.errors import BenchError
from bench.metrics import USUAL


@dataclass(frozen=True)
class Terms:
    """How curves are compared, as `bench compare` takes it.

    Args:
        metrics: names; empty: all that a codec and the anchor both have.
        intervals: whether there are 95 % intervals over images.
        ranges: the part of the curves that deltas are about.
    """

    metrics: tuple[str, ...] = ()
    method: str = "pchip"
    average: str = USUAL
    intervals: bool = True
    ranges: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Anchored:
    """What `bench compare` says with one codec as the anchor.

    Args:
        name: the anchor, as it was asked for.
        comparison: None where there is none.
        reason: why there is none.
    """

    name: str
    comparison: Comparison | None
    reason: str = ""


def with_each_anchor(
    asked: Comparison,
    names: Sequence[str],
    sources: Sequence[Source],
    terms: Terms,
    say: Callable[[str], None] = lambda text: None,
) -> list[Anchored]:
    """The comparison that was asked for, then those with each other codec as the anchor.

    Args:
        asked: of `sources`, the last one the anchor.
        names: of the sources, as `bench compare` takes them.
        sources: of `bench.compare.sources.gather`, by the average of the terms.
        say: gets a line for each anchor, as the work goes on.
    """
    anchored = [Anchored(names[-1], asked)]
    for number, (anchor, source) in enumerate(zip(names[:-1], sources[:-1], strict=True), start=2):
        say(f"{asked.dataset}: comparing with {anchor} as the anchor, {number} of {len(names)}")
        others = [other for other in sources if other is not source]
        try:
            comparison = compare_sources(
                [*others, source],
                asked.dataset,
                method=terms.method,
                average=terms.average,
                metrics=terms.metrics or None,
                intervals=terms.intervals,
                ranges=terms.ranges,
            )
        except BenchError as error:  # as where it has no metric in common with one of the others
            anchored.append(Anchored(anchor, None, str(error)))
        else:
            anchored.append(Anchored(anchor, comparison))
    return anchored
