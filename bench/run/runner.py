"""Which cells a run measures, and their way into the results, one by one as they are measured."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING

from bench import codecs
from bench.core.errors import BenchError
from bench.core.images import pixels
from bench.datasets import Dataset
from bench.metrics import DEFAULT, check_ready
from bench.metrics import get as get_metric
from bench.results import Contents, Failure, Row, RunRecord, Setup, Store
from bench.results.kept_pictures import Kept
from bench.run.measurer import Cell, Measurer, Record
from bench.run.quiet import Presence, presence
from bench.run.settings import Resume, Settings
from bench.run.shard import Shard

if TYPE_CHECKING:
    from bench.run.cluster.machines import Machines
    from bench.run.cluster.team import Team


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


class Group:
    """Cells of one picture, which one measurer measures one after the other: its original is read once."""

    searches = False  # whether a cell depends on what came of those before

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._cells = cells

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._cells)

    def saw(self, record: Record) -> None:
        """What came of the last cell, before the next one is asked for."""


class Run:
    """One codec over one dataset. Images go one after the other, each at all qualities, so that a run that
    was cut short still has whole curves.

    Making one plans it: `cells` are to be measured, `outcome` holds what is known of the others.

    Args:
        spec: the codec's name, with parameters, or the path of its YAML file.
        dataset: as `bench.datasets.load` gives it; it then bears the name that its results go by.
        store: where results are looked for and go to.
        qualities: empty: those that the codec draws its curve from.
        metrics: names; of rows that lack one, the cell is measured again.
        shard: the part of the images that this run is about; None: all.
        machines: workers of `--cluster`, which measure instead of this machine.

    Raises:
        BenchError: the codec or a metric can't run here, or there is no such quality.
    """

    def __init__(
        self,
        spec: str,
        dataset: Dataset,
        store: Store,
        qualities: Sequence[float] = (),
        metrics: Sequence[str] = DEFAULT,
        settings: Settings | None = None,
        shard: Shard | None = None,
        machines: Machines | None = None,
    ) -> None:
        self.spec, self.store, self.metrics = spec, store, tuple(metrics)
        self.settings = settings or Settings()
        self._machines = machines
        self.codec = machines.codec(spec, self.metrics) if machines else codecs.get(spec)
        check_ready(self.metrics)
        self.dataset = store.named(dataset)
        self.name, self.version = self.codec.name, self.codec.version()
        self.qualities = sorted({self.codec.check_quality(q) for q in qualities or self.codec.qualities})
        self.shard = shard
        self.images = shard.images(self.dataset) if shard else self.dataset.images
        self.cells: list[Cell] = []
        self.outcome = Outcome()
        self._plan(store.load(self.dataset.name, self.name, self.version))
        self.codec.prepare(sorted({cell.quality for cell in self.cells}))

    @property
    def total(self) -> int:
        """How many steps `execute` takes."""
        return len(self.cells)

    @property
    def complete(self) -> bool:
        """Whether there are figures of all that was asked for."""
        return self.outcome.complete

    def has_metrics(self, row: Row, setup: Setup | None) -> bool:
        """Whether a row has all metrics that are asked for, as they are computed today."""
        return all(name in row.metrics and _stands(name, row, setup) for name in self.metrics)

    def has_times(self, row: Row) -> bool:
        """Whether a row has times such as are asked for."""
        return not self.settings.timing or (row.alone and row.repeats >= self.settings.repeats)

    def seconds(self) -> float:
        """What the cells will take by a slow codec's own account, on two cores; 0: not long, or not known."""
        total = 0
        for cell in self.cells if self.codec.slow else ():
            with suppress(BenchError):  # a picture that can't be read fails as a cell, later
                total += pixels(cell.image.path)
        return self.codec.slow * total / 1e6

    def execute(self) -> Generator[Cell, None, None]:
        """Measure the cells, store each as it comes, and yield each cell that is done or has failed.

        Raises:
            BenchError: results can't be written, or the run can't be alone; what was measured is kept.
        """
        if self.settings.resume is Resume.none:
            return
        self.store.claim(self.dataset)
        try:
            if groups := self._groups():
                yield from self._measure(groups)
        finally:
            self._store_record()

    def _groups(self) -> Sequence[Group]:
        """What is to be measured, a group for each picture."""
        by_image: dict[str, list[Cell]] = {}
        for cell in self.cells:
            by_image.setdefault(cell.image.name, []).append(cell)
        return [Group(cells) for cells in by_image.values()]

    def _measure(self, groups: Sequence[Group]) -> Generator[Cell, None, None]:
        outcome = self.outcome
        with self._team() as team:
            for cell, record, setup in team.measure(groups):
                self.store.append(record, setup)
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

    @contextmanager
    def _team(self) -> Iterator[_Team | Team]:
        """Those that measure: threads here, or workers of a cluster."""
        if self._machines is not None:
            with self._machines.team(self) as workers:
                yield workers
            return
        with presence(self.settings.jobs, exclusive=self.settings.timing) as here:
            team = _Team(self, here)
            try:
                yield team
            finally:
                team.stop()

    def _plan(self, there: Contents) -> None:
        for image in self.images:
            for quality in self.qualities:
                key = (image.sha256, self.name, self.version, quality)
                row, failure = there.rows_of_any_picture.get(key), there.failures.get(key)
                done = row is not None and self._will_do(row, there)
                if self._is_wanted(done, failure is not None):
                    self.cells.append(Cell(image, quality))
                elif row is not None and done:
                    renamed = row.image != image.name
                    self.outcome.rows.append(replace(row, image=image.name) if renamed else row)
                elif failure is not None:
                    self.outcome.failures.append(failure)
                else:
                    self.outcome.untried += 1
        self._last_record = there.last_run

    def _is_wanted(self, done: bool, failed: bool) -> bool:
        match self.settings.resume:
            case Resume.all:
                return True
            case Resume.missing:
                return not done
            case Resume.failed:
                return failed and not done
            case _:
                return False

    def _will_do(self, row: Row, there: Contents) -> bool:
        """Whether a row has all that is asked for: the metrics, as they are computed today, and times."""
        return self.has_times(row) and self.has_metrics(row, there.setups.get(row.setup))

    def _store_record(self) -> None:
        """Leave word of this run, unless the last line of the results says the same already."""
        cells = len(self.images) * len(self.qualities)
        measured, failed = len(self.outcome.rows), len(self.outcome.failures)
        record = RunRecord(
            dataset=self.dataset.name,
            codec=self.name,
            codec_version=self.version,
            pictures=self.dataset.pictures,
            qualities=tuple(self.qualities),
            measured=measured,
            failed=failed,
            untried=max(0, cells - measured - failed),
            date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        )
        if self.outcome.measured or not record.same_but_for_date(self._last_record):
            self.store.append(record)


def _stands(metric: str, row: Row, setup: Setup | None) -> bool:
    """Whether a row's value of a metric is as it would be computed today."""
    version = setup.metrics.get(metric, "") if setup else None
    return version is None or get_metric(metric).stands(row.metrics[metric], version)


class _Team:
    """As many measurers as there are jobs, each in a thread, working off one list of cells."""

    def __init__(self, run: Run, here: Presence) -> None:
        kept = Kept(run.store.folder) if run.settings.keep else None
        self._done: queue.SimpleQueue[Record | BaseException | None] = queue.SimpleQueue()
        self._measurers = [
            Measurer(run.spec, run.dataset, run.metrics, run.settings, here, kept, run.store.folder)
            for _ in range(run.settings.jobs)
        ]
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def measure(self, groups: Iterable[Group]) -> Iterator[Record]:
        waiting: queue.SimpleQueue[Group] = queue.SimpleQueue()
        for group in groups:
            waiting.put(group)
        for measurer in self._measurers:
            thread = threading.Thread(target=self._work, args=(measurer, waiting), daemon=True)
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

    def _work(self, measurer: Measurer, waiting: queue.SimpleQueue[Group]) -> None:
        try:
            with suppress(queue.Empty):
                while True:
                    group = waiting.get_nowait()
                    for cell in group:
                        if self._stopping.is_set():
                            return
                        record = measurer.measure(cell)
                        group.saw(record)
                        self._done.put(record)
            for record in chain(measurer.spot_check(), measurer.check_canaries()):
                self._done.put(record)
        except BaseException as error:  # a bug of ours must not look like a finished run
            if not self._stopping.is_set():
                self._done.put(error)
        finally:
            self._done.put(None)
