"""WebP by Pillow's libwebp. Lossy WebP is 4:2:0 and can't be anything else."""

from __future__ import annotations

import PIL
from PIL import features

from bench.codecs import pillow
from bench.codecs.base import LOSSLESS_PARAMETER, RGB, Codec
from bench.codecs.parameters import Parameter

_EFFORT = 75  # 0 fastest to 100 best


class WebP(Codec):
    name = "webp"
    summary = "WebP, always 4:2:0, by libwebp in Pillow; lossless=1: lossless"
    qualities = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (0, 100)
    parameters = {
        "method": Parameter(4, "0 fastest to 6 best", between=(0, 6)),
        "lossless": LOSSLESS_PARAMETER,
    }

    def version(self) -> str:
        return f"libwebp {features.version('webp')}, Pillow {PIL.__version__}, {self.settings()}"

    def sampling(self) -> str | None:
        return None if self.lossless else "4:2:0"

    def encode(self, image: RGB, quality: float) -> bytes:
        if self.lossless:  # the effort is that of `cwebp -lossless`
            return pillow.save(image, "WEBP", lossless=True, quality=_EFFORT, method=self.values["method"])
        return pillow.save(image, "WEBP", quality=int(quality), method=self.values["method"])

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "WEBP")
