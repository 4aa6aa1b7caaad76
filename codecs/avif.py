"""AVIF by libavif and libaom in imagecodecs."""

from __future__ import annotations

import numpy as np

from bench.codecs import packages, program
from bench.codecs.base import LOSSLESS_PARAMETER, RGB, Codec, CodecError
from bench.codecs.parameters import Parameter, Value
from bench.core.errors import BenchError, first_line


class Avif(Codec):
    name = "avif"
    summary = "AVIF by libavif with libaom in imagecodecs, 4:4:4, 10 bits, speed 6; lossless=1: lossless"
    qualities = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 85)
    quality_range = (0, 99)
    parameters = {
        "chroma": Parameter(444, "4:4:4, 4:2:2 or 4:2:0", (444, 422, 420)),
        "bits": Parameter(10, "inside of the codec", (8, 10)),
        "speed": Parameter(6, "0 slowest and best to 10 fastest", between=(0, 10)),
        "lossless": LOSSLESS_PARAMETER,
    }

    def __init__(self, **values: Value) -> None:
        super().__init__(**values)
        if self.lossless and "bits" not in values:
            self.values["bits"] = 8  # those of the samples; more are rounded twice
        if self.lossless and (self.values["bits"], self.values["chroma"]) != (8, 444):
            raise BenchError("avif:lossless=1 is 4:4:4 with 8 bits; leave out chroma and bits")

    @classmethod
    def missing(cls) -> str | None:
        return packages.missing("imagecodecs")

    def version(self) -> str:
        import imagecodecs

        return f"{imagecodecs.avif_version()}, {packages.version('imagecodecs')}, {self.settings()}"

    def encode(self, image: RGB, quality: float) -> bytes:
        import imagecodecs

        ten = self.values["bits"] == 10
        try:
            return bytes(
                imagecodecs.avif_encode(
                    _to_ten(image) if ten else image,
                    level=100 if self.lossless else int(quality),  # 100: without loss, R, G and B as they are
                    speed=int(self.values["speed"]),
                    pixelformat=str(self.values["chroma"]),
                    bitspersample=int(self.values["bits"]),
                    codec="aom",
                    numthreads=program.threads(),
                )
            )
        except (RuntimeError, ValueError) as error:
            raise CodecError(f"libavif can't encode this picture ({error})") from error

    def decode(self, bitstream: bytes) -> RGB:
        import imagecodecs

        try:
            picture = imagecodecs.avif_decode(bitstream, numthreads=program.threads())
        except (RuntimeError, ValueError, MemoryError) as error:
            raise CodecError(f"this is no whole AVIF file ({first_line(error)})") from error
        return packages.rgb(_to_eight(picture) if picture.dtype == np.uint16 else picture, "AVIF file")


# libavif takes the pixels of a 10-bit picture in 10 bits.


def _to_ten(image: RGB) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    return ((image.astype(np.uint32) * 1023 + 127) // 255).astype(np.uint16)


def _to_eight(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> RGB:
    return ((picture.astype(np.uint32) * 255 + 511) // 1023).astype(np.uint8)
