"""Runs that code each picture at its own quality: the one that comes nearest to a target."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from bench.codecs import Codec
from bench.datasets import Dataset, Image
from bench.metrics import DEFAULT
from bench.results import Contents, Row, Store
from bench.results.records import CellKey
from bench.results.targets import Target, matched_store, nearest, tried
from bench.run.measurer import Cell, Record
from bench.run.runner import Group, Run
from bench.run.settings import Resume, Settings
from bench.run.shard import Shard
from bench.run.target_search import Grid, next_quality

if TYPE_CHECKING:
    from bench.run.cluster.machines import Machines, RemoteCodec

MOST = 16  # encodings for a picture and a target


@dataclass(frozen=True)
class Match:
    """The row of a picture that comes nearest to a target; None: nothing could be coded."""

    target: Target
    image: Image
    row: Row | None
    encodings: int  # of the picture for this target, now; others served another target or were there already

    @property
    def off(self) -> float | None:
        """Percent of the rate, or difference of the metric."""
        return None if self.row is None else self.target.off(self.row)


class TargetRun(Run):
    """One codec over one dataset, at targets. Its rows go to `bench.results.targets.matched_store`.

    Args:
        targets: what to reach on each picture, one search for each.
        store: of curves. Its rows are looked at first, and those that hit a target are copied.
        others: as those of `Run`.
    """

    def __init__(
        self,
        spec: str,
        dataset: Dataset,
        store: Store,
        targets: Sequence[Target],
        metrics: Sequence[str] = DEFAULT,
        settings: Settings | None = None,
        shard: Shard | None = None,
        machines: Machines | None = None,
    ) -> None:
        self.targets = tuple(targets)
        self._curves = store
        self._hints: dict[Target, list[float]] = {target: [] for target in targets}
        wanted = dict.fromkeys([*metrics, *(target.metric for target in targets if target.metric)])
        named = replace(store.named(dataset), place="")  # which the store of curves has a name for
        self._original = store.named(dataset)
        super().__init__(
            spec, named, matched_store(store.folder), (), tuple(wanted), settings, shard, machines
        )
        if self.total:
            self.codec.prepare(self.codec.qualities)

    @property
    def total(self) -> int:
        """Pictures times targets that are not yet reached."""
        return sum(len(search.open) for search in self._searches)

    @property
    def complete(self) -> bool:
        """Whether each picture has a row for each target."""
        return all(match.row is not None for match in self.matches)

    @property
    def matches(self) -> list[Match]:
        """By target, then by picture."""
        found = {
            (match.target, match.image): match for search in self._searches for match in search.matches()
        }
        return [found[target, image] for target in self.targets for image in self.images]

    @property
    def voided(self) -> set[CellKey]:
        """Cells whose rows don't stand any more, as those of a codec that knows the pictures."""
        return {failure.cell for failure in self.outcome.failures if failure.voids}

    def execute(self) -> Generator[Cell, None, None]:
        """Search, and store each cell as it comes; yields a cell for each target that a picture hits."""
        if self.settings.resume is Resume.none:
            return
        self._curves.claim(self._original)
        done = 0
        for cell in super().execute():
            now = sum(len(search.closed) for search in self._searches)
            for _ in range(now - done):
                yield cell
            done = now

    def hint(self, target: Target, quality: float) -> None:
        """Remember at which quality a picture hit a target."""
        self._hints[target].append(quality)

    def hint_for(self, target: Target) -> float | None:
        """The quality that half of the pictures so far needed more than; None: there were none."""
        hints = self._hints[target]
        return median(hints) if hints else None

    def _plan(self, there: Contents) -> None:
        known: dict[str, list[Row]] = {}
        if self.settings.resume is not Resume.all:
            for row in tried(self.dataset.name, self.name, [self._curves], self.version):
                known.setdefault(row.image_sha256, []).append(row)
        self._setups = {
            **self._curves.load(self.dataset.name, self.name, self.version).setups,
            **there.setups,
        }
        self._stored = there.rows
        self._searches = [
            _Search(self, image, [row for row in known.get(image.sha256, []) if self._counts(row)])
            for image in self.images
        ]
        self._last_record = there.last_run

    def _groups(self) -> Sequence[Group]:
        return [search for search in self._searches if search.open]

    def _store_record(self) -> None:
        for search in self._searches:
            for match in search.matches():
                self._keep(match.row)
        self.qualities = []  # those of a search are nobody's to ask for
        super()._store_record()

    def _counts(self, row: Row) -> bool:
        return self.has_metrics(row, self._setups.get(row.setup))

    def _keep(self, row: Row | None) -> None:
        """A row of the curve's results that was chosen is one of this store, too."""
        if row is not None and row.cell not in self._stored and row not in self.outcome.rows:
            self.store.append(row, self._setups.get(row.setup))
            self._stored[row.cell] = row


def grid_of(codec: Codec | RemoteCodec) -> Grid:
    """The qualities that a codec takes."""
    low, high = codec.quality_range
    falling = codec.qualities[0] > codec.qualities[-1]
    return Grid(low, high, codec.whole_qualities, falling, codec.qualities)


class _Search(Group):
    """All targets of one picture: cells to measure, one after the other, each chosen by those before."""

    searches = True

    def __init__(self, run: TargetRun, image: Image, known: Sequence[Row]) -> None:
        super().__init__(())
        self._run, self._image = run, image
        self._rows = {row.quality: row for row in known}
        self._untimed = {row.quality for row in known if not run.has_times(row)}
        self._tried = self._rows.keys() - self._untimed
        self._encodings = dict.fromkeys(run.targets, 0)
        self._grid = grid_of(run.codec)
        # Whether there is anything to search for is seen now, so that a run may have nothing to do.
        self.open = [target for target in run.targets if self._next(target) is not None]
        self.closed: list[Target] = []

    def __iter__(self) -> Iterator[Cell]:
        for target in self.open:
            while self._encodings[target] < MOST and (quality := self._next(target)) is not None:
                self._tried.add(quality)
                self._encodings[target] += 1
                yield Cell(self._image, quality)
            self.closed.append(target)
            if (row := self._nearest(target)) is not None:
                self._run.hint(target, row.quality)

    def saw(self, record: Record) -> None:
        cell, row, _ = record
        if isinstance(row, Row):
            self._rows[cell.quality] = row
            self._untimed.discard(cell.quality)

    def matches(self) -> list[Match]:
        return [
            Match(target, self._image, self._nearest(target), self._encodings[target])
            for target in self._run.targets
        ]

    def _nearest(self, target: Target) -> Row | None:
        voided = self._run.voided
        return nearest((row for row in self._rows.values() if row.cell not in voided), target)

    def _next(self, target: Target) -> float | None:
        gaps = {quality: gap for quality, row in self._rows.items() if (gap := target.gap(row)) is not None}
        quality = next_quality(gaps, self._grid, self._run.hint_for(target))
        if quality is None and (best := self._nearest(target)) and best.quality in self._untimed:
            quality = best.quality  # to take the times that are asked for
        return None if quality in self._tried else quality  # a cell that failed fails again
