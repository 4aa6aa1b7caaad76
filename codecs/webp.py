"""WebP, lossy, by Pillow's libwebp. The format is 4:2:0 and can't be anything else."""

from __future__ import annotations

from typing import Any

import PIL
from PIL import features

from bench.codecs import pillow
from bench.codecs.base import RGB, Codec


class WebP(Codec):
    name = "webp"
    summary = "WebP, lossy, always 4:2:0, by libwebp in Pillow"
    qualities = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (0, 100)

    def version(self) -> str:
        return f"libwebp {features.version('webp')}, Pillow {PIL.__version__}"

    def provenance(self) -> dict[str, Any]:
        return {"parameters": {"chroma": "4:2:0", "method": 4}}  # Pillow's default, said here for readers

    def encode(self, image: RGB, quality: float) -> bytes:
        return pillow.save(image, "WEBP", quality=int(quality))

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "WEBP")
