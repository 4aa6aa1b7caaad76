"""Cells of the baseline and the fresh cells that answer to them: what is missing, and what moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench import metrics
from bench.check.verdicts import Moved
from bench.compare.curves import whole_curves
from bench.core.words import first_few
from bench.results import Contents, Failure, Row

Pair = tuple[Row, Row]  # of the baseline, fresh; the same picture at the same quality


# On the scale of curves: what another CPU may make of the same picture in float32.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Pairing:
    """pairs: of all cells that both have. whole: those of images that both have at every quality of the
    baseline, in the same order of images at each quality. problems: what of the baseline has no match."""

    pairs: tuple[Pair, ...]
    whole: tuple[Pair, ...]
    images: frozenset[str]  # of `whole`, by SHA-256
    qualities: tuple[float, ...]  # of `whole`
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def paired(now: Contents, before: Contents) -> Pairing:
    """Match fresh cells with the baseline's by the picture's SHA-256 and the quality."""
    fresh = {(row.image_sha256, row.quality): row for row in now.rows.values()}
    old = {(row.image_sha256, row.quality): row for row in before.rows.values()}
    pairs = tuple((row, fresh[key]) for key, row in old.items() if key in fresh)
    images, qualities = whole_curves(old)
    complete = frozenset(image for image in images if all((image, quality) in fresh for quality in qualities))
    whole = tuple(pair for pair in pairs if pair[0].image_sha256 in complete and pair[0].quality in qualities)
    return Pairing(
        pairs, whole, complete, tuple(sorted(qualities)),
        tuple(_problems(now, before)), tuple(_notes(now, before, pairs)),
    )  # fmt: skip


def moved(pairs: Iterable[Pair]) -> tuple[Moved, ...]:
    """The cells whose bytes or metrics aren't the baseline's, the worst first."""
    cells = []
    for before, now in pairs:
        gains = {
            name: gain
            for name, value in before.metrics.items()
            if value is not None and now.metrics.get(name) is not None
            if abs(gain := gain_in(name, before, now)) > _TOLERANCE
        }
        if gains or now.bytes != before.bytes:
            growth = 100 * (now.bytes / before.bytes - 1) if before.bytes else math.inf
            changes = {name: metrics.get(name).turned(gain) for name, gain in gains.items()}
            cells.append(Moved(before.image, before.quality, growth, changes, _loss(growth, gains.values())))
    return tuple(sorted(cells, key=lambda cell: (-cell.loss, cell.image, cell.quality)))


def gain_in(metric: str, before: Row, now: Row) -> float:
    """By how much a metric got better, on the scale of curves; both rows must have the metric.

    Infinite where a picture stopped being lossless (-inf), or became so.
    """
    old, new = before.metrics[metric], now.metrics[metric]
    if old == new or old is None or new is None:  # of most cells nothing changed
        return 0.0
    scale = metrics.get(metric)
    gain = scale.turned(scale.in_db(new)) - scale.turned(scale.in_db(old))
    return 0.0 if math.isnan(gain) else gain  # inf less inf


def _loss(growth: float, gains: Iterable[float]) -> float:
    """How bad a cell is, for sorting: percent of the bytes, 0.05 of a metric counting as one percent, for
    that is about what one percent of the bytes buys in dB."""
    return max([growth, *(-gain / 0.05 for gain in gains)])


def _problems(now: Contents, before: Contents) -> list[str]:
    """Cells of the baseline that weren't measured again, each kind in a clause."""
    fresh = {(row.image_sha256, row.quality) for row in now.rows.values()}
    failures = {(cell.image_sha256, cell.quality): cell for cell in now.failures.values()}
    measured: list[Row | Failure] = [*now.rows.values(), *now.failures.values()]
    pictures = {record.image_sha256 for record in measured}
    names = {record.image for record in measured}
    changed: dict[str, None] = {}
    failed, missing = [], []
    for row in before.rows.values():
        key = row.image_sha256, row.quality
        if key in fresh:
            continue
        where = f"{row.image} at quality {row.quality:g}"
        if key in failures:
            failed.append(f"{where}: {failures[key].side}: {failures[key].reason}")
        elif row.image_sha256 not in pictures and row.image in names:
            changed[row.image] = None
        else:
            missing.append(where)
    problems, total = [], len(before.rows)
    if changed:
        problems.append(
            f"pictures that aren't those of the baseline, by their SHA-256: {first_few(list(changed))}"
        )
    if failed:
        problems.append(f"{len(failed)} of {total} cells of the baseline failed ({first_few(failed)})")
    if missing:
        problems.append(
            f"{len(missing)} of {total} cells of the baseline weren't measured ({first_few(missing)})"
        )
    return problems


def _notes(now: Contents, before: Contents, pairs: Sequence[Pair]) -> list[str]:
    notes = []
    old_qualities = {row.quality for row in before.rows.values()}
    if extra := sorted({row.quality for row in now.rows.values()} - old_qualities):
        few = first_few([f"{quality:g}" for quality in extra])
        notes.append(f"qualities that the baseline lacks are ignored ({few})")
    old_images = {row.image_sha256 for row in before.rows.values()}
    if more := sorted({row.image for row in now.rows.values() if row.image_sha256 not in old_images}):
        notes.append(f"images that the baseline lacks are ignored ({first_few(more)})")
    other = sum(old.bitstream_sha256 != new.bitstream_sha256 for old, new in pairs)
    if other and now.version == before.version:
        notes.append(f"{other} bitstreams differ, yet the codec's version is the baseline's: {now.version}")
    for metric in sorted({name for row in before.rows.values() for name in row.metrics}):
        then, here = (_metric_versions(contents, metric) for contents in (before, now))
        if then and here and then != here:
            fresh, old = first_few(sorted(here)), first_few(sorted(then))
            notes.append(f"{metric} is version {fresh}, that of the baseline was {old}")
    return notes


def _metric_versions(contents: Contents, metric: str) -> set[str]:
    return {setup.metrics[metric] for setup in contents.used_setups if metric in setup.metrics}
