"""Pictures as files of planes, as programs read and write them: raw, and Y4M, which has a header."""

from __future__ import annotations

import re

import numpy as np

from bench.codecs.base import RGB, CodecError
from bench.codecs.colour import Format, Plane, Planes, to_planes, to_rgb


def raw(image: RGB, format: Format) -> bytes:
    """Y, Cb and Cr one after the other, without a header: one byte for a sample, or two, the low one first.

    >>> len(raw(np.zeros((2, 2, 3), np.uint8), Format(bits=10, chroma=420)))
    12
    """
    planes = to_planes(image, format)
    return b"".join(plane.astype(_sample(format.bits)).tobytes() for plane in planes)


def from_raw(content: bytes, height: int, width: int, format: Format) -> RGB:
    """The picture in a file that `raw` describes.

    Raises:
        CodecError: the file holds more or less than one picture of that size.
    """
    shapes = format.plane_shapes(height, width)
    kind = np.dtype(_sample(format.bits))
    wanted = sum(rows * columns for rows, columns in shapes) * kind.itemsize
    if len(content) != wanted:
        raise CodecError(
            f"{len(content)} bytes of planes were decoded instead of the {wanted} of a picture of "
            f"{width}x{height} pixels in {format.chroma} with {format.bits} bits"
        )
    planes: list[Plane] = []
    start = 0
    for rows, columns in shapes:
        plane = np.frombuffer(content, kind, rows * columns, start).reshape(rows, columns)
        planes.append(plane.astype(np.uint16))
        start += plane.nbytes
    return to_rgb(_three(planes), format)


def from_y4m(content: bytes, full: bool) -> RGB:
    """The picture of a Y4M file of one frame, as FFmpeg and the reference decoders write it.

    Args:
        full: range of the samples; the header has no reliable word on that.

    Raises:
        CodecError: the content is no such file.
    """
    header, _, rest = content.partition(b"\n")
    words = header.decode("ascii", "replace").split(" ")
    tags = {word[:1]: word[1:] for word in reversed(words[1:]) if word}
    frame, newline, samples = rest.partition(b"\n")
    sampling = re.fullmatch(r"(444|420)(?:jpeg|mpeg2|paldv)?(?:p(\d\d))?", tags.get("C", "420"))
    try:
        if words[0] != "YUV4MPEG2" or not frame.startswith(b"FRAME") or not newline or sampling is None:
            raise ValueError
        width, height = int(tags["W"]), int(tags["H"])
        format = Format(int(sampling[2] or 8), int(sampling[1]), full)
    except (KeyError, ValueError):
        raise CodecError("what was decoded is no Y4M file of a picture in 4:4:4 or 4:2:0") from None
    return from_raw(samples, height, width, format)


def _sample(bits: int) -> str:
    return "u1" if bits <= 8 else "<u2"


def _three(planes: list[Plane]) -> Planes:
    luma, cb, cr = planes
    return luma, cb, cr
