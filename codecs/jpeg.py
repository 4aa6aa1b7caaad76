"""JPEG by Pillow's libjpeg-turbo, with the tables of its quality scale, as Pillow writes it."""

from __future__ import annotations

import PIL
from PIL import features

from bench.codecs import pillow
from bench.codecs.base import RGB, Codec
from bench.codecs.parameters import Parameter


class Jpeg(Codec):
    name = "jpeg"
    summary = "JPEG, by default 4:2:0 and baseline, by libjpeg-turbo in Pillow"
    qualities = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (1, 100)
    parameters = {
        "chroma": Parameter(420, "4:2:0 or 4:4:4", (420, 422, 444)),
        "progressive": Parameter(0, "1: progressive", (0, 1)),
        "optimize": Parameter(0, "1: Huffman tables made for the picture", (0, 1)),
    }

    def version(self) -> str:
        library = features.version("libjpeg_turbo")
        return f"libjpeg-turbo {library}, Pillow {PIL.__version__}, {self.settings()}"

    def encode(self, image: RGB, quality: float) -> bytes:
        subsampling = {420: "4:2:0", 422: "4:2:2", 444: "4:4:4"}[int(self.values["chroma"])]
        return pillow.save(
            image,
            "JPEG",
            quality=int(quality),
            subsampling=subsampling,
            progressive=bool(self.values["progressive"]),
            optimize=bool(self.values["optimize"]),
        )

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "JPEG")
