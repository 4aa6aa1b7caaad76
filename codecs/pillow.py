"""What the codecs that Pillow carries have in common."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.codecs.base import RGB, CodecError


def save(image: RGB, format: str, **options: Any) -> bytes:
    """The file that Pillow writes of an image."""
    buffer = io.BytesIO()
    try:
        Image.fromarray(image).save(buffer, format, **options)
    except (OSError, ValueError) as error:
        height, width = image.shape[:2]
        raise CodecError(f"Pillow can't write a {width}x{height} image as {format} ({error})") from error
    return buffer.getvalue()


def load(bitstream: bytes, format: str) -> RGB:
    """The pixels of such a file; a file of another format is refused."""
    try:
        with Image.open(io.BytesIO(bitstream), formats=[format]) as picture:
            return np.array(picture.convert("RGB"))
    except UnidentifiedImageError as error:  # which tells an address in memory and nothing else
        raise CodecError(f"this is not a whole {format} file") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CodecError(f"this is not a whole {format} file ({error})") from error
