"""JPEG by Pillow's libjpeg-turbo: baseline, 4:2:0, the tables of its quality scale, as Pillow writes it."""

from __future__ import annotations

from typing import Any

import PIL
from PIL import features

from bench.codecs import pillow
from bench.codecs.base import RGB, Codec


class Jpeg(Codec):
    name = "jpeg"
    summary = "JPEG, 4:2:0, by libjpeg-turbo in Pillow"
    qualities = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (1, 100)

    def version(self) -> str:
        return f"libjpeg-turbo {features.version('libjpeg_turbo')}, Pillow {PIL.__version__}"

    def provenance(self) -> dict[str, Any]:
        return {"parameters": {"chroma": "4:2:0", "progressive": False, "optimize": False}}

    def encode(self, image: RGB, quality: float) -> bytes:
        return pillow.save(image, "JPEG", quality=int(quality))

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "JPEG")
