"""JPEG by jpegli, libjxl's encoder, in pyjpegli; decoded as any JPEG is, by Pillow's libjpeg-turbo."""

from __future__ import annotations

import PIL
from PIL import features

from bench.codecs import packages, pillow
from bench.codecs.base import RGB, Codec, CodecError


class Jpegli(Codec):
    name = "jpegli"
    summary = "JPEG by jpegli in pyjpegli, always 4:2:0"
    qualities = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (1, 100)

    @classmethod
    def missing(cls) -> str | None:
        return packages.missing("pyjpegli")

    def version(self) -> str:
        decoder = f"libjpeg-turbo {features.version('libjpeg_turbo')}, Pillow {PIL.__version__}"
        return f"{packages.version('pyjpegli')}, decoded by {decoder}"

    def sampling(self) -> str:
        return "4:2:0"

    def encode(self, image: RGB, quality: float) -> bytes:
        import pyjpegli

        height, width = image.shape[:2]
        try:
            return bytes(pyjpegli.encode(image.tobytes(), width, height, int(quality)))
        except (ValueError, RuntimeError) as error:
            raise CodecError(f"jpegli can't encode a {width}x{height} picture ({error})") from error

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "JPEG")
