"""Pictures of any size for encoders that take certain sizes only.

A picture that doesn't fit is padded, and its own size goes before the stream, in 5 bytes that
count. A picture that fits costs nothing: its stream is what the encoder wrote, byte for byte. The
mark is a byte with which no stream of HEVC, VVC or AV1 begins, and no BPG file.

>>> picture = np.zeros((5, 7, 3), np.uint8)
>>> padded, prefix = frame(picture, multiple=2)
>>> padded.shape, len(prefix)
((6, 8, 3), 5)
>>> stream, own_size = split(prefix + b"what an encoder wrote")
>>> cut(padded, own_size).shape
(5, 7, 3)
"""

from __future__ import annotations

import struct

import numpy as np

from bench.codecs.base import RGB, CodecError

MAX_SIDE = 65535
MAX_PIXELS = 1 << 25  # for learned codecs: a forged header must not make the decoder use all memory
_MARK = 0xFF
_PREFIX = struct.Struct("<BHH")  # mark, width, height


def frame(image: RGB, multiple: int = 1, least: int = 1) -> tuple[RGB, bytes]:
    """Pad a picture to a size that fits, and give the bytes to put before its stream; none if it fits.

    Padding repeats the last row and column.

    Args:
        multiple: both sides must be multiples of it.
        least: both sides must have so many pixels.

    Raises:
        CodecError: the picture needs padding, and a side has over 65535 pixels.
    """
    height, width = image.shape[:2]
    down, right = (max(least, side + -side % multiple) - side for side in (height, width))
    if not (down or right):
        return image, b""
    if max(height, width) >= 1 << 16:
        raise CodecError(f"the sides of a picture have at most 65535 pixels here, not {width}x{height}")
    padded = np.pad(image, ((0, down), (0, right), (0, 0)), mode="edge")
    return padded, _PREFIX.pack(_MARK, width, height)


def split(bitstream: bytes) -> tuple[bytes, tuple[int, int] | None]:
    """Split a bitstream into the encoder's stream, and height and width to cut its picture to.

    The size is None if the picture wasn't padded.

    Raises:
        CodecError: the bitstream is cut off.
    """
    if bitstream[:1] != bytes([_MARK]):
        return bitstream, None
    if len(bitstream) <= _PREFIX.size:
        raise CodecError(f"a bitstream of {len(bitstream)} bytes is cut off: it holds a size and no picture")
    _, width, height = _PREFIX.unpack_from(bitstream)
    return bitstream[_PREFIX.size :], (height, width)


def cut(image: RGB, size: tuple[int, int] | None) -> RGB:
    """Cut a padded picture to its own size, as `split` gives it.

    Raises:
        CodecError: the picture is smaller than that.
    """
    if size is None:
        return image
    height, width = size
    if not (0 < height <= image.shape[0] and 0 < width <= image.shape[1]):
        raise CodecError(
            f"its header has the size {width}x{height}, "
            f"but it holds a picture of {image.shape[1]}x{image.shape[0]}"
        )
    return np.ascontiguousarray(image[:height, :width])


def check_size(codec: str, width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Check the size of a picture for a learned codec, or the size in a header, which may be forged.

    Raises:
        CodecError: a side isn't from 1 to `MAX_SIDE`, or there are more pixels than `most`.
    """
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= most):
        raise CodecError(
            f"{codec} can't code {width}x{height} pixels; sides go from 1 to {MAX_SIDE}, "
            f"and {most} pixels are the most"
        )
