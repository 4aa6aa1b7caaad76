"""The one kind of error that a user is meant to read."""

from __future__ import annotations


class BenchError(Exception):
    """What went wrong and what to do about it, in one sentence.

    The command line prints the message without a traceback and exits with code 2.
    Anything else that escapes is a bug of ours and keeps its traceback.
    """
