"""What the codecs that Pillow carries have in common."""

from __future__ import annotations

import io
from typing import IO, Any, cast

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.codecs.base import RGB, CodecError
from bench.core.errors import first_line
from bench.core.images import open_image, refuse_cut_short


def save(image: RGB, format: str, **options: Any) -> bytes:
    """Encode an image (uint8, height x width x 3) by Pillow; returns the file's bytes.

    >>> load(save(np.zeros((2, 5, 3), np.uint8), "PNG"), "PNG").shape
    (2, 5, 3)

    Args:
        format: Pillow's name of it.
        options: of Pillow's writer of that format.

    Raises:
        CodecError: Pillow can't write this image.
    """
    buffer = io.BytesIO()
    try:
        Image.fromarray(image).save(buffer, format, **options)
    except (OSError, ValueError) as error:
        height, width = image.shape[:2]
        raise CodecError(f"Pillow can't write a {width}x{height} image as {format} ({error})") from error
    return buffer.getvalue()


def load(bitstream: bytes, format: str) -> RGB:
    """Decode a file of this format by Pillow: uint8, height x width x 3.

    Raises:
        CodecError: the file is damaged, or of another format.
    """
    try:
        file = io.BytesIO(bitstream)
        with open_image(file, (format,)) as picture:
            refuse_cut_short(picture, file)
            return samples(picture if picture.mode == "RGB" else picture.convert("RGB"))
    except UnidentifiedImageError as error:  # its text is an address in memory and nothing else
        raise CodecError(f"this is not a whole {format} file") from error
    except Exception as error:  # of damaged files, Pillow raises nearly any kind
        raise CodecError(f"this is not a whole {format} file ({first_line(error)})") from error


def samples(picture: Image.Image) -> RGB:
    """The samples of a picture of the mode RGB: what `np.array(picture)` gives, in half the memory and time.

    NumPy asks Pillow for all bytes at once, which copies them three times. A file of raw samples, PPM, is
    written in small parts.

    >>> samples(Image.new("RGB", (5, 2), (1, 2, 3)))[1, 4]
    array([1, 2, 3], dtype=uint8)
    """
    size = picture.height * picture.width * 3
    file = _File(size + _LONGEST_PPM_HEADER)
    picture.save(cast("IO[bytes]", file), "PPM")
    return file.content[file.end - size : file.end].reshape(picture.height, picture.width, 3)


_LONGEST_PPM_HEADER = 64  # bytes


class _File:
    """What Pillow writes to: memory of a fixed size."""

    def __init__(self, size: int) -> None:
        self.content, self.end = np.empty(size, np.uint8), 0

    def write(self, part: bytes) -> int:
        self.content[self.end : self.end + len(part)] = np.frombuffer(part, np.uint8)
        self.end += len(part)
        return len(part)
