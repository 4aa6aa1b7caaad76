"""Pictures too large to be coded at once: part by part, in memory that hardly grows with the picture.

There are no seams, since parts see what is around them:

- The transforms go tile by tile. A tile is given with the pixels, or latents, `MARGIN` around it. What a
  pixel or a latent depends on ends within that margin, so that it comes out as from the whole picture,
  but for the last digits of float32.
- The entropy model goes band by band: whole rows of the latent, from top to bottom. A band knows z of the
  whole picture, and the rows above. So its predictions are those of the whole, to the bit.

So parts cost no rate but four bytes for the length of each band, and what the range coder's end takes.

| bytes | what                                                         |
| ----- | ------------------------------------------------------------ |
| 1     | side of tiles, in 64 pixels                                  |
| 2     | height of bands, in 64 pixels                                |
| 4     | length of z's bytes                                          |
| ...   | range coded z                                                |
| 4     | length of the first band's bytes                             |
| ...   | range coded y of the first band; the other bands likewise    |

Numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.codecs.ainn.latent_coder import LatentCoder
from bench.codecs.ainn.model import SIDE_MULTIPLE
from bench.codecs.base import RGB, CodecError

MARGIN = 128  # pixels; with 96, latents differ by more than float32's last digits
POSITION = 16  # pixels of a side that a position of the latent stands for
ROWS = SIDE_MULTIPLE // POSITION  # of the latent, that one row of z stands for
SIDES = range(SIDE_MULTIPLE, 4096 + 1, SIDE_MULTIPLE)  # that tiles may have
MOST_POSITIONS = 1 << 17  # of the latent, in a band of more than one row of z

_HEADER, _LENGTH = struct.Struct("<BH"), struct.Struct("<I")
_Z_REACH = 3  # rows of z that a row of the latent depends on, above and below
_ANALYSIS_REACH = 2 * ROWS  # rows of the latent that a row of z depends on, above and below


def encode(
    image: RGB, level: float, side: int, analyse: Callable[[RGB], Tensor], coder: LatentCoder
) -> bytes:
    """The payload of a picture in tiles and bands.

    Args:
        level: as `LatentCoder` takes it.
        side: of tiles in pixels, one of `SIDES`.
        analyse: gives the latent (1, M, H/16, W/16) of a picture.
    """
    y = _latent_by_tiles(image, side, analyse)
    height, width = y.shape[2:]
    rows = _rows_of_bands(width, side)
    z = torch.cat([_z_of_band(y, band, coder) for band in _bands(height, rows)], dim=1)
    parts = [coder.encode_z(z)]
    above = None
    for top, bottom in _bands(height, rows):
        hyper = _hyper_of_band(z, top, bottom, level, coder)
        coded = coder.encode_y(y[:, :, top:bottom], hyper, level, above)
        parts.append(coded.payload)
        above = coded.last_rows
    header = _HEADER.pack(side // SIDE_MULTIPLE, rows // ROWS)
    return header + b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def decode(
    payload: bytes,
    height: int,
    width: int,
    level: float,
    coder: LatentCoder,
    synthesise: Callable[[Tensor, int, int], RGB],
) -> RGB:
    """The picture of what `encode` returned.

    Args:
        height, width: of the picture.
        level: as `LatentCoder` takes it.
        synthesise: gives the picture of a latent, of the height and width that it is given too.

    Raises:
        CodecError: the payload is damaged, as far as that shows.
    """
    whole = Area(0, 0, height, width)
    latent = whole.in_latent()
    side, rows, parts = _split(payload, latent)
    bands = list(_bands(latent.bottom, rows))
    _check_lengths(parts, [(bottom - top, latent.right) for top, bottom in bands], latent.size, coder)
    z = coder.decode_z(parts[0], latent.size)
    y_hat = torch.empty(1, coder.channels, *latent.size)
    above = None
    for part, (top, bottom) in zip(parts[1:], bands, strict=True):
        hyper = _hyper_of_band(z, top, bottom, level, coder)
        decoded = coder.decode_y(part, hyper, (bottom - top, latent.right), level, above)
        y_hat[:, :, top:bottom] = decoded.y_hat
        above = decoded.last_rows
    picture = np.empty((height, width, 3), np.uint8)
    for tile in tiles_of(whole, side):
        window = tile.grown_within(whole)
        shown = synthesise(y_hat[(..., *window.in_latent().slices())].contiguous(), *window.size)
        picture[tile.slices()] = shown[tile.slices(window)]
    return picture


class Area(NamedTuple):
    """Rows from `top` to before `bottom` and columns from `left` to before `right`, of pixels or latents."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    def grown_within(self, whole: Area, margin: int | None = None) -> Area:
        """With a margin around, by default `MARGIN`, as far as the picture goes."""
        margin = MARGIN if margin is None else margin
        return Area(
            max(whole.top, self.top - margin), max(whole.left, self.left - margin),
            min(whole.bottom, self.bottom + margin), min(whole.right, self.right + margin),
        )  # fmt: skip

    def in_latent(self) -> Area:
        """The positions of the latent for these pixels and for what fills the sides up; top and left are
        multiples of 64."""
        bottom, right = (-(-end // SIDE_MULTIPLE) * ROWS for end in (self.bottom, self.right))
        return Area(self.top // POSITION, self.left // POSITION, bottom, right)

    def slices(self, of: Area | None = None) -> tuple[slice, slice]:
        """Rows and columns of this area in an array of another; by default in that of the picture."""
        top, left = (of.top, of.left) if of else (0, 0)
        return slice(self.top - top, self.bottom - top), slice(self.left - left, self.right - left)


def tiles_of(whole: Area, height: int, width: int | None = None) -> Iterator[Area]:
    """Areas of this size, row by row, at the ends smaller; without a width, squares."""
    width = width or height
    for top in range(0, whole.bottom, height):
        for left in range(0, whole.right, width):
            yield Area(top, left, min(whole.bottom, top + height), min(whole.right, left + width))


def _latent_by_tiles(image: RGB, side: int, analyse: Callable[[RGB], Tensor]) -> Tensor:
    whole = Area(0, 0, *image.shape[:2])
    y: Tensor | None = None
    for tile in tiles_of(whole, side):
        window = tile.grown_within(whole)
        part = analyse(image[window.slices()])
        if y is None:
            y = torch.empty(1, part.shape[1], *whole.in_latent().size)
        here = tile.in_latent()
        y[(..., *here.slices())] = part[(..., *here.slices(window.in_latent()))]
    assert y is not None
    return y


def _rows_of_bands(width: int, side: int) -> int:
    """How many rows of a latent of this width are coded at once: twice as many positions as a tile has."""
    positions = 2 * (side // POSITION) ** 2
    return max(1, positions // (width * ROWS)) * ROWS


def _bands(height: int, rows: int) -> Iterator[tuple[int, int]]:
    """First row of each band, and the row after its last."""
    return pairwise([*range(0, height, rows), height])


def _z_of_band(y: Tensor, band: tuple[int, int], coder: LatentCoder) -> Tensor:
    """The rows of z for a band of y."""
    top, bottom = band
    first = max(0, top - _ANALYSIS_REACH)
    z = coder.analyse(y[:, :, first : bottom + _ANALYSIS_REACH])
    return z[:, (top - first) // ROWS : (bottom - first) // ROWS]


def _hyper_of_band(z: Tensor, top: int, bottom: int, level: float, coder: LatentCoder) -> Tensor:
    """Features (positions, features) of z for a band of y."""
    first, last = max(0, top // ROWS - _Z_REACH), bottom // ROWS + _Z_REACH
    hyper = coder.hyper_features(z[:, first:last], level)
    width = z.shape[2] * ROWS
    start = (top - first * ROWS) * width
    return hyper[start : start + (bottom - top) * width].clone()


def _split(payload: bytes, latent: Area) -> tuple[int, int, list[bytes]]:
    """The side of tiles in pixels, the rows of bands, and the bytes of z and of each band."""
    if len(payload) < _HEADER.size:
        raise CodecError("the A-INN bitstream is damaged; it ends before its first band")
    units, rows = _HEADER.unpack_from(payload)
    side, rows = units * SIDE_MULTIPLE, rows * ROWS
    if side not in SIDES or rows < ROWS or (rows > ROWS and rows * latent.right > MOST_POSITIONS):
        raise CodecError(f"the A-INN bitstream is damaged; it claims tiles of {side} and bands of {rows}")
    parts, start = [], _HEADER.size
    for _ in range(1 + -(-latent.bottom // rows)):
        if start + _LENGTH.size > len(payload):
            raise CodecError("the A-INN bitstream is damaged; it has too few bands")
        end = start + _LENGTH.size + _LENGTH.unpack_from(payload, start)[0]
        parts.append(slice(start + _LENGTH.size, end))
        start = end
    if start != len(payload):
        raise CodecError("the A-INN bitstream is damaged; its bands aren't as long as it claims")
    return side, rows, [payload[part] for part in parts]


def _check_lengths(
    parts: Sequence[bytes], bands: Sequence[tuple[int, int]], size: tuple[int, int], coder: LatentCoder
) -> None:
    """Check that z and each band are as long as the cheapest symbols would be."""
    least = [coder.least_bytes(size, "z"), *(coder.least_bytes(band, "y") for band in bands)]
    for number, (part, bytes_) in enumerate(zip(parts, least, strict=True)):
        if len(part) < bytes_:
            what = f"band {number} of {len(bands)}" if number else "z"
            raise CodecError(
                f"the A-INN bitstream is damaged; {what} takes at least {bytes_} bytes, "
                f"and there are {len(part)}"
            )
