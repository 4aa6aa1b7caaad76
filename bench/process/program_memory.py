"""Memory of the programs that a codec runs: the codec reports it, the process that measures reads it.

>>> _ = take_peak()  # of programs before
>>> report(64 << 20)
>>> take_peak()
67108864
>>> take_peak()  # nothing was reported since
0
"""

from __future__ import annotations

_peak: int | None = None  # of programs that ended since `take_peak` was called; None: none ever ended


def report(peak: int) -> None:
    """Report that a program has ended, and the most bytes that were resident while it ran."""
    global _peak
    _peak = max(peak, _peak or 0)


def take_peak() -> int | None:
    """The largest peak in bytes since the last call, 0 if none was reported; None: none ever was."""
    global _peak
    peak = _peak
    if _peak is not None:
        _peak = 0
    return peak
