"""PNG by Pillow: lossless, what a codec of photos has to beat."""

from __future__ import annotations

import PIL
from PIL import features

from bench.codecs import pillow
from bench.codecs.base import LOSSLESS, RGB, Codec
from bench.codecs.parameters import Parameter


class Png(Codec):
    name = "png"
    summary = "PNG by zlib in Pillow, lossless"
    qualities = (LOSSLESS,)
    quality_range = (LOSSLESS, LOSSLESS)
    parameters = {"level": Parameter(6, "1 fastest to 9 best", between=(1, 9))}
    lossless = True

    def version(self) -> str:
        return f"zlib {features.version('zlib')}, Pillow {PIL.__version__}, {self.settings()}"

    def encode(self, image: RGB, quality: float) -> bytes:
        return pillow.save(image, "PNG", compress_level=self.values["level"])

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "PNG")
