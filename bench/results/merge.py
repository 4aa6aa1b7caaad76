"""Results of several machines, brought together in one folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.core.errors import BenchError
from bench.results.kept_pictures import Kept
from bench.results.records import Failure, Row, RunRecord, Setup
from bench.results.store import Contents, Store
from bench.results.targets import matched_store


@dataclass
class Merged:
    """What a merge did."""

    files: list[Path] = field(default_factory=list)  # that were written to
    added: int = 0  # rows
    replaced: int = 0  # rows that a newer one took the place of
    known: int = 0  # rows that were there already
    kept: int = 0  # rows whose kept bitstream or picture came along
    conflicts: list[str] = field(default_factory=list)  # cells with two different bitstreams or scores


def merge(sources: Sequence[Path], into: Path) -> Merged:
    """Bring results together: the newest row of each cell, nothing twice, setups kept, and what
    `bench run --keep` kept of these rows.

    Args:
        sources: folders of results, such as those of shards.
        into: the folder of results that all go to; it may hold results already.

    Raises:
        BenchError: a folder holds no results, a file is damaged, or results of one name are of
            different pictures; nothing is written then.
    """
    for source in sources:
        if not _files([Store(source), matched_store(source)]):
            raise BenchError(f"there are no results in {source}; give the folders that --results named")
    merged = Merged()
    plans: list[_Plan] = []
    for kind in (Store, matched_store):  # curves, and searches for a target
        stores = [kind(source) for source in sources]
        plans += [_Plan(dataset, codec, kind(into), stores, merged) for dataset, codec in _files(stores)]
    for plan in plans:
        plan.write()
    return merged


class _Plan:
    """All that is to be appended to one file."""

    def __init__(
        self, dataset: str, codec: str, target: Store, stores: Sequence[Store], merged: Merged
    ) -> None:
        self.dataset, self.codec, self.target, self.merged = dataset, codec, target, merged
        self.records: list[tuple[Row | Failure, Setup | None]] = []
        self.kept: list[tuple[Row, Kept]] = []  # rows of which that folder may keep something
        runs = [run for store in (target, *stores) for run in store.runs(dataset, codec)]
        self._refuse_other_pictures(runs)
        versions = dict.fromkeys(version for store in stores for version in store.versions(dataset, codec))
        for version in versions:
            there = target.load(dataset, codec, version)
            for store in stores:
                rows = self._take(store.load(dataset, codec, version), there)
                self.kept += [(row, Kept(store.folder)) for row in rows]
        self.run = _last_run(runs)

    def write(self) -> None:
        for record, setup in self.records:
            self.target.append(record, setup)
        if self.run is not None:
            there = self.target.load(self.dataset, self.codec, self.run.codec_version)
            run = replace(self.run, measured=len(there.rows), failed=len(there.failures))
            if not run.same_but_for_date(there.last_run):
                self.target.append(run)
        if self.records:
            self.merged.files.append(self.target.path(self.dataset, self.codec))
        kept = Kept(self.target.folder)
        self.merged.kept += sum(kept.take(row, other) for row, other in self.kept if other.holds(row))

    def _take(self, source: Contents, there: Contents) -> Iterator[Row]:
        """Plan to append what is missing in, or newer than, what is there; which is then there.

        Yields:
            Rows of the source that stand.
        """
        for key, row in source.rows_of_any_picture.items():
            setup = source.setups.get(row.setup)
            old = there.rows_of_any_picture.get(key)
            if old is not None and _same_figures(old, row):
                self.merged.known += 1
                yield old
                continue
            if old is not None:
                newer = _date(setup) >= _date(there.setups.get(old.setup))
                self.merged.conflicts.append(
                    f"{row.codec} on {row.image} at quality {row.quality:g}: two runs gave different "
                    f"{'bitstreams' if old.bitstream_sha256 != row.bitstream_sha256 else 'scores'}; the "
                    f"{'newer' if newer else 'older'} one is {'kept' if newer else 'left out'}"
                )
                if not newer:
                    continue
                self.merged.replaced += 1
            else:
                self.merged.added += 1
            self._plan(row, setup, there)
            yield row
        for key, failure in source.failures.items():
            if key not in there.rows_of_any_picture and key not in there.failures:
                self.records.append((failure, source.setups.get(failure.setup)))
                there.failures[key] = failure

    def _plan(self, row: Row, setup: Setup | None, there: Contents) -> None:
        self.records.append((row, setup))
        there.rows_of_any_picture[row.cell] = row
        if setup is not None:
            there.setups[setup.id] = setup

    def _refuse_other_pictures(self, runs: Iterable[RunRecord]) -> None:
        known: dict[str, str] = {}
        for run in runs:
            for name, sha256 in run.pictures.items():
                if sha256 and known.setdefault(name, sha256) != sha256:
                    raise BenchError(
                        f"{self.codec} on {self.dataset}: {name} is one picture in one folder of results and "
                        "another in the next; run both on the same pictures"
                    )


def _files(stores: Sequence[Store]) -> list[tuple[str, str]]:
    """Dataset and codec of each file of results, once."""
    files = [(dataset, codec) for own in stores for codec in own.codecs() for dataset in own.datasets(codec)]
    return list(dict.fromkeys(files))


def _same_figures(old: Row, new: Row) -> bool:
    """Whether two rows differ in times and memory at most: measuring again gives others."""
    return (old.bitstream_sha256, old.decoded_sha256, old.bytes) == (
        new.bitstream_sha256, new.decoded_sha256, new.bytes,
    ) and new.metrics.items() <= old.metrics.items()  # fmt: skip


def _last_run(runs: Sequence[RunRecord]) -> RunRecord | None:
    """The newest run, of all pictures and qualities that runs of its version had."""
    if not runs:
        return None
    newest = max(runs, key=lambda run: run.date)
    alike = [run for run in runs if run.codec_version == newest.codec_version]
    pictures: dict[str, str | None] = {}
    for run in alike:
        for name, sha256 in run.pictures.items():
            pictures[name] = sha256 or pictures.get(name)
    return replace(
        newest,
        pictures=pictures,
        qualities=tuple(sorted({quality for run in alike for quality in run.qualities})),
        untried=0,
    )


def _date(setup: Setup | None) -> str:
    return setup.date if setup is not None else ""
