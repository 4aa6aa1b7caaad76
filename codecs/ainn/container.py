"""The file of one picture: a header, the range coder's bytes, a checksum.

| bytes | what                                                         |
| ----- | ------------------------------------------------------------ |
| 4     | ``AINN``                                                     |
| 1     | version of this layout, 2 to 6, see below                    |
| 2     | quality in thousandths                                       |
| 4     | width and height, 16 bits each                               |
| 4     | start of the weights' SHA-256                                |
| ...   | payload: range coded z, then y; or parts, see ``tiles.py``   |
| 4     | CRC-32 of all before: no damaged stream reaches the decoder  |

Numbers are little-endian.

| version | what                                                                       |
| ------- | -------------------------------------------------------------------------- |
| 2       | the picture is whole                                                       |
| 3       | it is in tiles                                                             |
| 4       | it is whole, and the filter's correction is coded ahead of z               |
| 5       | it is thin, so laid down if it is tall, and cut: see ``coding_order.py``   |
| 6       | the same, with the filter's correction                                     |

Thin pictures of versions 2 and 4 were written before there were versions 5 and 6.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from bench.codecs.base import CodecError
from bench.codecs.framing import MAX_PIXELS, check_size

NAME = "A-INN"
MAGIC = b"AINN"
VERSION = 2
TILED_VERSION = 3
CORRECTED_VERSION = 4
THIN_VERSION = 5
THIN_CORRECTED_VERSION = 6
VERSIONS = (VERSION, TILED_VERSION, CORRECTED_VERSION, THIN_VERSION, THIN_CORRECTED_VERSION)
MAX_TILED_PIXELS = 1 << 28
_HEADER = struct.Struct("<4sBHHH4s")
_CHECKSUM = struct.Struct("<I")


class Container(NamedTuple):
    width: int
    height: int
    quality: float
    weights: bytes  # 4: the start of the SHA-256 of the weights file
    payload: bytes
    tiled: bool = False
    corrected: bool = False  # the payload begins with a `filter_correction`; not with tiles
    thin: bool = False  # the latent is that of the picture laid down if it is tall, and cut; not with tiles

    @property
    def version(self) -> int:
        if self.tiled:
            return TILED_VERSION
        if self.thin:
            return THIN_CORRECTED_VERSION if self.corrected else THIN_VERSION
        return CORRECTED_VERSION if self.corrected else VERSION


def pack(content: Container) -> bytes:
    _check_size(content.width, content.height, content.tiled)
    quality = round(content.quality * 1000)
    header = _HEADER.pack(MAGIC, content.version, quality, content.width, content.height, content.weights)
    body = header + content.payload
    return body + _CHECKSUM.pack(zlib.crc32(body))


def unpack(bitstream: bytes) -> Container:
    """Inverse of `pack`.

    Raises:
        CodecError: not an A-INN stream, of another version, or damaged.
    """
    if bitstream[:4] != MAGIC:
        raise CodecError("this is not an A-INN bitstream; it doesn't start with 'AINN'")
    if len(bitstream) < _HEADER.size + _CHECKSUM.size:
        raise CodecError("the A-INN bitstream is cut off within its header")
    body, checksum = bitstream[: -_CHECKSUM.size], bitstream[-_CHECKSUM.size :]
    if _CHECKSUM.unpack(checksum)[0] != zlib.crc32(body):
        raise CodecError("the A-INN bitstream is damaged or cut off; its checksum doesn't fit")
    _, version, quality, width, height, weights = _HEADER.unpack_from(body)
    if version not in VERSIONS:
        raise CodecError(
            f"the A-INN bitstream has version {version}; "
            f"this decoder reads versions {VERSION} to {VERSIONS[-1]}"
        )
    tiled = version == TILED_VERSION
    _check_size(width, height, tiled)
    corrected = version in (CORRECTED_VERSION, THIN_CORRECTED_VERSION)
    thin = version in (THIN_VERSION, THIN_CORRECTED_VERSION)
    payload = body[_HEADER.size :]
    return Container(width, height, quality / 1000, weights, payload, tiled, corrected, thin)


def _check_size(width: int, height: int, tiled: bool) -> None:
    check_size(NAME, width, height, MAX_TILED_PIXELS if tiled else MAX_PIXELS)
