"""JPEG by MozJPEG in jpeglib: trellis quantisation, progressive; decoded by Pillow's libjpeg-turbo."""

from __future__ import annotations

import PIL
from PIL import features

from bench.codecs import packages, pillow, program
from bench.codecs.base import RGB, Codec
from bench.codecs.parameters import Parameter

_LIBRARY = "mozjpeg403"


class MozJpeg(Codec):
    name = "jpeg-mozjpeg"
    summary = "JPEG by MozJPEG 4.0.3 in jpeglib, by default 4:2:0"
    qualities = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (1, 100)
    parameters = {"chroma": Parameter(420, "4:2:0 or 4:4:4", (420, 422, 444))}

    @classmethod
    def missing(cls) -> str | None:
        return packages.missing("jpeglib")

    def version(self) -> str:
        decoder = f"libjpeg-turbo {features.version('libjpeg_turbo')}, Pillow {PIL.__version__}"
        return f"MozJPEG 4.0.3, {packages.version('jpeglib')}, {self.settings()}, decoded by {decoder}"

    def encode(self, image: RGB, quality: float) -> bytes:
        import jpeglib

        jpeglib.version.set(_LIBRARY)
        picture = jpeglib.from_spatial(image)
        picture.samp_factor = ":".join(str(self.values["chroma"]))
        with program.fresh_folder() as folder:
            path = folder / "output.jpg"
            picture.write_spatial(str(path), qt=int(quality), flags=["+PROGRESSIVE_MODE", "+OPTIMIZE_CODING"])
            return program.check_written(path, ["MozJPEG"], "").read_bytes()

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "JPEG")
