"""RGB to YCbCr and back, for every codec here that codes planes instead of RGB: the only such code.

The matrix is that of ITU-R BT.709, the scaling to whole numbers that of ITU-T H.273: full range (0
to 2^bits - 1) or limited range (16 to 235 and 240, times 2^(bits - 8)). Samples are rounded to the
nearest, never cut off. At 10 bits, 4:4:4, the way there and back is lossless in either range, for
all 2^24 colours.

>>> image = np.array([[[255, 128, 0]]], np.uint8)
>>> [plane.item() for plane in to_planes(image, Format(bits=10))]
[585, 197, 790]
>>> to_rgb(to_planes(image, Format(bits=10)), Format(bits=10)).tolist()
[[[255, 128, 0]]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.codecs.base import RGB

KR, KB = 0.2126, 0.0722  # ITU-R BT.709-6, item 3.2
KG = 1 - KR - KB

Plane = NDArray[np.uint16]  # height x width
Planes = tuple[Plane, Plane, Plane]  # Y, Cb, Cr
_Real = NDArray[np.float64]
_Kind = TypeVar("_Kind", np.uint8, np.uint16)


@dataclass(frozen=True)
class Format:
    """How planes hold a picture.

    Args:
        bits: of a sample, 8 to 16. chroma: 444, or 420: Cb and Cr have half the width and height,
        rounded up. A sample is the mean of 2x2
            pixels; the way back interpolates linearly between the centres of these.
        full: True: full range; False: limited range.
    """

    bits: int = 10
    chroma: int = 444
    full: bool = True

    def plane_shapes(self, height: int, width: int) -> tuple[tuple[int, int], ...]:
        """Height and width of Y, Cb and Cr.

        >>> Format(chroma=420).plane_shapes(5, 8)
        ((5, 8), (3, 4), (3, 4))
        """
        small = ((height + 1) // 2, (width + 1) // 2) if self.chroma == 420 else (height, width)
        return (height, width), small, small

    @property
    def luma(self) -> tuple[float, float]:
        """Scale and offset that turn Y, 0 to 1, into samples."""
        if self.full:
            return 2**self.bits - 1, 0
        return 219 * 2 ** (self.bits - 8), 16 * 2 ** (self.bits - 8)

    @property
    def colour(self) -> tuple[float, float]:
        """Scale and offset that turn Cb and Cr, -0.5 to 0.5, into samples."""
        scale = 2**self.bits - 1 if self.full else 224 * 2 ** (self.bits - 8)
        return scale, 2 ** (self.bits - 1)


def to_planes(image: RGB, format: Format) -> Planes:
    """Convert an image (uint8, height x width x 3) to Y, Cb and Cr (uint16)."""
    red, green, blue = (image[..., channel] / 255 for channel in range(3))
    luma = KR * red + KG * green + KB * blue
    colours = (blue - luma) / (2 * (1 - KB)), (red - luma) / (2 * (1 - KR))
    if format.chroma == 420:
        colours = _halved(colours[0]), _halved(colours[1])
    top = 2**format.bits - 1
    return (
        _whole(luma * format.luma[0] + format.luma[1], top, np.uint16),
        _whole(colours[0] * format.colour[0] + format.colour[1], top, np.uint16),
        _whole(colours[1] * format.colour[0] + format.colour[1], top, np.uint16),
    )


def to_rgb(planes: Planes, format: Format) -> RGB:
    """Convert Y, Cb and Cr back to an image (uint8, height x width x 3)."""
    luma = _unscaled(planes[0], *format.luma)
    cb, cr = _unscaled(planes[1], *format.colour), _unscaled(planes[2], *format.colour)
    if format.chroma == 420:
        cb, cr = _doubled(cb, *luma.shape), _doubled(cr, *luma.shape)
    red: _Real = luma + 2 * (1 - KR) * cr
    blue: _Real = luma + 2 * (1 - KB) * cb
    green: _Real = (luma - KR * red - KB * blue) / KG
    return np.stack([_whole(channel * 255, 255, np.uint8) for channel in (red, green, blue)], axis=-1)


def _unscaled(plane: Plane, scale: float, offset: float) -> _Real:
    real: _Real = plane.astype(np.float64)
    return (real - offset) / scale


def _whole(values: _Real, top: int, kind: type[_Kind]) -> NDArray[_Kind]:
    """Round to the nearest, halves up, within 0 to `top`."""
    rounded: _Real = np.clip(np.floor(values + 0.5), 0, top)
    return rounded.astype(kind)


def _halved(plane: _Real) -> _Real:
    """Means of 2x2 samples; at an odd edge the last samples count twice."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    sums: _Real = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return sums / 4


def _doubled(plane: _Real, height: int, width: int) -> _Real:
    """Twice the size, cut to this height and width."""
    return _twice_as_high(_twice_as_high(plane)[:height].T)[:width].T


def _twice_as_high(plane: _Real) -> _Real:
    """Two rows in the place of one: three quarters of the nearest row and one of the next nearest."""
    above = np.concatenate([plane[:1], plane[:-1]])
    below = np.concatenate([plane[1:], plane[-1:]])
    rows: _Real = np.stack([0.75 * plane + 0.25 * above, 0.75 * plane + 0.25 * below], axis=1)
    return rows.reshape(-1, plane.shape[1])
