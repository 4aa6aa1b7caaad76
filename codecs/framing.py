"""Pictures of any size for encoders that take only some sizes.

Where a picture has to be made larger for its encoder, its own size goes before the stream, in 5 bytes that
count. A picture that fits costs nothing, and its stream is what the encoder wrote, byte for byte. The mark is
a byte with which no stream of HEVC, VVC or AV1 begins, and no BPG file.
"""

from __future__ import annotations

import struct

import numpy as np

from bench.codecs.base import RGB, CodecError

MAX_SIDE = 65535
MAX_PIXELS = 1 << 25  # of learned codecs: a forged header must not make the decoder take all memory
_MARK = 0xFF
_PREFIX = struct.Struct("<BHH")  # mark, width, height


def frame(image: RGB, multiple: int = 1, least: int = 1) -> tuple[RGB, bytes]:
    """The picture at a size that fits, its last row and column repeated, and what goes before its stream.

    Args:
        multiple: of which both sides must be.
        least: that both sides must have.

    Raises:
        CodecError: the picture has to be made larger and is too large for that.
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
    """The stream, and height and width that its picture has to be cut to; None: it has its size.

    Raises:
        CodecError: it is cut off.
    """
    if bitstream[:1] != bytes([_MARK]):
        return bitstream, None
    if len(bitstream) <= _PREFIX.size:
        raise CodecError(f"a bitstream of {len(bitstream)} bytes is cut off: it holds a size and no picture")
    _, width, height = _PREFIX.unpack_from(bitstream)
    return bitstream[_PREFIX.size :], (height, width)


def cut(image: RGB, size: tuple[int, int] | None) -> RGB:
    """The picture at its own size.

    Raises:
        CodecError: it is smaller than that.
    """
    if size is None:
        return image
    height, width = size
    if not (0 < height <= image.shape[0] and 0 < width <= image.shape[1]):
        raise CodecError(
            f"it tells a size of {width}x{height} and holds a picture of {image.shape[1]}x{image.shape[0]}"
        )
    return np.ascontiguousarray(image[:height, :width])


def check_size(codec: str, width: int, height: int) -> None:
    """Raises CodecError for a picture that a learned codec can't take, or a forged header tells of."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise CodecError(
            f"{codec} can't code {width}x{height} pixels; sides go from 1 to {MAX_SIDE}, "
            f"and {MAX_PIXELS} pixels are the most"
        )
