"""JPEG-LS, lossless, by CharLS in imagecodecs. The format has no colour transform of its own."""

from __future__ import annotations

from bench.codecs import packages
from bench.codecs.base import LOSSLESS, RGB, Codec, CodecError
from bench.core.errors import first_line


class JpegLs(Codec):
    name = "jpegls"
    summary = "JPEG-LS by CharLS in imagecodecs, lossless, R, G and B without a colour transform"
    qualities = (LOSSLESS,)
    quality_range = (LOSSLESS, LOSSLESS)
    lossless = True

    @classmethod
    def missing(cls) -> str | None:
        return packages.missing("imagecodecs")

    def version(self) -> str:
        import imagecodecs

        return f"{imagecodecs.jpegls_version()}, {packages.version('imagecodecs')}"

    def encode(self, image: RGB, quality: float) -> bytes:
        import imagecodecs

        try:
            return bytes(imagecodecs.jpegls_encode(image, level=0))
        except (RuntimeError, ValueError) as error:
            raise CodecError(f"CharLS can't encode this picture ({error})") from error

    def decode(self, bitstream: bytes) -> RGB:
        import imagecodecs

        try:
            picture = imagecodecs.jpegls_decode(bitstream)
        except (RuntimeError, ValueError) as error:
            raise CodecError(f"this is no whole JPEG-LS stream ({first_line(error)})") from error
        return packages.rgb(picture, "JPEG-LS stream")
