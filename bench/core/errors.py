"""The one kind of error that a user is meant to read."""

from __future__ import annotations

import re


class BenchError(Exception):
    """What went wrong and what to do about it, in one sentence.

    The command line prints the message without a traceback and exits with code 2.
    Anything else that escapes is a bug of ours and keeps its traceback.
    """


def without_folders(text: str) -> str:
    """A text in which full paths are names of files only: results are committed and shared, and no path of
    this machine belongs into them."""
    return re.sub(r"(?<![\w.:/])/(?:[^\s/'\":]+/)+", "", text)


def first_line(error: BaseException) -> str:
    """What a library's error says first, to be part of a sentence; its kind, where it says nothing.

    >>> first_line(ValueError("no picture\\nat all")), len(first_line(ValueError(10_000 * "x")))
    ('no picture', 200)
    """
    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    line = "".join(filter(str.isprintable, lines[0])).strip()
    return line if len(line) <= 200 else line[:197] + "..."
