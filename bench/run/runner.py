"""Which cells a run measures, and their way into the results, one by one as they are measured."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bench import codecs, metrics
from bench.core.errors import BenchError
from bench.datasets.catalogue import Dataset, pixels
from bench.results import Contents, Failure, Row, Store
from bench.run.kept_pictures import Kept
from bench.run.measurer import Cell, Conditions, Measurer, Record
from bench.run.quiet import Presence, presence


class Resume(StrEnum):
    """Which cells a run measures."""

    missing = "missing"  # those without figures, never tried or failed
    failed = "failed"  # only those that failed
    all = "all"  # every one anew
    none = "none"  # not one: only tell what is there

    @classmethod
    def of(cls, name: str) -> Resume:
        """The policy of that name; raises BenchError if there is none."""
        if name not in list(cls):
            raise BenchError(f"--resume is one of {', '.join(cls)}, not '{name}'")
        return cls(name)


@dataclass
class Outcome:
    """What a run did; the rows are those of the cells that it was asked for, measured now or before."""

    rows: list[Row] = field(default_factory=list)
    measured: int = 0
    failures: list[Failure] = field(default_factory=list)  # now or, where not tried again, before
    untried: int = 0

    @property
    def complete(self) -> bool:
        """Whether there are figures of every cell that was asked for."""
        return not self.failures and not self.untried


@dataclass(frozen=True)
class Run:
    """One codec over one dataset. Images go one after the other, each at all qualities, so that a run that
    was cut short still has whole curves.

    Args:
        qualities: empty: those that the codec draws its curve from.
        keep: keep bitstreams and decoded pictures beside the results.
    """

    codec: str
    dataset: Dataset
    qualities: tuple[float, ...] = ()
    metrics: tuple[str, ...] = metrics.DEFAULT
    conditions: Conditions = field(default_factory=Conditions)
    resume: Resume = Resume.missing
    keep: bool = False

    @property
    def name(self) -> str:
        """The codec's name, with its parameters; also where `codec` is the path of its YAML file."""
        return codecs.get(self.codec).name

    def plan(self, store: Store) -> tuple[list[Cell], Outcome]:
        """The cells that are to be measured, and an outcome that holds what is known of the others.

        Raises:
            BenchError: the codec or a metric can't run here, or there is no such quality.
        """
        codec = codecs.get(self.codec)
        metrics.check_ready(self.metrics)
        qualities = sorted({codec.check_quality(q) for q in self.qualities or codec.qualities})
        there = store.load(self.dataset.name, codec.name, codec.version())
        cells, outcome = [], Outcome()
        for image in self.dataset.images:
            for quality in qualities:
                key = (image.sha256, codec.name, codec.version(), quality)
                row, failure = there.rows.get(key), there.failures.get(key)
                done = row is not None and self._will_do(row, there)
                if self._wanted(done, failure is not None):
                    cells.append(Cell(image, quality))
                elif row is not None and done:
                    outcome.rows.append(row)
                elif failure is not None:
                    outcome.failures.append(failure)
                else:
                    outcome.untried += 1
        codec.prepare(sorted({cell.quality for cell in cells}))
        return cells, outcome

    def seconds(self, cells: Sequence[Cell]) -> float:
        """What cells will take by a slow codec's own account, on two cores; 0: not long, or not known."""
        slow = codecs.get(self.codec).slow
        return slow * sum(pixels(cell.image.path) for cell in cells) / 1e6 if slow else 0.0

    def execute(self, cells: list[Cell], outcome: Outcome, store: Store) -> Generator[Cell, None, None]:
        """Measure cells, store each as it comes, and yield each cell that is done or has failed.

        Raises:
            BenchError: results can't be written, or the run can't be alone; what was measured is kept.
        """
        if not cells:
            return
        with presence(self.conditions.jobs, exclusive=self.conditions.timing) as here:
            team = _Team(self, here, Kept(store.folder) if self.keep else None, store.folder)
            try:
                for cell, record, made_with in team.measure(cells):
                    store.append(record, made_with)
                    if isinstance(record, Row):
                        outcome.rows.append(record)
                        outcome.measured += 1
                    else:
                        outcome.failures.append(record)
                    if isinstance(record, Failure) and record.voids:
                        outcome.rows = [row for row in outcome.rows if row.cell != record.cell]
                        outcome.measured -= 1
                    else:
                        yield cell
            finally:
                team.stop()

    def _wanted(self, done: bool, failed: bool) -> bool:
        match self.resume:
            case Resume.all:
                return True
            case Resume.missing:
                return not done
            case Resume.failed:
                return failed and not done
            case Resume.none:
                return False

    def _will_do(self, row: Row, there: Contents) -> bool:
        """Whether a row has all that is asked for: the metrics, as they are computed today, and times."""
        made_with = there.setups.get(row.setup)
        if self.conditions.timing and not (row.alone and row.repeats >= self.conditions.repeats):
            return False
        return all(
            name in row.metrics
            and (made_with is None or made_with.metrics.get(name) == metrics.get(name).version())
            for name in self.metrics
        )


class _Team:
    """As many measurers as there are jobs, each in a thread, working off one list of cells."""

    def __init__(self, run: Run, here: Presence, kept: Kept | None, results: Path) -> None:
        self._done: queue.SimpleQueue[Record | BaseException | None] = queue.SimpleQueue()
        self._measurers = [
            Measurer(run.codec, run.dataset, run.metrics, run.conditions, here, kept, results)
            for _ in range(run.conditions.jobs)
        ]
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def measure(self, cells: Sequence[Cell]) -> Iterator[Record]:
        # Cells of one image go to one measurer: its original is read once.
        groups: queue.SimpleQueue[list[Cell]] = queue.SimpleQueue()
        by_image: dict[str, list[Cell]] = {}
        for cell in cells:
            by_image.setdefault(cell.image.name, []).append(cell)
        for group in by_image.values():
            groups.put(group)
        for measurer in self._measurers:
            thread = threading.Thread(target=self._work, args=(measurer, groups), daemon=True)
            thread.start()
            self._threads.append(thread)
        working = len(self._measurers)
        while working:
            record = self._done.get()
            if record is None:
                working -= 1
            elif isinstance(record, BaseException):
                raise record
            else:
                yield record

    def stop(self) -> None:
        self._stopping.set()
        for measurer in self._measurers:
            measurer.close()
        for thread in self._threads:
            thread.join(10)
        for measurer in self._measurers:  # a thread may have started a process in between
            measurer.close()

    def _work(self, measurer: Measurer, groups: queue.SimpleQueue[list[Cell]]) -> None:
        try:
            with suppress(queue.Empty):
                while True:
                    for cell in groups.get_nowait():
                        if self._stopping.is_set():
                            return
                        self._done.put(measurer.measure(cell))
            for record in measurer.spot_check():
                self._done.put(record)
        except BaseException as error:  # a bug of ours must not look like a finished run
            if not self._stopping.is_set():
                self._done.put(error)
        finally:
            self._done.put(None)
