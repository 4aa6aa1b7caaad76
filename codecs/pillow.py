"""What the codecs that Pillow carries have in common."""

from __future__ import annotations

import io
from typing import Any

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
            return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))
    except UnidentifiedImageError as error:  # its text is an address in memory and nothing else
        raise CodecError(f"this is not a whole {format} file") from error
    except Exception as error:  # of damaged files, Pillow raises nearly any kind
        raise CodecError(f"this is not a whole {format} file ({first_line(error)})") from error
