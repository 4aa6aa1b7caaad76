"""A codec that sleeps, for tests of clusters: cells that last, and take no time of the CPU."""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path

import numpy as np
from plugins import install_codecs

from bench.codecs.base import RGB, Codec


class Slow(Codec):
    """Sleeps SLOW_S seconds at each encoding. Its version is that of the environment, of a worker's own."""

    name = "slow"
    qualities = (1, 2, 3, 4)
    quality_range = (1, 100)

    def version(self) -> str:
        return os.environ.get("SLOW_VERSION", "1")

    def encode(self, image: RGB, quality: float) -> bytes:
        time.sleep(float(os.environ.get("SLOW_S", "0")))
        return bytes(image.shape[:2]) + zlib.compress((image // (5 - min(4, int(quality)))).tobytes())

    def decode(self, bitstream: bytes) -> RGB:
        return np.frombuffer(zlib.decompress(bitstream[2:]), np.uint8).reshape(*bitstream[:2], 3)


def install(folder: Path) -> dict[str, str]:
    """The environment in which `bench` finds it."""
    return install_codecs(folder, "slow_codec", [Slow])
