"""Which pictures the viewer shows: images at both ends and in the middle, each codec at a few like rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.results import Row

RATES = 3  # of each image
IMAGES = 6  # by default


class Chosen(NamedTuple):
    """An image for the viewer; why: "best", "median" or "worst" for the first codec, or ""."""

    image: str
    why: str


def choose_images(ranked: Sequence[str], others: Sequence[str], count: int | None) -> list[Chosen]:
    """The best, the median and the worst images, a third of the count each.

    Args:
        ranked: images that have a BD-rate, the best first.
        others: images without one; they fill up.
        count: how many; None: all.

    >>> choose_images(["a", "b", "c", "d", "e"], [], 3)
    [Chosen(image='a', why='best'), Chosen(image='c', why='median'), Chosen(image='e', why='worst')]
    """
    count = len(ranked) + len(others) if count is None else count
    third = max(1, min(count, len(ranked)) // 3)
    whys = dict.fromkeys(ranked, "")
    if len(ranked) >= 3:
        start = (len(ranked) - third) // 2
        whys |= dict.fromkeys(ranked[start : start + third], "median")
        whys |= dict.fromkeys(ranked[:third], "best") | dict.fromkeys(ranked[-third:], "worst")
    marked = [image for image in ranked if whys[image]]
    unmarked = [image for image in (*ranked, *others) if image not in marked]
    taken = {*marked[:count], *unmarked[: max(0, count - len(marked))]}
    return [Chosen(image, whys.get(image, "")) for image in (*ranked, *others) if image in taken]


def choose_rows(rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    """For one image, by codec: the rows nearest to a few rates that as many codecs as can be reach.

    Args:
        rows: by codec, of one image.
    """
    known = [sorted(row.bpp for row in own) for own in rows.values() if own]
    if not known:
        return []
    low, high = max(rates[0] for rates in known), min(rates[-1] for rates in known)
    if not low < high:  # no rate is in reach of all
        low, high = min(rates[0] for rates in known), max(rates[-1] for rates in known)
    chosen: dict[tuple[str, float], Row] = {}
    for place in range(RATES):
        target = low * (high / low) ** ((place + 0.5) / RATES)
        for own in rows.values():
            if own:
                nearest = min(own, key=lambda row: abs(math.log(row.bpp / target)))
                chosen[nearest.codec, nearest.quality] = nearest
    return list(chosen.values())
