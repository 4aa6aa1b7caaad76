"""Parts of sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMED = 3


def number_text(value: float) -> str:
    """The shortest text that reads back as the same number.

    >>> number_text(75.0), number_text(0.1), number_text(1.0000001)
    ('75', '0.1', '1.0000001')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "image"), counted(24, "image")
    ('1 image', '24 images')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def first_few(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
