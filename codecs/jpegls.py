"""JPEG-LS, lossless, by CharLS in imagecodecs. The format has no colour transform of its own."""

from __future__ import annotations

import struct

from bench.codecs import packages
from bench.codecs.base import LOSSLESS, RGB, Codec, CodecError
from bench.core.errors import first_line

_FRAME, _LONGEST_RUN = 0xF7, 1 << 15
_END = b"\xff\xd9"


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

        _check_length(bitstream)
        try:
            picture = imagecodecs.jpegls_decode(bitstream)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise CodecError(f"this is no whole JPEG-LS stream ({first_line(error)})") from error
        return packages.rgb(picture, "JPEG-LS stream")


def _check_length(bitstream: bytes) -> None:
    """Refuse a stream that was cut off, or is too short for the size in its header.

    CharLS works for 5 seconds on the one, for a minute on the other, before it sees that.

    Of a flat picture, a line takes a bit for each 32768 pixels, and one at least (ITU-T T.87, A.7.1.2).

    Raises:
        CodecError: it is too short.
    """
    if not bitstream.endswith(_END):
        raise CodecError("this is no whole JPEG-LS stream (its end is missing)")
    start = 2
    while start + 9 <= len(bitstream) and bitstream[start] == 0xFF:
        marker, length, _, height, width = struct.unpack_from(">xBHBHH", bitstream, start)
        if marker == _FRAME:
            if height * -(-width // _LONGEST_RUN) > 8 * len(bitstream):
                raise CodecError(
                    f"this is no whole JPEG-LS stream (it claims {width}x{height} pixels and has "
                    f"{len(bitstream)} bytes)"
                )
            return
        start += 2 + length
