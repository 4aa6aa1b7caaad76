"""One picture to a file and back, by any codec: what `bench encode` and `bench decode` do."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from bench import codecs
from bench.codecs import Codec
from bench.codecs.pillow import save
from bench.core.errors import BenchError
from bench.core.images import lost_metadata, read_rgb
from bench.core.whole_file import write_whole
from bench.metrics import bits_per_pixel
from bench.process import Limits, Reply, Worker, WorkerError
from bench.process.limits import fair_share


def encode(
    source: Path, target: Path, spec: str | None, quality: float | None, timeout: float | None = None
) -> str:
    """Write the bitstream of a picture; returns what came of it, in words.

    Args:
        source: a picture, of 8 bits a sample.
        target: of the bitstream, and nothing else.
        spec: of the codec; None: the suffix of the target is its name, as in out.ainn.
        quality: None: one in the middle of the codec's curve.
        timeout: seconds that encoding may take; None: any.

    Raises:
        BenchError: no such picture, codec or quality, it took too long, or the file can't be written.
    """
    codec = _codec(spec, target)
    if quality is None:
        quality = codec.qualities[len(codec.qualities) // 2]
    codec.check_quality(quality)
    image = read_rgb(source)
    height, width = image.shape[:2]
    coder = _Coder("encode", codec, spec, timeout)
    stream = coder.code(source, image.tobytes(), shape=image.shape, quality=quality).payload
    _write(target, stream)
    bpp = bits_per_pixel(len(stream), height, width)
    report = f"{width}x{height}, {len(stream)} bytes, {bpp:.4f} bpp"
    lost = lost_metadata(source)
    note = f"; only samples are coded: {' and '.join(lost)} are left out" if lost else ""
    return f"{target}: {codec.name} at quality {quality:g}, {report}{note}"


def decode(source: Path, target: Path, spec: str | None, timeout: float | None = None) -> str:
    """Write the picture of a bitstream as PNG; returns what came of it, in words.

    Args:
        source: the bitstream.
        target: a .png file.
        spec: as in `encode`, by the suffix of the source.
        timeout: seconds that decoding may take; None: any.

    Raises:
        BenchError: no such file or codec, a damaged bitstream, it took too long, or the file can't be
            written.
    """
    if target.suffix.lower() != ".png":
        raise BenchError(f"pictures are written as PNG; name {target} with .png at its end")
    codec = _codec(spec, source)
    try:
        stream = source.read_bytes()
    except OSError as error:
        raise BenchError(f"can't read {source} ({error.strerror})") from None
    decoded = _Coder("decode", codec, spec, timeout).code(source, stream)
    picture = np.frombuffer(decoded.payload, np.uint8).reshape(decoded.header["shape"])
    _write(target, save(picture, "PNG"))
    height, width = picture.shape[:2]
    return f"{target}: {width}x{height}, of {len(stream)} bytes by {codec.name}"


def _codec(spec: str | None, stream: Path) -> Codec:
    if spec is not None:
        return codecs.get(spec)
    name = stream.suffix.removeprefix(".")
    if name not in codecs.names():
        raise BenchError(
            f"{stream} doesn't end in the name of a codec; say which with --codec, or name it as in "
            f"{stream.stem}.jpegxl"
        )
    return codecs.get(name)


class _Coder:
    """An encoder or a decoder in a process of its own.

    On a damaged file a library may crash, work for hours, or ask for all memory.
    """

    def __init__(self, side: str, codec: Codec, spec: str | None, timeout: float | None) -> None:
        self._does = f"{codec.name} can't {side}"
        name, limits = codecs.resolve(spec or codec.name), Limits(timeout, fair_share(1))
        self._side = side
        self._worker = Worker(side, name, limits, threads=os.cpu_count() or 1, confined=False)

    def code(self, source: Path, payload: bytes, **values: object) -> Reply:
        try:
            self._worker.start()
            return self._worker.ask(self._side, payload, repeats=1, **values)
        except WorkerError as error:
            reason = str(error).removesuffix(" (--memory)")  # there is no such option here
            raise BenchError(reason if error.for_users else f"{self._does} {source}: {reason}") from None
        finally:
            self._worker.close()


def _write(path: Path, content: bytes) -> None:
    """Write a file at once or not at all: a full disk leaves what was there."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise BenchError(f"can't write {path} ({error.strerror})") from None
