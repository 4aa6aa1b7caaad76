"""What a worker does: it measures cells of runs, one at a time. The functions below are tasks of Dask's.

A station is all that a worker holds for one run: a `Measurer`, pictures that came over the network, the lock
that other runs on this machine see. It goes when the client gives back its lease, or when the client is gone:
the scheduler then drops what the client held, and the lease is such a thing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import psutil

import bench
from bench import codecs
from bench.core.errors import BenchError
from bench.core.files import file_name_of, sha256_of
from bench.datasets import Dataset, Image
from bench.metrics import check_ready
from bench.process.folders import Folder
from bench.results import Failure, Row, Setup
from bench.results.kept_pictures import Kept, KeptFiles, Place
from bench.run.cluster.codec_files import CarriedCodec, unpack
from bench.run.cluster.node import node
from bench.run.measurer import Cell, Measurer, Sample
from bench.run.quiet import Presence, presence
from bench.run.settings import Settings

_SIGNAL_S = 0.5  # in which a signal that a codec's process got would also reach this one


class Description(NamedTuple):
    """What a worker says of a codec and of itself; `error`: why the codec can't run there."""

    node: str
    bench: str
    by_bench: bool  # whether `bench worker` started it, with the settings that times need
    seconds_left: float | None  # until the worker ends; None: not known
    name: str = ""
    version: str = ""
    qualities: tuple[float, ...] = ()
    quality_range: tuple[float, float] = (0.0, 0.0)
    whole_qualities: bool = False
    slow: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Job:
    """A run, as a worker must know it.

    Args:
        settings: `jobs` is the number of workers that this run has on the worker's machine.
        dataset: with the client's paths.
        hidden: the client's results, which codecs don't read where they lie on this machine.
        client: node and process of the client, whose CPU time is no other work.
    """

    id: str
    codec: CarriedCodec
    dataset: Dataset
    metrics: tuple[str, ...]
    settings: Settings
    hidden: Path
    client: tuple[str, int]


class Measured(NamedTuple):
    record: Row | Failure
    setup: Setup | None
    kept: KeptFiles | None = None
    sample: Sample | None = None  # if the cell is one of those whose bitstreams are decoded once more


class NoStation(Exception):
    """The worker holds nothing of a run, as after the client was away."""


class Lease:
    """Lies in the worker's memory as long as the client wants the station."""

    def __init__(self, run: str) -> None:
        self._run = run

    def __del__(self) -> None:
        # Ending processes takes a moment, and this thread is the one that hears the scheduler.
        threading.Thread(target=end, args=(self._run,), daemon=True).start()


class Station:
    """All that this worker holds for one run."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._stack = ExitStack()
        self._pictures = _folder().work / "pictures"
        self._pictures.mkdir(exist_ok=True)
        self._images = {image.sha256: self._image_here(image) for image in job.dataset.images}
        dataset = replace(job.dataset, images=tuple(self._images.values()))
        settings = job.settings
        here = self._stack.enter_context(presence(settings.jobs, exclusive=settings.timing))
        self._collected = _Collected(job.hidden) if settings.keep else None
        self._setups: dict[str, Setup] = {}
        spec = unpack(job.codec, _folder().work / "codec")
        self.measurer = Measurer(
            spec, dataset, job.metrics, settings, _BesideClient(here, job.client), self._collected, job.hidden
        )

    def lacks(self) -> list[str]:
        """SHA-256 of the pictures that must be sent."""
        return [sha256 for sha256, image in self._images.items() if not image.path.is_file()]

    def measure(self, cell: Cell, content: bytes | None) -> Measured:
        """One cell.

        Args:
            content: the picture's file, if it isn't here yet.
        """
        image = replace(cell.image, path=self._images[cell.image.sha256].path)
        if content is not None:
            image.path.write_bytes(content)
        here = Cell(image, cell.quality)
        _, record, setup = self.measurer.measure(here)
        if isinstance(record, Failure) and "killed by signal" in record.reason:
            # Slurm ends all processes of a job at once: then the codec's end is no fault of the codec.
            time.sleep(_SIGNAL_S)
            if _this.ending:
                raise NoStation
        kept = self._collected.taken() if self._collected else None
        sample = next((sample for sample in self.measurer.samples if sample.cell == here), None)
        return self._of_this_node(record, setup)._replace(kept=kept, sample=sample)

    def check_canaries(self) -> list[Measured]:
        return [self._of_this_node(record, setup) for _, record, setup in self.measurer.check_canaries()]

    def spot_check(self) -> list[Measured]:
        return [self._of_this_node(record, setup) for _, record, setup in self.measurer.spot_check()]

    def close(self) -> None:
        self.measurer.close()
        self._stack.close()

    def _image_here(self, image: Image) -> Image:
        """The same picture on this machine: where the client has it, in the worker's own data, or where it is
        going to be."""
        own = os.environ.get("BENCH_DATA", "")
        places = [image.path]
        if own:
            places += [Path(own, self.job.dataset.name, image.name), Path(own, image.name)]
        for path in places:
            with suppress(OSError):
                if path.is_file() and sha256_of(path) == image.sha256:
                    return replace(image, path=path)
        return replace(image, path=self._pictures / file_name_of(f"{image.sha256}{image.path.suffix}"))

    def _of_this_node(self, record: Row | Failure, setup: Setup | None) -> Measured:
        if setup is None:
            return Measured(record, None)
        if setup.id not in self._setups:
            self._setups[setup.id] = replace(setup, machine={**setup.machine, "node": node()})
        ours = self._setups[setup.id]
        return Measured(replace(record, setup=ours.id), ours)


class _BesideClient(Presence):
    """A presence in which a client on the same machine counts as this run's own work."""

    def __init__(self, here: Presence, client: tuple[str, int]) -> None:
        self._here = here
        self._client = client[1] if client[0] == node() else None

    def alone(self, ours: Callable[[], float]) -> bool:
        return self._here.alone(lambda: ours() + self._client_seconds())

    def _client_seconds(self) -> float:
        if self._client is not None:
            with suppress(psutil.Error):
                return float(sum(psutil.Process(self._client).cpu_times()[:2]))
        return 0.0


class _Collected(Kept):
    """Takes what is to be kept, and writes nothing."""

    def __init__(self, results: Path) -> None:
        super().__init__(results)
        self._last: KeptFiles | None = None

    def save(self, place: Place, files: KeptFiles) -> None:
        self._last = files._replace(pixels=bytes(files.pixels))

    def taken(self) -> KeptFiles | None:
        last, self._last = self._last, None
        return last


@dataclass
class _ThisWorker:
    """What holds for this process, whatever runs it measures for.

    Args:
        by_bench: `bench worker` started it.
        ends_at: when others will end it, in monotonic seconds.
        ending: it was asked to end, so what codecs do from now on doesn't count.
        folder: for what comes over the network.
    """

    by_bench: bool = False
    ends_at: float | None = None
    ending: bool = False
    folder: Folder | None = None


_stations: dict[str, Station] = {}
_this = _ThisWorker()


def started_by_bench(seconds_left: float | None) -> None:
    """Note that this process is a worker of `bench worker`, and when it will end."""
    _this.by_bench = True
    if seconds_left is not None:
        _this.ends_at = time.monotonic() + seconds_left


def describe(codec: CarriedCodec, metrics: Sequence[str]) -> Description:
    """What a codec is on this machine, and whether it and the metrics can run."""
    left = None if _this.ends_at is None else _this.ends_at - time.monotonic()
    worker = Description(node(), bench.__version__, _this.by_bench, left)
    try:
        made = codecs.get(unpack(codec, _folder().work / "codec"))
        check_ready(metrics)
        return worker._replace(
            name=made.name, version=made.version(), qualities=tuple(made.qualities),
            quality_range=made.quality_range, whole_qualities=made.whole_qualities, slow=made.slow,
        )  # fmt: skip
    except BenchError as error:
        return worker._replace(error=str(error))


def check_qualities(codec: CarriedCodec, qualities: Sequence[float]) -> list[float]:
    """The qualities as the codec takes them; raises BenchError if it has no such quality."""
    made = codecs.get(unpack(codec, _folder().work / "codec"))
    return [made.check_quality(quality) for quality in qualities]


def prepare(codec: CarriedCodec, qualities: Sequence[float]) -> None:
    """Fetch what coding at these qualities needs; raises BenchError if that can't be."""
    codecs.get(unpack(codec, _folder().work / "codec")).prepare(qualities)


def begin(job: Job) -> tuple[Lease, list[str]]:
    """Take up a run; gives the lease, and the SHA-256 of pictures that must be sent."""
    end(job.id)
    station = _stations[job.id] = Station(job)
    return Lease(job.id), station.lacks()


def lacks(begun: tuple[Lease, list[str]]) -> list[str]:
    """The second half of what `begin` gave; the lease stays here."""
    return begun[1]


def measure(run: str, cell: Cell, content: bytes | None) -> Measured:
    return _station(run).measure(cell, content)


def decode_afresh(run: str, stream: bytes) -> bytes | str:
    """The samples of another worker's bitstream, by a process that decoded nothing before, or why not."""
    return _station(run).measurer.decode_afresh(stream)


def spot_check(run: str) -> list[Measured]:
    return _station(run).spot_check()


def check_canaries(run: str) -> list[Measured]:
    return _station(run).check_canaries()


def end(run: str) -> None:
    """Leave a run, and end its processes, also in the middle of a cell."""
    station = _stations.pop(run, None)
    if station is not None:
        station.close()


def is_ending() -> None:
    """Note that this process was asked to end: what codecs do from now on doesn't count."""
    _this.ending = True


def end_all() -> None:
    for run in list(_stations):
        end(run)
    folder, _this.folder = _this.folder, None
    if folder is not None:
        folder.remove()


def _station(run: str) -> Station:
    try:
        return _stations[run]
    except KeyError:
        raise NoStation from None


def _folder() -> Folder:
    if _this.folder is None:
        _this.folder = Folder()
    return _this.folder
