"""JPEG 2000 by OpenJPEG in Pillow, a bare codestream: 9/7 wavelet and irreversible colour transform, or,
without loss, 5/3 wavelet and reversible transform."""

from __future__ import annotations

import PIL
from PIL import features

from bench.codecs import pillow
from bench.codecs.base import LOSSLESS_PARAMETER, RGB, Codec


class Jpeg2000(Codec):
    """Quality is the ratio of 24 bits per pixel to the rate, as in OpenJPEG's programs and in the
    published curves."""

    name = "jpeg2000"
    summary = "JPEG 2000 by OpenJPEG in Pillow, 4:4:4, at a ratio of compression; lossless=1: lossless"
    qualities = (480, 240, 160, 96, 60, 40, 30, 24, 20, 16, 12, 10, 8)
    quality_range = (1, 10000)
    whole_qualities = False
    parameters = {"lossless": LOSSLESS_PARAMETER}

    def version(self) -> str:
        kind = "5/3, RCT" if self.lossless else "9/7, ICT"
        return f"OpenJPEG {features.version('jpg_2000')}, Pillow {PIL.__version__}, {kind}, codestream"

    def encode(self, image: RGB, quality: float) -> bytes:
        smallest = min(image.shape[:2])
        return pillow.save(
            image,
            "JPEG2000",
            no_jp2=True,
            irreversible=not self.lossless,
            mct=1,  # not Pillow's default: without it, R, G and B are coded apart, at twice the rate
            num_resolutions=min(6, smallest.bit_length()),
            quality_mode="rates",
            quality_layers=[1.0 if self.lossless else float(quality)],  # 1: all of it
        )

    def decode(self, bitstream: bytes) -> RGB:
        return pillow.load(bitstream, "JPEG2000")
