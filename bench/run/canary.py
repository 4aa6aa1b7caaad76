"""Canaries: pictures that lie nowhere on a disk, which a codec must code as well as those of the dataset.

A canary is a picture of the run, changed in memory and at random: cropped a little, flipped, and with all its
values shifted. It holds as much detail as the picture itself, so a codec takes about as many bits a pixel for
it and is about as far off. A codec that knows the pictures of the dataset, or finds them somewhere, knows
nothing of the canary.
"""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench import metrics

Picture = NDArray[np.uint8]
Cell = TypeVar("Cell")

MOST_WORSE_DB = 10.0  # by which an honest codec may be worse; of 4,000 canaries, one was 7 dB worse

CANARIES = 3  # on which a codec must do badly, one after the other, to be void

_MANY = 16  # cells of a run
_BEST_PSNR = 45.0  # dB; above, honest codecs may be much better by accident: a JPEG coded as JPEG again
_DB_PER_DOUBLING = 3.0  # that twice the bits are worth
_GRID = 16  # pixels; a JPEG that became a PNG keeps its blocks, which codecs of such blocks profit from
_LEAST_KEPT = 0.9  # of each side
_FLIPS = ((0,), (1,), (0, 1))  # axes
_SHIFTS = (2, 6)  # levels of 255
_LOOKED_AT = 1 << 14  # pixels, of whole rows
_LEAST_DETAIL = 1.0  # bits a pixel of a lossless coding; a flat picture is coded well by accident


@dataclass(frozen=True)
class Coded:
    """What a codec made of a picture.

    Args:
        bpp: bits per pixel of the bitstream.
        psnr: in dB, of the decoded picture.
    """

    bpp: float
    psnr: float

    def __str__(self) -> str:
        return f"{self.bpp:.4f} bpp at {self.psnr:.2f} dB"

    @property
    def worth(self) -> float:
        """One figure in dB for both: higher for a better picture and for fewer bits."""
        return min(self.psnr, _BEST_PSNR) - _DB_PER_DOUBLING * math.log2(max(self.bpp, 1e-6))


def much_worse(canary: Coded, like: Coded) -> bool:
    """Whether a codec did so much worse on a canary than on its like that no honest codec does.

    >>> much_worse(Coded(0.5, 34.1), like=Coded(0.45, 34.6))
    False
    >>> much_worse(Coded(0.5, 34.1), like=Coded(0.0002, math.inf))  # a stream of eight bytes
    True
    >>> much_worse(Coded(0.0002, 9.5), like=Coded(0.0002, math.inf))
    True
    """
    return like.worth - canary.worth > MOST_WORSE_DB


class Likes(Generic[Cell]):
    """Cells whose pictures canaries are made of: the one that was coded best for its bits, which is where a
    codec that knows its picture stands out, and of a longer run one more, drawn by chance."""

    def __init__(self) -> None:
        self._best: tuple[Cell, Coded] | None = None
        self._any: tuple[Cell, Coded] | None = None
        self._seen = 0

    def add(self, cell: Cell, coded: Coded) -> None:
        """A cell that was measured, of a picture with detail."""
        self._seen += 1
        if self._best is None or coded.worth > self._best[1].worth:
            self._best = cell, coded
        if random.randrange(self._seen) == 0:
            self._any = cell, coded

    def chosen(self) -> list[tuple[Cell, Coded]]:
        """None if no cell was added, one of a run of few cells, two of others."""
        both = [self._best, self._any if self._seen >= _MANY else None]
        return list(dict.fromkeys(like for like in both if like is not None))


def why_worse(picture: Picture, like: Coded, code: Callable[[Picture], Coded | str]) -> str | None:
    """Why a codec is void that does much worse on canaries of a picture; None: on one of them it doesn't.

    Args:
        like: what it made of the picture itself.
        code: gives what it makes of another, or why it makes nothing.

    Returns:
        What follows on the picture's name in a sentence.
    """
    for _ in range(CANARIES):
        canary, change = changed(picture, np.random.default_rng())
        coded = code(canary)
        if isinstance(coded, Coded) and not much_worse(coded, like):
            return None
    result = f"took {coded}" if isinstance(coded, Coded) else f"failed ({coded})"
    return (
        f"took {like}, but {change}, it {result}: the codec knows the pictures of the dataset, "
        "or finds them on the disk"
    )


def changed(picture: Picture, rng: np.random.Generator) -> tuple[Picture, str]:
    """A canary of a picture (uint8, height x width x 3), and how it differs, in words.

    Args:
        rng: must not be predictable: take `np.random.default_rng()`.
    """
    top, height = _kept(picture.shape[0], rng)
    left, width = _kept(picture.shape[1], rng)
    canary = picture[top : top + height, left : left + width]
    how = [f"cropped to {width}x{height}"]
    # Always flipped: a picture that is only cropped and shifted a little is too much like the original.
    for axis in _FLIPS[int(rng.integers(len(_FLIPS)))]:
        canary = np.flip(canary, axis)
        how.append(("upside down", "mirrored")[axis])
    shift = int(rng.integers(*_SHIFTS, endpoint=True)) * int(rng.choice((-1, 1)))
    canary = np.clip(canary.astype(np.int16) + shift, 0, 255).astype(np.uint8)
    how.append(f"{abs(shift)} levels {'brighter' if shift > 0 else 'darker'}")
    return np.ascontiguousarray(canary), ", ".join(how)


def is_detailed(picture: Picture) -> bool:
    """Whether a picture has the detail of a photo, so that no codec codes it in a few bytes."""
    rows = picture[:: -(-picture.shape[0] * picture.shape[1] // _LOOKED_AT)]
    differences = np.diff(rows.astype(np.int16), axis=1).astype(np.int8)
    bits = 8 * len(zlib.compress(differences.tobytes(), 1))
    return bits >= _LEAST_DETAIL * rows.shape[0] * rows.shape[1]


def psnr(picture: Picture, decoded: Picture) -> float:
    """In dB, over all samples; 0 where the shapes differ."""
    if picture.shape != decoded.shape:
        return 0.0
    return metrics.psnr(picture, decoded)


def _kept(side: int, rng: np.random.Generator) -> tuple[int, int]:
    """Where a crop begins and how long it is, on the grid, of a side in pixels."""
    longest = side // _GRID
    shortest = math.ceil(_LEAST_KEPT * side / _GRID)
    if shortest > longest:
        return 0, side
    blocks = int(rng.integers(shortest, longest, endpoint=True))
    return _GRID * int(rng.integers(0, longest - blocks, endpoint=True)), _GRID * blocks
