"""Parts of sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMED = 3


def first_few(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
