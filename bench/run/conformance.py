"""Whether a codec keeps the contract of `bench.codecs.Codec`: what `bench conformance NAME` checks.

The codec runs in processes of its own, as in a measurement, so that one that crashes or hangs is reported
and does no harm. Pictures are made up: large shapes, texture and colour, the same each time.
"""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench import codecs, metrics
from bench.codecs import Codec
from bench.core.errors import BenchError, without_folders
from bench.process import Limits, Reply, Worker, WorkerError

MEMORY = 4 << 30  # bytes that an encoding or a decoding may take
SIZES = ((1, 1), (1, 9), (9, 1), (17, 31), (33, 64), (64, 64), (65, 129))  # height, width
LEAST_PSNR = 25.0  # decibels, of a picture at the best quality of the curve
COLOURS = ((0, 0, 0), (255, 255, 255), (200, 40, 40), (40, 200, 40), (40, 40, 200))
MOST_OFF = 12  # levels of 255, of such colours
SLACK_RATE, SLACK_PSNR = 0.01, 0.1  # by which a curve may fall: who works for the eye isn't exact in dB
POINTS = 4  # that a curve has at least: fewer have no BD-rate

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Verdict:
    """What was checked, and why it doesn't hold; None: it does."""

    check: str
    reason: str | None


def conformance(name: str, timeout: float = 120) -> Iterator[Verdict]:
    """The verdicts on a codec, each as soon as it is there.

    Args:
        name: as `bench.codecs.get` takes it.
        timeout: seconds that one encoding or decoding may take; inf: any.

    Raises:
        BenchError: there is no such codec, or it can't run here.
    """
    codec = codecs.get(name)
    codec.prepare(codec.qualities)
    return _verdicts(_Pair(codec, codecs.resolve(name), Limits(timeout, MEMORY)))


def describes_itself(pair: _Pair) -> None:
    """It describes itself: a summary, a version, a curve of qualities that it takes, plain provenance."""
    codec = pair.codec
    if not codec.summary:
        raise _Broken("it has no summary, the line that `bench list codecs` shows")
    if len(set(codec.qualities)) < (1 if codec.lossless else POINTS):
        raise _Broken(f"its curve has {len(set(codec.qualities))} qualities; a BD-rate needs {POINTS}")
    for quality in codec.qualities:
        try:
            codec.check_quality(quality)
        except BenchError as error:
            raise _Broken(f"quality {quality:g} of its curve isn't one: {error}") from None
    for wrong in (codec.quality_range[0] - 1, codec.quality_range[1] + 1, float("nan")):
        with suppress(BenchError):
            codec.check_quality(wrong)
            raise _Broken(f"it takes quality {wrong:g}, which lies outside of its quality_range")
    if not codec.version() or codec.version() != codecs.get(pair.name).version():
        raise _Broken("its version is empty, or another each time")
    try:
        provenance = json.dumps(codec.provenance()).replace(os.devnull, "")
    except (TypeError, ValueError) as error:
        raise _Broken(f"its provenance isn't made of plain values ({error})") from None
    if without_folders(provenance) != provenance:
        raise _Broken("its provenance holds a folder of this machine")


def codes_all_sizes(pair: _Pair) -> None:
    """It codes pictures of all sizes, from 1x1 on."""
    for height, width in SIZES:
        picture = made_up(height, width)
        decoded = pair.decode(pair.encode(picture))
        if decoded.shape != picture.shape:
            high, wide = decoded.shape[:2]
            raise _Broken(f"a picture of {width}x{height} pixels comes back with {wide}x{high}")


def gives_back_the_picture(pair: _Pair) -> None:
    """It gives back what it was given: the right way up, in the right colours."""
    best = pair.codec.qualities[-1]
    picture = made_up(96, 64)
    psnr = _psnr(picture, pair.decode(pair.encode(picture, best)))
    lost = _Broken("it says that it is lossless, and not every sample comes back")
    if pair.codec.lossless and not math.isinf(psnr):
        raise lost
    if psnr < LEAST_PSNR:
        raise _Broken(f"at quality {best:g}, the best of its curve, a picture comes back with {psnr:.1f} dB")
    for colour in COLOURS:
        flat = np.full((32, 32, 3), colour, np.uint8)
        off = np.abs(pair.decode(pair.encode(flat, best)).astype(int) - flat).max()
        if pair.codec.lossless and off:
            raise lost
        if off > MOST_OFF:
            raise _Broken(f"the colour {colour} comes back {off} levels off at quality {best:g}")


def is_monotonic(pair: _Pair) -> None:
    """Along its curve, rate and quality rise."""
    picture = made_up(128, 128)
    streams = [pair.encode(picture, quality) for quality in pair.codec.qualities]
    psnrs = [_psnr(picture, pair.decode(stream)) for stream in streams]
    points = zip(pair.codec.qualities, map(len, streams), psnrs, strict=True)
    for (low, fewer, worse), (high, more, better) in pairwise(points):
        if more < (1 - SLACK_RATE) * fewer:
            raise _Broken(f"quality {high:g} takes {more} bytes and quality {low:g} before it {fewer}")
        if better < worse - SLACK_PSNR:
            raise _Broken(f"quality {high:g} has {better:.2f} dB and quality {low:g} before it {worse:.2f}")


def is_deterministic(pair: _Pair) -> None:
    """The same picture gives the same bitstream, in another process too."""
    picture = made_up(64, 80)
    stream = pair.encode(picture)
    if pair.encode(picture) != stream:
        raise _Broken("a picture that is encoded twice gives two bitstreams")
    pair.restart("encode")
    if pair.encode(picture) != stream:
        raise _Broken("in another process a picture gives another bitstream")


def keeps_nothing(pair: _Pair) -> None:
    """It keeps nothing from one picture to the next, and the decoder nothing of the encoder."""
    one, other = made_up(64, 80), made_up(48, 33, seed=1)
    stream, second = pair.encode(one), pair.encode(other)
    if pair.encode(one) != stream:
        raise _Broken("after another picture, a picture gives another bitstream")
    decoded = pair.decode(stream)
    pair.decode(second)
    if not np.array_equal(pair.decode(stream), decoded):
        raise _Broken("after another bitstream, a bitstream gives another picture")
    pair.restart("decode")
    if not np.array_equal(pair.decode(stream), decoded):
        raise _Broken("in a process that has seen nothing else, a bitstream gives another picture")


def survives_damage(pair: _Pair) -> None:
    """A damaged bitstream gives a picture, or a CodecError with a sentence."""
    stream = pair.encode(made_up(64, 80))
    for what, damaged in _damages(stream):
        try:
            pair.decode(damaged)
        except _Told:
            continue
        except _Broken as error:
            raise _Broken(f"{what}: {error}") from None


CHECKS: tuple[Callable[[_Pair], None], ...] = (
    describes_itself,
    codes_all_sizes,
    gives_back_the_picture,
    is_monotonic,
    is_deterministic,
    keeps_nothing,
    survives_damage,
)


@functools.cache
def made_up(height: int, width: int, seed: int = 0) -> Picture:
    """A picture (uint8, height x width x 3), the same each time."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    field = np.zeros((height, width, 3))
    for blur, weight in ((16, 45), (4, 20), (0.8, 8)):
        noise = gaussian_filter(rng.normal(size=(height + 64, width + 64, 3)), (blur, blur, 0.4), mode="wrap")
        field += weight * (noise / noise.std())[:height, :width]
    picture: Picture = np.clip(np.round(128 + field), 0, 255).astype(np.uint8)
    picture.flags.writeable = False
    return picture


class _Broken(Exception):
    """Why a check doesn't hold."""


class _Told(_Broken):
    """The codec itself said, in a sentence, that it can't."""


class _Pair:
    """An encoder and a decoder of one codec, in processes of their own."""

    def __init__(self, codec: Codec, name: str, limits: Limits) -> None:
        self.codec, self.name = codec, name
        self._workers = {side: Worker(side, name, limits, threads=1) for side in ("encode", "decode")}

    def __enter__(self) -> _Pair:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self._workers.values():
            worker.close()

    def encode(self, picture: Picture, quality: float | None = None) -> bytes:
        """The bitstream of a picture, by default at a quality in the middle of the curve."""
        qualities = self.codec.qualities
        if quality is None:
            quality = qualities[len(qualities) // 2]
        return self._ask("encode", picture.tobytes(), shape=picture.shape, quality=quality).payload

    def decode(self, stream: bytes) -> Picture:
        reply = self._ask("decode", stream)
        decoded: Picture = np.frombuffer(reply.payload, np.uint8).reshape(reply.header["shape"])
        return decoded

    def restart(self, side: str) -> None:
        """From now on the encoder, or the decoder, is a process that has seen nothing."""
        self._workers[side].close()

    def _ask(self, side: str, payload: bytes, **values: object) -> Reply:
        worker = self._workers[side]
        try:
            if not worker.running:
                worker.start()
            return worker.ask(side, payload, repeats=1, **values)
        except WorkerError as error:
            raise (_Told if error.for_users else _Broken)(f"{side}: {error}") from None


def _verdicts(pair: _Pair) -> Iterator[Verdict]:
    with pair:
        for check in CHECKS:
            try:
                check(pair)
            except _Broken as error:
                yield Verdict(_title(check), without_folders(str(error)))
            else:
                yield Verdict(_title(check), None)


def _damages(stream: bytes) -> Iterator[tuple[str, bytes]]:
    yield "an empty bitstream", b""
    for share in (0.1, 0.5, 0.9):
        yield f"a bitstream cut at {share:.0%} of its bytes", stream[: int(share * len(stream))]
    yield "a bitstream with 100 bytes more", stream + bytes(100)
    rng = np.random.default_rng(0)
    yield "noise", rng.bytes(len(stream))
    for place in sorted(
        {0, 1, 2, 3, 5, 8, *rng.integers(0, len(stream), 12).tolist()} & set(range(len(stream)))
    ):
        damaged = bytearray(stream)
        damaged[place] ^= 0x55
        yield f"a bitstream with byte {place} changed", bytes(damaged)


def _psnr(picture: Picture, decoded: Picture) -> float:
    if decoded.shape != picture.shape:
        raise _Broken(f"a picture of shape {picture.shape} comes back with {decoded.shape}")
    return metrics.psnr(picture, decoded)


def _title(check: Callable[[_Pair], None]) -> str:
    return (check.__doc__ or "").strip().rstrip(".")
