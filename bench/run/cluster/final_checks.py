"""Checks at the end of a run on several machines: bitstreams decoded elsewhere, and canaries.

A worker may be lost before the end. So the client holds the bitstreams that are to be decoded once more, and
knows which cells a lost worker measured.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.results import Failure, crosschecks
from bench.results.crosschecks import Crosscheck, Verdict
from bench.run.cluster import station
from bench.run.cluster.calls import Answer, Calls, WorkerLost
from bench.run.cluster.station import Measured
from bench.run.crosscheck import judge
from bench.run.measurer import SPOT_CHECKS, Cell, Record, Sample

if TYPE_CHECKING:
    from bench.run.runner import Run


class _Check(NamedTuple):
    """What a call at the end of a run is about: the cells of a worker, or a bitstream that it wrote."""

    address: str
    sample: Sample | None = None


@dataclass
class _Share:
    """What a worker measured."""

    node: str
    cells: list[Cell] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)  # drawn by the worker, of all that it wrote


class FinalChecks:
    """
    Args:
        id: of the run, as its stations have it.
        say: tells the user.
    """

    def __init__(self, calls: Calls, run: Run, id: str, say: Callable[[str], None]) -> None:
        self._calls, self._run, self._id, self._say = calls, run, id, say
        self._shares: dict[str, _Share] = {}  # by the worker's address

    def note(self, address: str, node: str, cell: Cell, measured: Measured) -> None:
        """Remember what a worker measured."""
        share = self._shares.setdefault(address, _Share(node))
        share.cells.append(cell)
        if measured.sample is not None:
            if len(share.samples) == SPOT_CHECKS:  # the place of any, as `Measurer` has it
                share.samples.pop(random.randrange(SPOT_CHECKS))
            share.samples.append(measured.sample._replace(cell=cell))

    def make(self, nodes: Mapping[str, str]) -> Iterator[Record]:
        """The records of checks that void cells.

        Args:
            nodes: node by address, of the workers that are there.
        """
        yield from self._spot_checks(nodes)
        yield from self._canaries(nodes)

    def _spot_checks(self, nodes: Mapping[str, str]) -> Iterator[Record]:
        """Have bitstreams decoded by another worker than the one that wrote them.

        If that gives another picture, the worker that wrote them says whether it is the codec's memory or the
        other machine: only the first voids a cell. Of a lost worker nobody knows.
        """
        there = list(nodes)
        alone = [address for address in there if len(there) == 1]
        for place, (address, share) in enumerate(self._shares.items()):
            others = [other for other in there if other != address]
            for sample in share.samples if others else ():
                other = others[place % len(others)]
                about = _Check(address, sample)
                self._calls.put(other, about, station.decode_afresh, self._id, sample.bitstream)
        checks, doubtful = [], set(alone)
        for answer in self._answers():
            if answer.error is None:
                checks.append(self._crosscheck(answer, nodes))
                if answer.value != answer.about.sample.picture:
                    doubtful.add(answer.about.address)
        self._keep(checks)
        yield from self._on_all([address for address in there if address in doubtful], station.spot_check)

    def _keep(self, checks: Sequence[Crosscheck]) -> None:
        run = self._run
        if checks:
            crosschecks.save(run.store, run.dataset.name, run.name, run.version, checks)
        if bad := [check for check in checks if check.verdict in (Verdict.other, Verdict.derailed)]:
            self._say(
                f"{run.name} decodes elsewhere: {crosschecks.summary(checks)}; "
                f"first {bad[0].image} at quality {bad[0].quality:g}, by {bad[0].read_by}"
            )

    def _crosscheck(self, answer: Answer, nodes: Mapping[str, str]) -> Crosscheck:
        """What became of one worker's bitstream at another."""
        sample, writer = answer.about.sample, self._shares[answer.about.address].node
        image = sample.cell.image
        return Crosscheck(
            image.name, image.sha256, sample.cell.quality, hashlib.sha256(sample.bitstream).hexdigest(),
            f"node {writer}", f"another worker, node {nodes[answer.address]}",
            *judge(sample.picture, answer.value),
        )  # fmt: skip

    def _canaries(self, nodes: Mapping[str, str]) -> Iterator[Record]:
        """Have the workers that are there check their canaries; if one voids its cells, those of lost workers
        are void too: it is the same codec."""
        void: Record | None = None
        for record in self._on_all(list(nodes), station.check_canaries):
            void = record
            yield record
        if void is not None:
            _, failure, setup = void
            assert isinstance(failure, Failure)
            for address, share in self._shares.items():
                for cell in share.cells if address not in nodes else ():
                    yield cell, replace(failure, **_place(cell)), setup

    def _on_all(self, addresses: Sequence[str], check: Any) -> Iterator[Record]:
        for address in addresses:
            self._calls.put(address, _Check(address), check, self._id)
        by_sha256 = {image.sha256: image for image in self._run.dataset.images}
        for answer in self._answers():
            if isinstance(answer.error, WorkerLost | station.NoStation):
                self._say(f"{answer.address} was lost before its checks at the end")
            elif answer.error is not None:
                raise answer.error
            else:
                for measured in answer.value:
                    record = measured.record
                    yield Cell(by_sha256[record.image_sha256], record.quality), record, measured.setup

    def _answers(self) -> list[Answer]:
        """Answers of checks, not of workers that came too late to measure."""
        return [answer for answer in self._calls.all() if isinstance(answer.about, _Check)]


def _place(cell: Cell) -> dict[str, Any]:
    """The fields of a record that say which cell it is of."""
    return {"image": cell.image.name, "image_sha256": cell.image.sha256, "quality": cell.quality}
