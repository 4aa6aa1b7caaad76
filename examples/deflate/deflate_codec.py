"""An example of a codec for codec-bench: samples without their lowest bits, deflated."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from bench.codecs import Codec, CodecError, Parameter

_HEADER = struct.Struct("<BHH")  # bits that are kept, width, height
_MOST_PIXELS = 1 << 26  # more than any picture here; a damaged header must not ask for all memory


class Deflate(Codec):
    """Quality is how many bits of each sample are kept; 8 is lossless."""

    name = "deflate"
    summary = "an example: samples without their lowest bits, deflated"
    qualities = (2, 3, 4, 5, 6, 8)  # that its curve is drawn from, lowest rate first
    quality_range = (1, 8)
    parameters = {"effort": Parameter(9, "1 fastest to 9 smallest", between=(1, 9))}

    def version(self) -> str:
        return f"1.0, {self.settings()}"

    def encode(self, image: NDArray[np.uint8], quality: float) -> bytes:
        height, width = image.shape[:2]
        if max(height, width) >= 1 << 16:
            raise CodecError(f"sides have at most 65535 pixels, not {width}x{height}")
        kept = image >> (8 - int(quality))
        packed = zlib.compress(kept.tobytes(), int(self.values["effort"]))
        return _HEADER.pack(int(quality), width, height) + packed

    def decode(self, bitstream: bytes) -> NDArray[np.uint8]:
        try:
            bits, width, height = _HEADER.unpack_from(bitstream)
            samples = zlib.decompressobj().decompress(bitstream[_HEADER.size :], 3 * _MOST_PIXELS)
        except (struct.error, zlib.error) as error:
            raise CodecError(f"this is no bitstream of deflate ({error})") from None
        if not 1 <= bits <= 8 or len(samples) != 3 * width * height:
            raise CodecError("this is no bitstream of deflate: it doesn't hold the samples that it says")
        kept = np.frombuffer(samples, np.uint8).reshape(height, width, 3)
        lost = 8 - bits
        return (kept << lost) + np.uint8((1 << lost) >> 1)  # the middle of what was cut off
