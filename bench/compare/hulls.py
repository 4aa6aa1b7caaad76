"""The upper convex hull of several settings of one codec as one curve: `hull:av1:speed=*`.

An encoder that may choose its settings for each rate does no worse than this hull (AOM Common Test
Conditions, "AV2 CTC", convex-hull tests). By each metric the hull is another one. The hull of one codec,
`hull:mine`, leaves out the points at which its curve isn't monotonic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase

from bench.core.errors import BenchError

PREFIX = "hull:"

Points = Sequence[tuple[float, float]]  # rate and quality


def upper_hull(points: Points) -> list[tuple[float, float]]:
    """The points on the upper convex hull of quality over rate, from the first to the best one.

    >>> upper_hull([(1, 30), (2, 31), (3, 36), (4, 35), (5, 37)])
    [(1, 30), (3, 36), (5, 37)]
    """
    best: dict[float, float] = {}  # at each rate
    for rate, quality in points:
        best[rate] = max(quality, best.get(rate, quality))
    hull: list[tuple[float, float]] = []
    for rate, quality in sorted(best.items()):
        while len(hull) > 1 and _turns_up(hull[-2], hull[-1], (rate, quality)):
            hull.pop()
        hull.append((rate, quality))
    top = max(range(len(hull)), key=lambda place: hull[place][1], default=-1)
    return hull[: top + 1]


def names_in(spec: str, measured: Iterable[str]) -> list[str]:
    """The codecs that a hull is of, in the order of `measured`.

    Args:
        spec: without the prefix; a parameter `*` stands for any value, its default too.
        measured: names of codecs that have results.

    Raises:
        BenchError: the codec has no such parameter.

    >>> names_in("av1:speed=*", ["av1", "av1:speed=8", "av1:chroma=420", "avif"])
    ['av1', 'av1:speed=8']
    """
    if "*" not in spec:
        return [spec]
    bare, wanted = _split(spec)
    _refuse_unknown(bare, wanted)
    return [
        name
        for name in measured
        for own_bare, own in [_split(name)]
        if own_bare == bare
        and own.keys() <= wanted.keys()
        and all(_fits(bare, key, own.get(key), pattern) for key, pattern in wanted.items())
    ]


def _turns_up(first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]) -> bool:
    """Whether the middle point lies on or below the line from the first to the last."""
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (middle[0] - first[0])


def _split(name: str) -> tuple[str, Mapping[str, str]]:
    bare, _, text = name.partition(":")
    settings = [setting.partition("=") for setting in text.split(",") if setting]
    return bare, {key.strip(): value.strip() for key, _, value in settings}


def _refuse_unknown(codec: str, wanted: Mapping[str, str]) -> None:
    from bench import codecs

    try:
        known = codecs.get_class(codec).parameters
    except BenchError:  # results of a codec that isn't there any more
        return
    if unknown := [key for key in wanted if key not in known]:
        there = ", ".join(known) or "none"
        raise BenchError(f"{PREFIX}{codec}: {codec} has no parameter '{unknown[0]}'; there are {there}")


def _fits(codec: str, key: str, value: str | None, pattern: str) -> bool:
    """Whether a setting fits; None: it isn't named, and so at its default."""
    if value is not None:
        return fnmatchcase(value, pattern)
    if pattern == "*":
        return True
    from bench import codecs

    with suppress(BenchError, KeyError):
        return fnmatchcase(str(codecs.get_class(codec).parameters[key].default), pattern)
    return False
