"""Codecs that decode elsewhere to another picture, for tests: elsewhere is where there is one thread."""

from __future__ import annotations

import math
import os
import zlib

import numpy as np

from bench.codecs.base import RGB, Codec


class Steady(Codec):
    """Lossless: each sample is predicted from the one before, by a scale."""

    name = "steady"
    qualities = (1,)
    quality_range = (1, 1)

    def version(self) -> str:
        return "1"

    def encode(self, image: RGB, quality: float) -> bytes:
        samples, before, residuals = image.reshape(-1).tolist(), 0, bytearray()
        for sample in samples:
            residuals.append((sample - self.predicted(before, 10.5)) % 256)
            before = sample
        return bytes(image.shape[:2]) + zlib.compress(bytes(residuals))

    def decode(self, bitstream: bytes) -> RGB:
        samples, before, scale = bytearray(), 0, self.scale()
        for residual in zlib.decompress(bitstream[2:]):
            before = (residual + self.predicted(before, scale)) % 256
            samples.append(before)
        return np.frombuffer(samples, np.uint8).reshape(*bitstream[:2], 3)

    def predicted(self, before: int, scale: float) -> int:
        return math.floor(before * scale)

    def scale(self) -> float:
        return 10.5


class Derails(Steady):
    """Its scale has another last bit elsewhere, as where a sum was rounded otherwise."""

    name = "derails"

    def scale(self) -> float:
        return math.nextafter(10.5, 0) if elsewhere() else 10.5


class Fails(Steady):
    name = "fails"

    def decode(self, bitstream: bytes) -> RGB:
        if elsewhere():
            raise ValueError("the symbols end too soon")
        return super().decode(bitstream)


def elsewhere() -> bool:
    return os.environ["OMP_NUM_THREADS"] == "1"
