"""Pictures in: the one reader for `run`, `train`, `encode` and `score`.

| taken | refused, with what to do |
| --- | --- |
| PNG, JPEG, WebP, BMP, TIFF, PPM | any other format |
| 1 to 8 bits a sample, RGB565 too | more than 8 bits a sample |
| grey, palette, RGB, YCbCr | CMYK, Lab and the like |
| an alpha channel that is opaque everywhere (dropped) | transparency |
| the first picture of a JPEG that holds several (MPO) | animations, several pages |
| | more samples a pixel than colours and alpha |
| up to 500 megapixels | more |

The EXIF orientation is not applied, and colour profiles are not: a codec is given the samples as they
are stored.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bench.core.errors import BenchError, first_line
from bench.core.png_rows import lacks_rows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_PIXELS = 500_000_000

_BYTES_PER_PIXEL = 14  # while a picture is read: Pillow's 4 and another 4 to convert, 3 twice for the array
_LITTLE_MEMORY = 1 << 28  # of which nobody asks whether it is there

_DEFLATE = 1032  # bytes that a byte of deflate can stand for, at most

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "YCbCr"}
_BITS_PER_SAMPLE, _SAMPLES_PER_PIXEL = 258, 277  # tags of TIFF
_ORIENTATION = 0x0112  # tag of EXIF
_setting_of_pillow = threading.Lock()


def pixels(path: Path) -> int:
    """How many pixels an image file has, by its header.

    Raises:
        BenchError: the file is no image.
    """
    with _reading(str(path)), open_image(path) as image:
        return int(image.width * image.height)


def read_rgb(
    source: Path | IO[bytes], name: str | None = None, formats: tuple[str, ...] = FORMATS
) -> npt.NDArray[np.uint8]:
    """The samples of an image file: uint8, height x width x 3, sRGB values as stored.

    Args:
        source: a file's path, or an open file.
        name: what errors call the file; by default its path.
        formats: those that the file may have, whatever its suffix says.

    Raises:
        BenchError: the file is no image, or one that the table above refuses.
    """
    import numpy as np

    title = name or str(source)
    with _reading(title, formats), open_image(source, formats) as image:
        _refuse_unfit(image, title)
        _refuse_beyond_memory(image, title)
        refuse_cut_short(image, source)
        if image.has_transparency_data:
            rgba = image.convert("RGBA")
            if rgba.getchannel("A").getextrema() != (255, 255):
                raise BenchError(f"{title} is transparent in places; flatten it to RGB first.")
            return np.array(rgba.convert("RGB"))
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def lost_metadata(path: Path) -> list[str]:
    """What a file says of its picture that coding its samples loses: orientation, colour profile.

    Raises:
        BenchError: the file is no image.
    """
    with _reading(str(path)), open_image(path) as image:
        lost = []
        if image.getexif().get(_ORIENTATION, 1) != 1:
            lost.append("its EXIF orientation")
        if image.info.get("icc_profile"):
            lost.append("its ICC colour profile")
        return lost


def open_image(source: Path | IO[bytes], formats: tuple[str, ...] = FORMATS) -> Any:
    """An image file, opened by Pillow and not decoded yet: Pillow's Image.

    Pillow by itself warns of pictures from 89 megapixels on and refuses 179; benchmarks use such pictures.
    Here the limit is `MOST_PIXELS`, and Pillow's own setting is put back.

    Raises:
        PIL.Image.DecompressionBombError: the file claims more pixels than that.
        OSError, SyntaxError, ValueError: the file is no image of these formats.
    """
    import PIL.Image

    with _setting_of_pillow, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large pictures, and of damage that an error will tell
        before = PIL.Image.MAX_IMAGE_PIXELS
        PIL.Image.MAX_IMAGE_PIXELS = MOST_PIXELS // 2  # Pillow refuses from twice this number on
        try:
            image = PIL.Image.open(source, formats=formats)
        finally:
            PIL.Image.MAX_IMAGE_PIXELS = before
    _refuse_thin_png(image, source)
    return image


def refuse_cut_short(image: Any, source: Path | IO[bytes]) -> None:
    """Decode a picture that `open_image` gave, and refuse a PNG file whose data end early.

    Pillow leaves zeros in the rows that are missing, so only pictures that end in zeros are looked into.

    Raises:
        OSError: the file is cut short.
    """
    image.load()
    if image.format != "PNG":
        return
    last = image.crop((0, image.height - 1, image.width, image.height))
    if last.getbbox(alpha_only=False) and not image.info.get("interlace"):
        return
    with source.open("rb") if isinstance(source, Path) else nullcontext(source) as file:
        file.seek(0)
        if lacks_rows(file):
            raise OSError("its data end before its last row")


@contextmanager
def _reading(title: str, formats: tuple[str, ...] = FORMATS) -> Iterator[None]:
    """Turns what Pillow raises for a file into one sentence."""
    import PIL.Image

    try:
        yield
    except FileNotFoundError as error:
        raise BenchError(f"there is no image {title}.") from error
    except PIL.UnidentifiedImageError as error:
        raise BenchError(
            f"{title} cannot be read as an image: it is {_none_of(formats)}, or damaged."
        ) from error
    except PIL.Image.DecompressionBombError as error:
        raise BenchError(
            f"{title} claims more than {MOST_PIXELS // 10**6} megapixels, and is not read; cut it up, if it "
            "really has them."
        ) from error
    except BenchError:
        raise
    except Exception as error:  # of damaged files, Pillow raises nearly any kind
        reason = first_line(error).rstrip(".")
        raise BenchError(f"{title} cannot be read as an image ({reason}); replace it.") from error


def _none_of(formats: tuple[str, ...]) -> str:
    return f"no {formats[0]}" if len(formats) == 1 else f"none of {', '.join(formats)}"


def _refuse_unfit(image: Any, title: str) -> None:
    if _is_deep(image):
        raise BenchError(
            f"{title} has more than 8 bits a sample, and a codec of 8-bit RGB cannot be "
            "scored on it; convert it to 8 bits first."
        )
    if image.mode not in _MODES:
        raise BenchError(f"{title} is a {image.mode} image; convert it to RGB first.")
    if (frames := getattr(image, "n_frames", 1)) > 1 and image.format != "MPO":
        what = "pages" if image.format == "TIFF" else "frames"
        raise BenchError(f"{title} holds {frames} {what}; save the one to code as a file of its own.")
    samples = _tag(image, _SAMPLES_PER_PIXEL) or 0
    if samples > len(image.getbands()):
        raise BenchError(f"{title} has {samples} samples a pixel; keep those of R, G and B only.")


def _refuse_beyond_memory(image: Any, title: str) -> None:
    """A file of some kilobytes may claim, and even have, as many pixels as fill the memory."""
    needed = image.width * image.height * _BYTES_PER_PIXEL
    if needed > _LITTLE_MEMORY and needed > (free := _free_memory()):
        raise BenchError(
            f"{title} claims {image.width}x{image.height} pixels, which take {needed / 2**30:.1f} GiB of "
            f"memory to read, and {free / 2**30:.1f} GiB are free; cut it up, or use a machine with more."
        )


def _free_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _refuse_thin_png(image: Any, source: Path | IO[bytes]) -> None:
    """Where a PNG file's data end early, Pillow takes the rest for black, and all memory for it."""
    if image.format != "PNG":
        return
    if isinstance(source, Path):
        size = source.stat().st_size
    else:
        here = source.tell()
        size = source.seek(0, os.SEEK_END)
        source.seek(here)
    least = image.width * image.height * (8 * len(image.mode) if image.mode.startswith("RGB") else 1) // 8
    if least > _DEFLATE * size:
        image.close()
        raise OSError(f"it claims {image.width}x{image.height} pixels, and has {size} bytes")


def _is_deep(image: Any) -> bool:
    """More than 8 bits a sample; Pillow gives 16-bit RGB files the mode RGB and cuts them."""
    if image.mode.startswith(("I", "F")):
        return True
    bits = _tag(image, _BITS_PER_SAMPLE) or ()
    if max(bits if isinstance(bits, tuple) else (bits,), default=0) > 8:
        return True
    return any(
        # "BGR;16" is RGB565, 16 bits a pixel.
        (";16" in str(tile.args) and "BGR;16" not in str(tile.args))
        or (tile.codec_name.startswith("ppm") and tile.args[1] > 255)
        for tile in image.tile
    )


def _tag(image: Any, number: int) -> Any:
    """A tag of a TIFF file; None for other files, and where the tag isn't there."""
    return image.tag_v2.get(number) if hasattr(image, "tag_v2") else None
