"""Targets that each picture is coded for: a rate, a size or a quality; and the rows that come nearest.

Rows of a search lie in a store of their own, `matched_store`, so that curves don't get points that only few
pictures have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import BenchError
from bench.core.words import number_text
from bench.metrics import get as get_metric
from bench.metrics import names as metric_names
from bench.results.records import Row
from bench.results.store import Store

FAR = 10.0  # percent off a rate or a size, beyond which a codec doesn't come near it
FAR_DB = 0.5  # that, in decibels of a metric
RATE, SIZE = "bpp", "bytes"
MATCHED = "matched"  # folder of the results of searches, in that of results

# Rates by one name: those of JPEG AI's test conditions, in bits per pixel.
RATES = {"jpeg-ai": (0.03, 0.06, 0.12, 0.25, 0.5, 0.75)}


@dataclass(frozen=True)
class Target:
    """What is to be reached on each picture.

    of: "bpp", "bytes", or a metric. value: bits per pixel, bytes, or the metric on the scale of curves.
    """

    of: str
    value: float

    def __str__(self) -> str:
        return f"{self.of}:{number_text(self.value)}"

    @property
    def metric(self) -> str | None:
        return None if self.of in (RATE, SIZE) else self.of

    @property
    def title(self) -> str:
        """For people: "0.25 bpp", "36 dB of PSNR (RGB)"."""
        if self.metric is None:
            return f"{number_text(self.value)} {self.of}"
        metric = get_metric(self.metric)
        return f"{number_text(self.value)} {metric.unit}".strip() + f" of {metric.title}"

    @property
    def far(self) -> float:
        """How far off, as of `off`, is too far to say that a picture hits the target."""
        if self.metric is None:
            return FAR
        return FAR_DB if get_metric(self.metric).unit == "dB" else FAR / 100 * abs(self.value)

    def gap(self, row: Row) -> float | None:
        """By how much a row is above the target on a scale on which halves and doubles of a rate are equally
        far: logarithm of the ratio, or difference of the metric, turned so that more is better. None: the row
        lacks the metric."""
        if self.metric is None:
            size = row.bpp if self.of == RATE else row.bytes
            return math.log(size / self.value) if size > 0 else -math.inf
        value = row.metrics.get(self.metric)
        if value is None:
            return None
        metric = get_metric(self.metric)
        return metric.turned(metric.in_db(value)) - metric.turned(self.value)

    def off(self, row: Row) -> float | None:
        """How far a row is off, for people: percent of a rate, or difference of the metric."""
        gap = self.gap(row)
        if gap is None:
            return None
        return 100 * math.expm1(gap) if self.metric is None else get_metric(self.metric).turned(gap)

    def is_near(self, row: Row) -> bool:
        """Whether a row is off by no more than `far`."""
        off = self.off(row)
        return off is not None and abs(off) <= self.far


def parse_targets(rates: Iterable[str] = (), others: Iterable[str] = ()) -> tuple[Target, ...]:
    """The targets of several `--target-bpp` and `--target`, each once.

    >>> [str(target) for target in parse_targets(["0.25"], ["psnr:36", "bytes:20000"])]
    ['bpp:0.25', 'psnr:36', 'bytes:20000']
    >>> len(parse_targets(["jpeg-ai"]))
    6

    Raises:
        BenchError: one of them is none.
    """
    targets = []
    for text in rates:
        values = RATES.get(text) or (_number(text, f"--target-bpp '{text}'"),)
        targets += [Target(RATE, value) for value in values]
    targets += [_parse(text) for text in others]
    return tuple(dict.fromkeys(targets))


def nearest(rows: Iterable[Row], target: Target) -> Row | None:
    """The row that comes nearest to a target; of two as near, the one of fewer bytes."""
    gaps = [
        (abs(gap), row.bytes, place, row)
        for place, row in enumerate(rows)
        if (gap := target.gap(row)) is not None
    ]
    return min(gaps)[3] if gaps else None


def matched_store(results: Path) -> Store:
    """The store of what searches measured, in a folder of results."""
    return Store(results / MATCHED)


def tried(dataset: str, codec: str, stores: Sequence[Store], version: str | None = None) -> list[Row]:
    """All rows of a codec's newest version, of curves and of searches.

    Args:
        stores: folders of results, the first that has any counts.
        version: of the codec; None: the one that was run last, in a search if there was one.
    """
    for store in stores:
        matched = matched_store(store.folder).load(dataset, codec, version)
        own = store.load(dataset, codec, version or matched.version)
        rows = [*own.rows.values(), *matched.rows.values()]
        if rows:
            return rows
    return []


def _parse(text: str) -> Target:
    where = f"--target '{text}'"
    of, colon, value = text.partition(":")
    if not colon:
        raise BenchError(f"{where}: a target is METRIC:VALUE, as psnr:36, bpp:0.25 or bytes:20000")
    if of in (RATE, SIZE):
        return Target(of, _number(value, where))
    if of not in metric_names():
        raise BenchError(f"{where}: there is no metric '{of}'; there are {', '.join(metric_names())}")
    return Target(of, _number(value, where, above_zero=False))


def _number(text: str, where: str, above_zero: bool = True) -> float:
    try:
        value = float(text)
    except ValueError:
        names = f", or {', '.join(RATES)}" if where.startswith("--target-bpp") else ""
        raise BenchError(f"{where}: '{text}' is no number{names}") from None
    if not math.isfinite(value) or (above_zero and value <= 0):
        raise BenchError(f"{where}: a target is a number{' above 0' if above_zero else ''}, not {text}")
    return value
