"""Codecs that each break the contract in one way, and one that keeps it.

`install` makes them known to `bench` in other processes, as an installed package would.
"""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plugins import install_codecs

from bench.codecs.base import Codec, CodecError

Picture = NDArray[np.uint8]


def install(folder: Path) -> dict[str, str]:
    """The environment in which `bench` finds these codecs."""
    return install_codecs(folder, "broken_codecs", [Fine, *Fine.__subclasses__()])


class Fine(Codec):
    """Samples without their lowest bits, deflated."""

    name = "fine"
    summary = "samples without their lowest bits"
    qualities = (2, 3, 5, 8)
    quality_range = (1, 8)

    def version(self) -> str:
        return "1"

    def encode(self, image: Picture, quality: float) -> bytes:
        shift = 8 - int(quality)
        height, width = image.shape[:2]
        header = bytes([int(quality)]) + height.to_bytes(2, "big") + width.to_bytes(2, "big")
        return header + zlib.compress((image >> shift).tobytes())

    def decode(self, bitstream: bytes) -> Picture:
        try:
            size = int.from_bytes(bitstream[1:3], "big"), int.from_bytes(bitstream[3:5], "big")
            samples = np.frombuffer(zlib.decompress(bitstream[5:]), np.uint8).reshape(*size, 3)
            shift = 8 - bitstream[0]
            return (samples << shift) + np.uint8((1 << shift) >> 1)
        except (zlib.error, ValueError, IndexError, OverflowError) as error:
            raise CodecError(f"no bitstream of mine ({error})") from None


class Bare(Fine):
    name, summary = "bare", ""


class ShortCurve(Fine):
    name, qualities = "short-curve", (2, 8)


class AnyQuality(Fine):
    name = "any-quality"

    @classmethod
    def check_quality(cls, quality: float) -> float:
        return quality


class RestlessVersion(Fine):
    name = "restless-version"

    def version(self) -> str:
        return str(time.perf_counter())


class TellsFolder(Fine):
    name = "tells-folder"

    def provenance(self) -> dict[str, object]:
        return {"weights": "/home/somebody/weights.pt"}


class NoOddSizes(Fine):
    name = "no-odd-sizes"

    def encode(self, image: Picture, quality: float) -> bytes:
        height, width = image.shape[:2]
        return super().encode(np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"), quality)


class UpsideDown(Fine):
    name = "upside-down"

    def decode(self, bitstream: bytes) -> Picture:
        return super().decode(bitstream)[::-1]


class NearlyLossless(Fine):
    """Keeps all but the lowest bit of bright samples."""

    name, qualities, quality_range, lossless = "nearly-lossless", (100.0,), (100.0, 100.0), True

    def encode(self, image: Picture, quality: float) -> bytes:
        return super().encode(np.where(image > 250, image & 0xFE, image).astype(np.uint8), 8)


class BlueForRed(Fine):
    name = "blue-for-red"

    def decode(self, bitstream: bytes) -> Picture:
        return super().decode(bitstream)[..., ::-1]


class WrongWay(Fine):
    name, qualities = "wrong-way", (2, 8, 5, 3)


class AtRandom(Fine):
    name = "at-random"

    def encode(self, image: Picture, quality: float) -> bytes:
        return super().encode(image, quality) + os.urandom(4)


class ByProcess(Fine):
    name = "by-process"
    mine = os.urandom(8)  # the number of a process is the same in each namespace

    def encode(self, image: Picture, quality: float) -> bytes:
        return super().encode(image, quality) + self.mine


class Remembers(Fine):
    name = "remembers"
    seen: set[bytes]

    def __init__(self) -> None:
        super().__init__()
        self.seen = set()

    def encode(self, image: Picture, quality: float) -> bytes:
        self.seen.add(image.tobytes())
        return super().encode(image, quality) + bytes(len(self.seen))


class DecoderRemembers(Fine):
    name = "decoder-remembers"
    seen: set[bytes]

    def __init__(self) -> None:
        super().__init__()
        self.seen = set()

    def decode(self, bitstream: bytes) -> Picture:
        self.seen.add(bitstream)
        return super().decode(bitstream) ^ np.uint8(len(self.seen) % 2)


class Trips(Fine):
    name = "trips"

    def decode(self, bitstream: bytes) -> Picture:
        try:
            return super().decode(bitstream)
        except CodecError:
            raise IndexError("list index out of range") from None


class FallsOver(Fine):
    name = "falls-over"

    def decode(self, bitstream: bytes) -> Picture:
        try:
            return super().decode(bitstream)
        except CodecError:
            os.kill(os.getpid(), 11)
            raise


class Loops(Fine):
    name = "loops"

    def decode(self, bitstream: bytes) -> Picture:
        try:
            return super().decode(bitstream)
        except CodecError:
            time.sleep(1000)
            raise
