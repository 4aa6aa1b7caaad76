"""WebP, lossy, by Pillow's libwebp. The format is 4:2:0 and can't be anything else."""

from __future__ import annotations

import PIL
from PIL import features

from bench.codecs import pillow
from bench.codecs.base import RGB, Codec
from bench.codecs.parameters import Parameter


class WebP(Codec):
    name = "webp"
    summary = "WebP, lossy, always 4:2:0, by libwebp in Pillow"
    qualities = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (0, 100)
    parameters = {"method": Parameter(4, "0 fastest to 6 best", between=(0, 6))}

    def version(self) -> str:
        return f"libwebp {features.version('webp')}, Pillow {PIL.__version__}, {self.settings()}"

    def sampling(self) -> str:
        return "4:2:0"

    def encode(self, image: RGB, quality: float) -> bytes:
        return pillow.save(image, "WEBP", quality=int(quality), method=self.values["method"])

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "WEBP")
