"""Whether the compressed data of a PNG file hold all of its rows.

The data of a PNG file are one zlib stream. Where that stream ends early, but well, Pillow gives no error: the
rows that are missing are zeros.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import IO

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # a pixel, by the colour type
# Of each pass of an interlaced picture: first column and row, and the steps to the next.
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
_STEP = 1 << 20  # bytes that are unpacked at once


def lacks_rows(file: IO[bytes]) -> bool:
    """Whether the data of a PNG file, open at its beginning, end before its last row does.

    The source is the PNG specification (W3C, third edition), sections 5, 8 and 10.

    >>> import io
    >>> from PIL import Image
    >>> whole = io.BytesIO()
    >>> Image.new("RGB", (5, 7)).save(whole, "PNG")
    >>> whole.seek(0), lacks_rows(whole)
    (0, False)
    """
    needed, unpacked = 0, 0
    unpack = zlib.decompressobj()
    for kind, content in _chunks(file):
        if kind == b"IHDR":
            needed = _bytes_of(*struct.unpack(">IIBBxxB", content[:13]))
        elif kind == b"IDAT":
            while content and unpacked < needed:
                unpacked += len(unpack.decompress(content, _STEP))
                content = unpack.unconsumed_tail
        if unpacked >= needed > 0:
            return False
    return True


def _bytes_of(width: int, height: int, depth: int, colour_type: int, interlaced: int) -> int:
    """What the rows of a picture take before they are compressed, each with a byte for its filter."""
    bits = depth * _SAMPLES[colour_type]
    needed = 0
    for left, top, right, down in _ADAM7 if interlaced else _WHOLE:
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            needed += rows * (1 + -(-columns * bits // 8))
    return needed


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of each chunk."""
    file.seek(8, 1)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        yield kind, file.read(length)
        file.seek(4, 1)
