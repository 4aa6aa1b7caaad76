"""Code every image at every quality, score what comes back, and store it cell by cell."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from bench import codecs, metrics
from bench.datasets import Dataset, Image, read_rgb
from bench.errors import BenchError
from bench.results import Row, Store


class Cell(NamedTuple):
    """What is measured at once: one picture at one quality."""

    image: Image
    quality: float


class Failure(NamedTuple):
    cell: Cell
    reason: str


@dataclass
class Outcome:
    """What a run did; the rows are those of the cells that it was asked for, measured now or before."""

    rows: list[Row] = field(default_factory=list)
    measured: int = 0
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """One codec over one dataset. Images go one after the other, each at all qualities, so that a run that
    was cut short still has whole curves."""

    codec: str
    dataset: Dataset
    qualities: tuple[float, ...] = ()  # empty: those that the codec draws its curve from
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise BenchError(f"--jobs must be at least 1, not {self.jobs}")

    def plan(self, store: Store) -> tuple[list[Cell], Outcome]:
        """The cells that are still to be measured, and an outcome that holds the rows of the others.

        Raises:
            BenchError: the codec can't run here, or has no such quality.
        """
        codec = codecs.get(self.codec)
        qualities = sorted({codec.check_quality(q) for q in self.qualities or codec.qualities})
        there = {row.cell: row for row in store.rows(self.dataset.name, self.codec, codec.version())}
        missing, outcome = [], Outcome()
        for image in self.dataset.images:
            for quality in qualities:
                row = there.get((image.sha256, self.codec, codec.version(), quality))
                if row is None:
                    missing.append(Cell(image, quality))
                else:
                    outcome.rows.append(row)
        return missing, outcome

    def execute(self, cells: list[Cell], outcome: Outcome, store: Store) -> Iterator[Cell]:
        """Measure cells, store each row as it comes, and yield each cell that is done or has failed."""
        for cell, result in self._measure_all(cells):
            if isinstance(result, Row):
                store.append(result)
                outcome.rows.append(result)
                outcome.measured += 1
            else:
                outcome.failures.append(Failure(cell, result))
            yield cell

    def _measure_all(self, cells: list[Cell]) -> Iterable[tuple[Cell, Row | str]]:
        if self.jobs == 1:
            _start(self.codec, None)
            for cell in cells:
                yield cell, _measure(self.dataset.name, cell)
            return
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        context = multiprocessing.get_context("spawn")  # torch's threads don't survive a fork
        with ProcessPoolExecutor(self.jobs, context, _start, (self.codec, threads)) as pool:
            futures: dict[Future[Row | str], Cell] = {
                pool.submit(_measure, self.dataset.name, cell): cell for cell in cells
            }
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BrokenProcessPool as error:
                raise BenchError(
                    f"a process that ran codec '{self.codec}' died; what was measured is kept, "
                    "run again for the rest, with --jobs 1 to see which image it is"
                ) from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


_worker: dict[str, Any] = {}  # the codec of this process: loading weights once is enough


def _start(codec: str, threads: int | None) -> None:
    if threads is not None:  # in a process of its own
        os.environ["OMP_NUM_THREADS"] = str(threads)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it at once; the parent has all rows
    _worker["codec"] = worker = codecs.get(codec)
    # Loading is not coding: what a codec does only once, it does here, where nobody holds a watch.
    # What goes wrong will go wrong again with a picture, and is reported there.
    with suppress(Exception):
        worker.decode(worker.encode(np.full((64, 64, 3), 128, np.uint8), worker.qualities[0]))


def _measure(dataset: str, cell: Cell) -> Row | str:
    """The row of a cell, or why there is none: one bad cell must not end a run."""
    try:
        return _row(dataset, _worker["codec"], cell)
    except BenchError as error:
        return str(error)
    except Exception as error:  # a plugin may raise anything
        return f"{type(error).__name__}: {error}"


def _row(dataset: str, codec: codecs.Codec, cell: Cell) -> Row:
    original = read_rgb(cell.image.path)
    started = time.perf_counter()
    bitstream = codec.encode(original.copy(), cell.quality)
    encoded = time.perf_counter()
    decoded = codec.decode(bitstream)
    finished = time.perf_counter()
    if decoded.shape != original.shape or decoded.dtype != np.uint8:
        raise BenchError(f"it decoded to {decoded.dtype} {decoded.shape} instead of uint8 {original.shape}")
    height, width = original.shape[:2]
    similarity = metrics.ms_ssim(original, decoded)
    small = (
        f"too small for MS-SSIM, which needs sides of {metrics.MSSSIM_MIN_SIDE}" if similarity is None else ""
    )
    return Row(
        dataset=dataset,
        image=cell.image.name,
        image_sha256=cell.image.sha256,
        width=width,
        height=height,
        codec=codec.name,
        codec_version=codec.version(),
        quality=cell.quality,
        bytes=len(bitstream),
        bpp=metrics.bits_per_pixel(len(bitstream), height, width),
        psnr=metrics.psnr(original, decoded),
        ms_ssim=similarity,
        encode_s=encoded - started,
        decode_s=finished - encoded,
        environment=_environment(),
        note=small,
    )


def _environment() -> str:
    import torch

    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "numpy", "pillow", "pytorch-msssim")
    )
    return (
        f"Python {platform.python_version()}, {libraries}, {platform.system()} {platform.machine()}, CPU, "
        f"{torch.get_num_threads()} threads"
    )
