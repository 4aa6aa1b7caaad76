"""`bench crosscheck`: bitstreams that one setup wrote, decoded by others.

A codec whose entropy model computes with floats may read other symbols where a sum is rounded otherwise: on
another CPU, with another number of threads, by another library. From there on its picture is noise.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bench import codecs
from bench.codecs import device
from bench.codecs.parameters import spelled, split
from bench.core.errors import BenchError, without_folders
from bench.core.images import read_rgb
from bench.datasets import Dataset, Image
from bench.process import Limits, Worker, WorkerError
from bench.process.limits import fair_share
from bench.results import Row, Store
from bench.results.crosschecks import Crosscheck, Verdict, save
from bench.results.kept_pictures import Kept

MOST_THREADS = max(2, os.cpu_count() or 1)
MOST_LEVELS = 8  # of 255, between pictures that are the same but for rounding
LEAST_PSNR = 30.0  # dB, between pictures that show the same
_LONGEST_S = 3600.0  # of one encoding or decoding
# What programs and libraries are told so that they compute as they do on a CPU of 2008.
OLD_CPU = {
    "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENBLAS_CORETYPE": "Nehalem",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reader:
    """A setup that decodes.

    Args:
        environment: what it has beside the usual variables.
        only_torch: whether it makes a difference to PyTorch alone.
        device: what networks compute on; empty: what the user said.
    """

    name: str
    threads: int
    environment: Mapping[str, str] = field(default_factory=dict)
    only_torch: bool = False
    device: str = ""


class Written(NamedTuple):
    """A bitstream, and the picture that its writer's setup decodes from it."""

    image: Image
    quality: float
    stream: bytes
    picture: bytes
    by: str


def readers() -> list[Reader]:
    """The setups that this machine has: one thread and more, an old CPU, no oneDNN."""
    found = [Reader(_in_words(threads), threads) for threads in (1, MOST_THREADS)]
    if platform.machine() in ("x86_64", "AMD64"):
        found.append(Reader("an old CPU's instructions", MOST_THREADS, OLD_CPU))
    return [*found, Reader("without oneDNN", MOST_THREADS, {"BENCH_ONEDNN": "0"}, only_torch=True)]


def judge(reference: bytes, decoded: bytes | str) -> tuple[Verdict, int | None, float | None, str]:
    """What became of a picture: verdict, largest difference in levels, PSNR in dB, why there is no picture.

    Args:
        reference: samples, as the writer's setup decodes them.
        decoded: samples, or why there are none.

    >>> judge(bytes([7, 7]), bytes([7, 9]))[:2]
    (<Verdict.close: 'within levels'>, 2)
    """
    if isinstance(decoded, str):
        return Verdict.derailed, None, None, without_folders(decoded)
    if decoded == reference:
        return Verdict.same, 0, None, ""
    if len(decoded) != len(reference):
        return Verdict.derailed, None, None, "its picture has another size"
    difference = np.frombuffer(decoded, np.uint8).astype(np.int16) - np.frombuffer(reference, np.uint8)
    levels = int(np.abs(difference).max())
    psnr = float(10 * np.log10(255**2 / np.mean(np.square(difference, dtype=np.float64))))
    if levels <= MOST_LEVELS:
        return Verdict.close, levels, psnr, ""
    return (Verdict.other if psnr >= LEAST_PSNR else Verdict.derailed), levels, psnr, ""


class Crosschecks:
    """The crosschecks of one codec on a dataset.

    Bitstreams that `bench run --keep` kept are taken, also those of another machine; where there are none,
    they are written here, by as many threads as there are cores and two at least.

    Args:
        spec: the codec's name.
        qualities: empty: those that the codec draws its curve from.
        elsewhere: setups that decode; by default `readers()`, and a GPU if there is one for the codec.

    Attributes:
        specs: the codec's name for each setup that decodes, with the device.

    Raises:
        BenchError: no such codec or quality, or the codec can't run here.
    """

    def __init__(
        self,
        spec: str,
        dataset: Dataset,
        store: Store,
        qualities: Sequence[float] = (),
        elsewhere: Sequence[Reader] | None = None,
    ) -> None:
        codec = codecs.get(spec)
        self.dataset, self.store = store.named(dataset), store
        self.name, self.version = codec.name, codec.version()
        self.checks: list[Crosscheck] = []
        self._what, self._files = codecs.resolve(spec), Kept(store.folder)
        self._readers = readers() if elsewhere is None else list(elsewhere)
        if elsewhere is None and "device" in codec.parameters and device.has_gpu():
            self._readers.append(Reader("a GPU", MOST_THREADS, device="cuda"))
        self.specs = {reader.name: _on(self._what, reader.device) for reader in self._readers}
        self._qualities = [codec.check_quality(quality) for quality in qualities or codec.qualities]
        codec.prepare(self._qualities)

    @property
    def most(self) -> int:
        """How many checks there are at most."""
        return len(self._qualities) * len(self.dataset.images) * len(self._readers)

    def execute(self) -> Iterator[Crosscheck]:
        """Decode each bitstream by each setup, and keep what came out beside the results.

        Raises:
            BenchError: the codec writes no bitstream.
        """
        encoder, decoder = self._worker("encode", MOST_THREADS), self._worker("decode", MOST_THREADS)
        elsewhere = {reader: self._worker("decode", reader.threads, reader) for reader in self._readers}
        try:
            encoder.start()
            with_torch = "torch" in encoder.loaded["libraries"]
            for written in self._written(encoder, decoder):
                for reader, worker in elsewhere.items():
                    if written.by != reader.name and (with_torch or not reader.only_torch):
                        self.checks.append(_check(written, reader, worker))
                        yield self.checks[-1]
        except WorkerError as error:
            raise BenchError(f"{self.name} gives no bitstream to check: {error}") from None
        finally:
            for started in (encoder, decoder, *elsewhere.values()):
                started.close()
            save(self.store, self.dataset.name, self.name, self.version, self.checks)

    def _written(self, encoder: Worker, decoder: Worker) -> Iterator[Written]:
        kept = self._kept()
        for image in self.dataset.images:
            for quality in self._qualities:
                if (image.sha256, quality) in kept:
                    row, by = kept[image.sha256, quality]
                    stream, picture = self._files.stream(row), self._files.picture(row)
                    if stream is not None and picture is not None:
                        yield Written(image, quality, stream, picture[0], by)
                        continue
                pixels = read_rgb(image.path)
                how = {"shape": pixels.shape, "quality": quality, "repeats": 1}
                stream = _ask(encoder, "encode", pixels.tobytes(), **how)
                picture_here = _ask(decoder, "decode", stream, repeats=1)
                yield Written(image, quality, stream, picture_here, _in_words(MOST_THREADS))

    def _kept(self) -> dict[tuple[str, float], tuple[Row, str]]:
        """Rows of which something is kept, and who wrote their bitstreams."""
        contents = self.store.load(self.dataset.name, self.name, self.version)
        found = {}
        for row in contents.rows.values():
            if self._files.holds(row):
                setup = contents.setups.get(row.setup)
                machine = setup.machine if setup else {}
                words = [machine.get("cpu"), (node := machine.get("node")) and f"node {node}"]
                found[row.image_sha256, row.quality] = row, ", ".join(["kept", *filter(None, words)])
        return found

    def _worker(self, side: str, threads: int, reader: Reader | None = None) -> Worker:
        hidden = [*(image.path for image in self.dataset.images), self.store.folder]
        limits, variables = Limits(_LONGEST_S, fair_share(1)), reader.environment if reader else None
        what = self.specs[reader.name] if reader else self._what
        return Worker(side, what, limits, threads, hidden=hidden, variables=variables)


def _on(spec: str, device: str) -> str:
    """A codec's name with another device; empty: with its own."""
    if not device:
        return spec
    name, given = split(spec)
    return spelled(name, given | {"device": device})


def _check(written: Written, reader: Reader, decoder: Worker) -> Crosscheck:
    decoded: bytes | str
    try:
        decoded = _ask(decoder, "decode", written.stream, repeats=1)
    except WorkerError as error:
        decoded = str(error)
    image = written.image
    sha256 = hashlib.sha256(written.stream).hexdigest()
    return Crosscheck(
        image.name, image.sha256, written.quality, sha256, written.by, reader.name,
        *judge(written.picture, decoded),
    )  # fmt: skip


def _ask(worker: Worker, action: str, payload: bytes, **values: object) -> bytes:
    if not worker.running:
        worker.start()
    return worker.ask(action, payload, **values).payload


def _in_words(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"
