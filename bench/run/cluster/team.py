"""The workers of one run: which cell goes to whom, and what happens where a worker is lost."""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from distributed import Future

from bench.core.errors import BenchError
from bench.datasets import Image
from bench.results import Failure, Row
from bench.results.kept_pictures import Kept
from bench.run.cluster import station
from bench.run.cluster.calls import Answer, Calls, WorkerLost
from bench.run.cluster.final_checks import FinalChecks
from bench.run.cluster.node import node
from bench.run.cluster.station import Description, Job, Measured
from bench.run.measurer import Cell, Record

if TYPE_CHECKING:
    from bench.run.cluster.machines import Machines, RemoteCodec
    from bench.run.runner import Group, Run

ATTEMPTS = 3  # at a cell whose workers were lost, before it is a failure
_QUICK_S = 5.0  # a worker that takes less for a cell gets the next one before it has given that one back


@dataclass
class _Member:
    """A worker of the run."""

    address: str
    node: str
    ends_at: float | None  # monotonic seconds
    lease: Future[Any]
    ready: bool = False
    cells: list[Cell] = field(default_factory=list)  # it measures the first, and others wait there
    since: float = 0.0  # monotonic seconds: when it began with the first
    took: float = math.inf  # seconds that its last cell took
    sent: set[str] = field(default_factory=set)  # SHA-256 of pictures that it has
    image: str = ""  # whose cells it measures


class Team:
    """Measures cells on all workers that are there, and on those that come.

    A worker has one cell at a time, and gets the next when that one comes back: so no cell waits behind a
    slow one while another worker is idle. Where cells are quick, and there are enough of them, the next one
    waits at the worker, which needn't wait for the network then.
    """

    def __init__(self, machines: Machines, codec: RemoteCodec, run: Run) -> None:
        self._machines, self._codec, self._run = machines, codec, run
        self._calls = Calls(machines.client)
        self._id = secrets.token_hex(8)
        self._checks = FinalChecks(self._calls, run, self._id, machines.say)
        self._members: dict[str, _Member] = {}
        self._known: set[str] = set()  # addresses that were asked, or taken
        self._waiting: dict[str, list[Cell]] = {}  # by image, slowest quality first
        self._searches: dict[Image, tuple[Group, Iterator[Cell]]] = {}  # of which one cell at a time is known
        self._lost: dict[Cell, int] = {}  # how often a worker was lost with a cell
        self._seconds: dict[float, float] = {}  # the longest cell by quality
        self._kept = Kept(run.store.folder) if run.settings.keep else None
        self._alone_since = time.monotonic()

    def measure(self, groups: Iterable[Group]) -> Iterator[Record]:
        """The records of cells, as they come, and then those of checks that void cells.

        Args:
            groups: cells of a picture each, of which any worker can measure any.

        Raises:
            BenchError: the scheduler or all workers are gone.
        """
        for group in groups:
            self._plan(group)
        for waiting in self._waiting.values():
            waiting.reverse()  # the last of a curve takes longest
        for row in self._run.outcome.rows:
            self._note_time(row)
        for address, description in self._codec.described.items():
            self._take_on(address, description)
        while self._waiting or any(member.cells for member in self._members.values()):
            self._look_around()
            self._give_out()
            answer = self._calls.next(longest=1.0)
            for record in self._take(answer) if answer is not None else ():
                self._go_on_searching(record)
                yield record
        yield from self._checks.make({member.address: member.node for member in self._ready()})

    def stop(self) -> None:
        """Leave the workers: without a lease each ends what it does for this run."""
        self._calls.forget()
        for member in self._members.values():
            member.lease.release()
        self._members.clear()

    # Workers

    def _look_around(self) -> None:
        """Ask workers that came, and see whether any is left."""
        for address in self._calls.present():
            if address not in self._known:
                self._known.add(address)
                self._calls.put(address, "describe", station.describe, self._codec.carried, self._run.metrics)
        self._machines.keep_up()
        if self._members or self._calls.busy:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > self._machines.patience_s:
            raise BenchError(
                "no worker is left; what was measured is kept: start workers, and run again for the rest"
            )

    def _take_on(self, address: str, description: Description) -> None:
        self._known.add(address)
        beside = sum(member.node == description.node for member in self._members.values())
        settings = self._run.settings
        if settings.timing and beside:
            self._machines.say(f"{address} rests: --timing wants one worker on a machine")
            return
        of_node = sum(other.node == description.node for other in self._codec.described.values())
        jobs = 1 if settings.timing else max(beside + 1, of_node)
        job = Job(
            id=self._id,
            codec=self._codec.carried,
            dataset=self._run.dataset,
            metrics=self._run.metrics,
            settings=replace(settings, jobs=jobs),
            hidden=self._run.store.folder.absolute(),
            client=(node(), os.getpid()),
        )
        left = description.seconds_left
        ends_at = None if left is None else time.monotonic() + left
        lease = self._calls.hold(address, station.begin, job)
        self._members[address] = _Member(address, description.node, ends_at, lease)
        self._calls.put(address, "begin", station.lacks, lease)

    def _dismiss(self, address: str) -> None:
        """Leave a worker, whatever it was to answer."""
        self._calls.forget(address)
        member = self._members.pop(address, None)
        if member is not None:
            member.lease.release()

    # Cells

    def _plan(self, group: Group) -> None:
        """Have the cells of a picture wait: all of them or, of a search, the first."""
        cells = iter(group)
        for cell in cells:
            self._waiting.setdefault(cell.image.sha256, []).append(cell)
            if group.searches:
                self._searches[cell.image] = group, cells
                break

    def _go_on_searching(self, record: Record) -> None:
        """Have a search say which cell comes after the one whose record this is."""
        image = record[0].image
        if image in self._searches:
            group, cells = self._searches[image]
            group.saw(record)
            if (cell := next(cells, None)) is not None:
                self._back(cell)

    def _give_out(self) -> None:
        for member in self._ready():
            if not member.cells and (cell := self._next_for(member)):
                self._give(member, cell)
        for member in self._ready():
            if self._may_wait_at(member) and (cell := self._next_for(member)):
                self._give(member, cell)
        if self._waiting and self._members and not self._calls.busy:
            raise BenchError(
                "the workers end before any cell that is left would; start others, and run again for the rest"
            )

    def _give(self, member: _Member, cell: Cell) -> None:
        content = None
        if cell.image.sha256 not in member.sent:
            try:
                content = cell.image.path.read_bytes()
            except OSError:
                content = b""  # it fails there, as a picture that can't be read
            member.sent.add(cell.image.sha256)
        if not member.cells:
            member.since = time.monotonic()
        member.cells.append(cell)
        member.image = cell.image.sha256
        self._calls.put(member.address, cell, station.measure, self._id, cell, content)

    def _may_wait_at(self, member: _Member) -> bool:
        """Whether a cell may wait at a worker that measures another. Under --timing none does, as sending
        takes time from what is measured; nor at the end, where somebody else may soon be idle."""
        enough = sum(map(len, self._waiting.values())) > len(self._members)
        return len(member.cells) == 1 and member.took < _QUICK_S and enough and not self._run.settings.timing

    def _next_for(self, member: _Member) -> Cell | None:
        """The next cell of the worker's picture, else of a picture that nobody has, else of the one of which
        most is left."""
        held = {other.image for other in self._members.values()}
        order = sorted(
            self._waiting,
            key=lambda image: (
                image != member.image,
                image in held,
                -len(self._waiting[image]) * (image in held),
            ),
        )
        for image in order:
            for cell in self._waiting[image]:
                if member.ends_at is None or self._needs(cell) < member.ends_at - time.monotonic():
                    self._waiting[image].remove(cell)
                    if not self._waiting[image]:
                        del self._waiting[image]
                    return cell
        return None

    def _needs(self, cell: Cell) -> float:
        """Seconds that a cell takes, as far as earlier rows tell."""
        return self._seconds.get(cell.quality, 0.0)

    def _note_time(self, row: Row) -> None:
        took = (row.encode_s + row.decode_s) * row.repeats
        self._seconds[row.quality] = max(took, self._seconds.get(row.quality, 0.0))

    def _back(self, cell: Cell) -> None:
        self._waiting.setdefault(cell.image.sha256, []).insert(0, cell)

    # Answers

    def _take(self, answer: Answer) -> Iterator[Record]:
        address, about, error = answer.address, answer.about, answer.error
        if isinstance(about, Cell):
            yield from self._take_cell(answer, about)
        elif isinstance(error, WorkerLost):
            self._dismiss(address)
        elif about == "describe":
            if reason := self._why_not(answer):
                self._machines.say(f"{address} gets no work: {reason}")
            else:
                self._take_on(address, answer.value)
        elif about == "begin":
            if error is not None:
                self._dismiss(address)
                raise BenchError(f"{address}: {error}") from error
            member = self._members[address]
            missing = set(answer.value)
            member.sent = {image.sha256 for image in self._run.dataset.images} - missing
            member.ready = True

    def _take_cell(self, answer: Answer, cell: Cell) -> Iterator[Record]:
        member = self._members[answer.address]
        if isinstance(answer.error, WorkerLost):
            measured, *waited = member.cells
            self._dismiss(member.address)
            for other in waited:
                self._back(other)
            self._lost[measured] = self._lost.get(measured, 0) + 1
            if self._lost[measured] < ATTEMPTS:
                self._back(measured)
                cell_name = f"{measured.image.name} at quality {measured.quality:g}"
                self._machines.say(f"{member.address} was lost; {cell_name} goes to another worker")
            else:
                reason = f"{ATTEMPTS} workers were lost while they measured it, the last one {member.address}"
                yield measured, self._failure(measured, reason), None
        elif isinstance(answer.error, station.NoStation):  # the client slept, and was taken for gone
            for other in member.cells:
                self._back(other)
            self._known.discard(member.address)
            self._dismiss(member.address)
        elif answer.error is not None:
            raise answer.error
        else:
            now = time.monotonic()
            member.took, member.since = now - member.since, now
            member.cells.remove(cell)
            result: Measured = answer.value
            self._keep(result)
            if isinstance(result.record, Row):
                self._note_time(result.record)
                self._checks.note(member.address, member.node, cell, result)
            yield cell, result.record, result.setup

    def _keep(self, measured: Measured) -> None:
        if self._kept is not None and measured.kept is not None:
            record = measured.record
            place = (record.dataset, record.codec, record.image, record.quality)
            self._kept.save(place, measured.kept)

    def _why_not(self, answer: Answer) -> str | None:
        """Why a worker that came later can't take part."""
        if answer.error is not None:
            return str(answer.error)
        description: Description = answer.value
        return self._codec.objection(description)

    def _failure(self, cell: Cell, reason: str) -> Failure:
        run = self._run
        return Failure(
            dataset=run.dataset.name,
            image=cell.image.name,
            image_sha256=cell.image.sha256,
            codec=run.name,
            codec_version=run.version,
            quality=cell.quality,
            side="worker",
            reason=reason,
        )

    def _ready(self) -> list[_Member]:
        return [member for member in self._members.values() if member.ready]
