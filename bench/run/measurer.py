"""The measurement of one cell: a picture coded at one quality, and what came back scored.

Each cell goes through three processes: the encoder is given pixels and gives a bitstream; the decoder, which
has never seen a picture, is given the bitstream and nothing else; the scorer has the original and is given
what was decoded.
"""

from __future__ import annotations

import hashlib
import os
import random
import statistics
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import codecs, metrics
from bench.core.errors import without_folders
from bench.datasets.catalogue import Dataset, Image
from bench.process import Limits, Reply, Worker, WorkerError, gpu_processes
from bench.process.limits import fair_share
from bench.process.messages import Payload, content_of
from bench.results import Failure, Row, Setup
from bench.results.kept_pictures import Kept, KeptFiles
from bench.run.canary import Coded, Likes, Picture, is_detailed, psnr, why_worse
from bench.run.provenance import setup
from bench.run.quiet import Presence
from bench.run.settings import Settings

MOST_STARTS = 2  # that fail one after the other, before a codec isn't tried any more
LEAST_SCORING_S = 600.0  # that scoring may take, however low the limit of coding is
SPOT_CHECKS = 2  # bitstreams of a run that are decoded once more
_ROUNDING = 2  # levels of 255 by which a decoder on a GPU may waver


class Cell(NamedTuple):
    """What is measured at once: one picture at one quality."""

    image: Image
    quality: float


Record = tuple[Cell, "Row | Failure", "Setup | None"]


class Sample(NamedTuple):
    """A bitstream of a run, to be decoded once more."""

    cell: Cell
    bitstream: bytes
    picture: bytes  # samples decoded from it


class Measurer:
    """An encoder, a decoder and a scorer, and pictures on their way through them."""

    def __init__(
        self,
        codec: str,
        dataset: Dataset,
        metrics: tuple[str, ...],
        settings: Settings,
        here: Presence,
        kept: Kept | None,
        results: Path,
    ) -> None:
        """
        Args:
            results: their folder, which codecs don't read.
        """
        self._dataset, self._settings, self._here, self._kept = dataset, settings, here, kept
        codec = codecs.resolve(codec)
        plugin = codecs.get(codec)
        self._name, self._version, self._lossless = plugin.name, plugin.version(), plugin.lossless
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._threads = settings.threads or max(1, (len(cores) or os.cpu_count() or 1) // settings.jobs)
        pinned = frozenset(cores[-self._threads :]) if settings.timing and cores else None
        hidden = [*(image.path for image in dataset.images), results, results / "kept"]
        common = (codec, settings.limits(), self._threads, pinned, settings.confined, hidden)
        self._encoder, self._decoder = Worker("encode", *common), Worker("decode", *common)
        self._scorer = Worker("score", ",".join(metrics), _limits_of_scoring(settings), self._threads)
        self._image: Image | None = None  # that the scorer holds
        self._original: Reply | None = None
        self._encoder_holds: Image | None = None
        self._setup: Setup | None = None
        self._warm_stream = b""
        self._warm_for: set[tuple[object, ...]] = set()  # processes, shape and quality
        self._samples: list[Sample] = []
        self._decoded = 0
        self._measured: dict[Cell, None] = {}
        self._likes: Likes[Cell] = Likes()
        self._detailed: tuple[Image, bool] | None = None  # whether an image has detail
        self._failed_starts = {"encode": 0, "decode": 0, "score": 0}  # one after the other
        self._start_error = ""

    def measure(self, cell: Cell) -> Record:
        """The row of a cell, or why there is none: one bad cell must not end a run."""
        try:
            record: Row | Failure = self._row(cell)
        except _CellError as error:
            record = self._failure(cell, error)
        if self._settings.fresh:
            self._encoder.close()
            self._decoder.close()
        return cell, record, self._setup

    def spot_check(self) -> Iterator[Record]:
        """Decode a few bitstreams once more, in a process that has decoded no other.

        Yields:
            A failure for a bitstream that is then another picture: its decoder knew more than that.
        """
        if self._settings.fresh or self._decoded < 2:
            return
        for sample in self._samples:
            self._decoder.close()
            try:
                self._start(self._decoder, "decode")
            except _CellError:  # not the codec's fault: it did start, and its figures stand
                continue
            try:
                picture = _do(self._decoder, "decode", sample.bitstream, repeats=1).payload
                if not _same(picture, sample.picture):
                    raise _CellError(
                        "decode",
                        "in a process that has decoded nothing else, its bitstream gives another picture: "
                        "the decoder keeps something from one picture to the next",
                    )
            except _CellError as error:
                self._measured.pop(sample.cell, None)
                yield sample.cell, self._failure(sample.cell, error, voids=True), self._setup

    @property
    def samples(self) -> list[Sample]:
        """A few of the bitstreams, drawn by chance."""
        return list(self._samples)

    def decode_afresh(self, bitstream: bytes) -> bytes | str:
        """The samples of a bitstream, of this run or of another's, by a process that has decoded nothing
        before, or why there are none."""
        self._decoder.close()
        try:
            self._start(self._decoder, "decode")
            return _do(self._decoder, "decode", bitstream, repeats=1).payload
        except _CellError as error:
            return error.reason

    def check_canaries(self) -> Iterator[Record]:
        """Have the codec code pictures of the run that were changed in memory, and so lie nowhere on a disk.

        Yields:
            If it does much worse on them, a failure for each cell that was measured: the codec knows the
            pictures of the dataset, so that none of its figures says what it does to others.
        """
        for cell, like in self._likes.chosen():
            try:
                picture = _picture(self._read(cell.image))
                reason = why_worse(picture, like, partial(self._code, cell.quality))
            except _CellError:  # not the codec's fault: the picture is gone, or a process doesn't start
                continue
            if reason is not None:
                error = _CellError("canary", f"{cell.image.name} at quality {cell.quality:g} {reason}")
                for measured in list(self._measured):
                    yield measured, self._failure(measured, error, voids=True), self._setup
                return

    def close(self) -> None:
        for worker in (self._encoder, self._decoder, self._scorer):
            worker.close()

    def _row(self, cell: Cell) -> Row:
        original = self._read(cell.image)
        self._get_ready()
        shape = original.header["shape"]
        self._warm_up_for(shape, cell.quality)
        alone = self._alone()
        repeats = self._settings.repeats
        pixels = None if self._encoder_holds == cell.image else content_of(original.content)
        self._encoder_holds = cell.image
        encoded = _do(self._encoder, "encode", pixels, shape=shape, quality=cell.quality, repeats=repeats)
        self._encoder.tidy()
        stream = encoded.payload
        decoded = _do(self._decoder, "decode", stream, repeats=repeats)
        self._decoder.tidy()
        _check_shape(decoded.header["shape"], shape)
        if self._lossless:
            _check_samples(decoded, original)
        alone = alone and self._alone()
        scored = _do(self._scorer, "score", decoded.content, shape=decoded.header["shape"])
        self._remember(cell, stream, decoded)
        if self._kept is not None:
            place = (self._dataset.name, self._name, cell.image.name, cell.quality)
            self._kept.save(place, KeptFiles(stream, decoded.payload, decoded.header["shape"]))
        height, width = shape[:2]
        bpp = metrics.bits_per_pixel(len(stream), height, width)
        values = {
            name: None if value is None else float(value) for name, value in scored.header["values"].items()
        }
        decibels = values.get("psnr")
        if decibels is None:
            decibels = psnr(_picture(original), _picture(decoded))
        self._note(cell, Coded(bpp, decibels), original)
        return Row(
            dataset=self._dataset.name,
            image=cell.image.name,
            image_sha256=cell.image.sha256,
            width=width,
            height=height,
            codec=self._name,
            codec_version=self._version,
            quality=cell.quality,
            bytes=len(stream),
            bpp=bpp,
            metrics=values,
            encode_s=statistics.median(encoded.header["seconds"]),
            decode_s=statistics.median(decoded.header["seconds"]),
            alone=alone,
            repeats=repeats,
            start_s=self._encoder.start_s,
            encode_memory=_memory(encoded),
            decode_memory=_memory(decoded),
            encode_gpu_memory=encoded.header["gpu_memory"],
            decode_gpu_memory=decoded.header["gpu_memory"],
            bitstream_sha256=hashlib.sha256(stream).hexdigest(),
            decoded_sha256=scored.header["sha256"],
            setup=self._setup.id if self._setup else "",
            note=encoded.header["note"],
        )

    def _note(self, cell: Cell, coded: Coded, original: Reply) -> None:
        """Remember a cell that was measured for the checks at the end."""
        self._measured[cell] = None
        if self._detailed is None or self._detailed[0] != cell.image:
            self._detailed = cell.image, is_detailed(_picture(original))
        if self._detailed[1]:
            self._likes.add(cell, coded)

    def _code(self, quality: float, picture: Picture) -> Coded | str:
        """What comes of a picture that isn't one of the dataset, or why nothing does."""
        self._get_ready()
        self._encoder_holds = None
        height, width, _ = shape = list(picture.shape)
        how = {"shape": shape, "quality": quality, "repeats": 1}
        try:
            stream = _do(self._encoder, "encode", picture.tobytes(), **how).payload
            self._encoder.tidy()
            decoded = _do(self._decoder, "decode", stream, repeats=1)
            self._decoder.tidy()
            _check_shape(decoded.header["shape"], shape)
        except _CellError as error:
            return f"{error.side}: {error.reason}"
        return Coded(metrics.bits_per_pixel(len(stream), height, width), psnr(picture, _picture(decoded)))

    def _read(self, image: Image) -> Reply:
        if not self._scorer.running:
            self._image = None
            self._start(self._scorer, "score")
        if self._image != image or self._original is None:
            self._image = None
            self._original = _do(self._scorer, "read", path=str(image.path.absolute()))
            self._image = image
        return self._original

    def _get_ready(self) -> None:
        if not self._encoder.running:
            self._encoder_holds = None
            self._warm_stream = self._start(self._encoder, "encode")
        if not self._decoder.running:
            self._start(self._decoder, "decode", self._warm_stream)
        if self._setup is None:
            run: dict[str, Any] = {
                "jobs": self._settings.jobs, "threads": self._threads,
                "repeats": self._settings.repeats, "pinned": self._encoder.cpus is not None,
                "fresh": self._settings.fresh,
            }  # fmt: skip
            self._setup = setup(
                self._name, self._version, self._dataset, self._encoder.loaded, self._scorer.loaded, run
            )

    def _warm_up_for(self, shape: Sequence[int], quality: float) -> None:
        """Have a GPU code a picture of that shape, unless its processes have."""
        if not (self._encoder.on_gpu or self._decoder.on_gpu):
            return
        key = (self._encoder.pid, self._decoder.pid, *shape, quality)
        if key not in self._warm_for:
            stream = _do(self._encoder, "warm_up_for", shape=shape, quality=quality).payload
            self._encoder.tidy()
            _do(self._decoder, "warm_up_for", stream, shape=shape, quality=quality)
            self._decoder.tidy()
            self._warm_for.add(key)

    def _remember(self, cell: Cell, stream: bytes, decoded: Reply) -> None:
        """Keep a few of all samples, all of them equally likely (reservoir sampling)."""
        self._decoded += 1
        if len(self._samples) < SPOT_CHECKS:
            self._samples.append(Sample(cell, stream, decoded.payload))
        elif (place := random.randrange(self._decoded)) < SPOT_CHECKS:
            self._samples[place] = Sample(cell, stream, decoded.payload)

    def _failure(self, cell: Cell, error: _CellError, voids: bool = False) -> Failure:
        return Failure(
            dataset=self._dataset.name,
            image=cell.image.name,
            image_sha256=cell.image.sha256,
            codec=self._name,
            codec_version=self._version,
            quality=cell.quality,
            side=error.side,
            reason=without_folders(error.reason),
            setup=self._setup.id if self._setup else "",
            voids=voids,
        )

    def _start(self, worker: Worker, side: str, payload: bytes = b"") -> bytes:
        if self._failed_starts[side] >= MOST_STARTS:
            raise _CellError(side, f"its process isn't started again: {self._start_error}")
        try:
            warm_stream = worker.start(payload)
        except WorkerError as error:
            self._failed_starts[side] += 1
            self._start_error = str(error)
            raise _CellError(side, f"its process doesn't start: {error}") from None
        self._failed_starts[side] = 0
        return warm_stream

    def _alone(self) -> bool:
        return self._here.alone(self._cpu_seconds) and not self._others_on_gpu()

    def _others_on_gpu(self) -> bool:
        """Whether another process has opened a GPU that the codec computes on."""
        ours: dict[str, list[list[int]]] = {}
        for worker in (self._encoder, self._decoder):
            if worker.gpu is not None:
                ours.setdefault(worker.gpu, []).append(worker.pids)
        return any(gpu_processes.others(uuid, pids) for uuid, pids in ours.items())

    def _cpu_seconds(self) -> float:
        import psutil

        ours = sum(psutil.Process().cpu_times()[:4])
        return ours + sum(worker.cpu_seconds() for worker in (self._encoder, self._decoder, self._scorer))


def _limits_of_scoring(settings: Settings) -> Limits:
    """Limits of the scorer: what a codec is allowed says nothing about metrics."""
    return Limits(max(settings.timeout, LEAST_SCORING_S), fair_share(settings.jobs))


class _CellError(Exception):
    def __init__(self, side: str, reason: str) -> None:
        super().__init__(reason)
        self.side, self.reason = side, reason


def _do(worker: Worker, action: str, payload: Payload | memoryview | None = None, **values: Any) -> Reply:
    try:
        return worker.ask(action, payload, **values)
    except WorkerError as error:
        raise _CellError(action, str(error)) from None


def _check_shape(decoded: Sequence[int], original: Sequence[int]) -> None:
    if decoded != original:
        (height, width, channels), (high, wide, _) = decoded, original
        of = "" if channels == 3 else f" of {channels} channels"
        raise _CellError("decode", f"it decoded to {width}x{height} pixels{of} instead of {wide}x{high}")


def _check_samples(decoded: Reply, original: Reply) -> None:
    if np.array_equal(one := _picture(decoded), other := _picture(original)):
        return
    differ = int((one != other).sum())
    raise _CellError("decode", f"it should be lossless, and {differ} of {other.size} samples are others")


def _picture(reply: Reply) -> Picture:
    return np.frombuffer(content_of(reply.content), np.uint8).reshape(reply.header["shape"])


def _same(one: bytes, other: bytes) -> bool:
    """Whether two pictures are the same but for rounding."""
    if one == other or len(one) != len(other):
        return one == other
    difference = np.frombuffer(one, np.uint8).astype(np.int16) - np.frombuffer(other, np.uint8)
    return int(np.abs(difference).max()) <= _ROUNDING


def _memory(reply: Reply) -> int:
    """Peak of the process and its children in bytes: as it says itself, and as was seen from outside."""
    own, child = reply.header["memory"], reply.header["child_memory"] or 0
    return max(int(own + child), reply.memory)
