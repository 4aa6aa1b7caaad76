"""The part of the curves that deltas are about: `--range psnr:30:38`, `--range bpp:0.1:1`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.core.errors import BenchError
from bench.metrics import get as get_metric
from bench.metrics import names as metric_names

RATE = "bpp"

Ends = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """Curves are cut to these ends, read off them by pchip; None: not cut.

    rates: bits per pixel, low and high. qualities: of `Curve.axes`, low and high.
    """

    rates: Ends | None = None
    qualities: Ends | None = None


WHOLE = Part()


@dataclass(frozen=True)
class Range:
    """What one `--range` says.

    of: "bpp", or a metric. low, high: bits per pixel, or the metric on the scale of curves (dB for MS-SSIM).
    """

    of: str
    low: float
    high: float

    def __str__(self) -> str:
        unit = RATE if self.of == RATE else get_metric(self.of).unit
        what = "" if self.of == RATE else f" of {get_metric(self.of).title}"
        return f"{self.low:g} to {self.high:g} {unit}".rstrip() + what


def parse_ranges(texts: Iterable[str]) -> tuple[Range, ...]:
    """The ranges of several `--range`.

    >>> parse_ranges(["psnr:30:38", "bpp:0.1:1"])
    (Range(of='psnr', low=30.0, high=38.0), Range(of='bpp', low=0.1, high=1.0))

    Raises:
        BenchError: one of them is none, or there are two of one thing.
    """
    ranges = tuple(map(_parse, texts))
    for one in ranges:
        if sum(other.of == one.of for other in ranges) > 1:
            raise BenchError(f"--range: there are two of {one.of}; give one")
    return ranges


def part_by(metric: str, ranges: Sequence[Range]) -> Part:
    """The part of curves that deltas by a metric are about: ranges of other metrics don't count."""
    part = {one.of: (one.low, one.high) for one in ranges}
    qualities = part.get(metric)
    if qualities is not None:
        low, high = sorted(map(get_metric(metric).turned, qualities))
        qualities = low, high
    return Part(part.get(RATE), qualities)


def words_for(metric: str, ranges: Sequence[Range]) -> str:
    """The same in words: "30 to 38 dB of PSNR (RGB)"; empty where curves aren't cut."""
    return " and ".join(str(one) for one in ranges if one.of in (metric, RATE))


def _parse(text: str) -> Range:
    form = "a range is METRIC:LOW:HIGH, as psnr:30:38, or bpp:0.1:1"
    of, _, ends = text.partition(":")
    low, _, high = ends.partition(":")
    try:
        values = float(low), float(high)
    except ValueError:
        raise BenchError(f"--range '{text}': {form}") from None
    if of != RATE and of not in metric_names():
        raise BenchError(f"--range '{text}': there is no metric '{of}'; {form}")
    if not (all(map(math.isfinite, values)) and values[0] < values[1]):
        raise BenchError(f"--range '{text}': the second number must be above the first; {form}")
    if of == RATE and values[0] <= 0:
        raise BenchError(f"--range '{text}': bits per pixel are above 0")
    return Range(of, *values)
