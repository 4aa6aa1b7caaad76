"""JPEG XL by libjxl in imagecodecs."""

from __future__ import annotations

from bench.codecs import packages, program
from bench.codecs.base import LOSSLESS_PARAMETER, RGB, Codec, CodecError
from bench.codecs.parameters import Parameter
from bench.core.errors import first_line


class JpegXl(Codec):
    """Quality is that of cjxl's option -q, which stands for a distance for the eye."""

    name = "jpegxl"
    summary = "JPEG XL by libjxl in imagecodecs, made for the eye and not for PSNR; lossless=1: lossless"
    qualities = (5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95)
    quality_range = (0, 99)
    whole_qualities = False
    parameters = {
        "effort": Parameter(7, "1 fastest to 10 best", between=(1, 10)),
        "lossless": LOSSLESS_PARAMETER,
    }

    @classmethod
    def missing(cls) -> str | None:
        return packages.missing("imagecodecs")

    def version(self) -> str:
        import imagecodecs

        return f"{imagecodecs.jpegxl_version()}, {packages.version('imagecodecs')}, {self.settings()}"

    def encode(self, image: RGB, quality: float) -> bytes:
        import imagecodecs

        try:
            return bytes(
                imagecodecs.jpegxl_encode(
                    image,
                    distance=None if self.lossless else distance_of(quality),
                    lossless=self.lossless,
                    effort=int(self.values["effort"]),
                    usecontainer=False,
                    numthreads=program.threads(),
                )
            )
        except (RuntimeError, ValueError) as error:
            raise CodecError(f"libjxl can't encode this picture ({error})") from error

    def decode(self, bitstream: bytes) -> RGB:
        import imagecodecs

        try:
            picture = imagecodecs.jpegxl_decode(bitstream, numthreads=program.threads())
        except (RuntimeError, ValueError, MemoryError) as error:
            raise CodecError(f"this is no whole JPEG XL stream ({first_line(error)})") from error
        return packages.rgb(picture, "JPEG XL stream")


def distance_of(quality: float) -> float:
    """The distance, in units of what the eye just sees, of a quality: 0.1 to 25.

    Source: libjxl's JxlEncoderDistanceFromQuality.

    >>> distance_of(100), distance_of(0)
    (0.1, 25.0)
    """
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25
