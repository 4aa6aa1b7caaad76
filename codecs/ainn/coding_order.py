"""In which order positions of the latent are coded: by wavefronts.

The context model looks at a 5x5 causal window, so a position needs its neighbours above up to two
columns to the right: all positions with the same ``column + 3 * row`` can be coded at once. A latent of
H x W takes W + 3 (H - 1) such wavefronts.

In a thin latent wavefronts hold few positions, and each takes nearly as long as one of many. So thin
pictures are coded otherwise. A tall one is laid down, as a row costs three times what a column costs. Then
the latent is cut into segments, side by side, whose wavefronts are coded at once. Windows don't look
across cuts: there they see zeros, as outside of the latent.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.codecs.ainn.channel_groups import Span
from bench.codecs.ainn.entropy import CONTEXT_OFFSETS
from bench.codecs.ainn.fixed_point import REACH

THIN = 16  # long side of a latent, in short ones, beyond which a picture is thin


def is_thin(height: int, width: int) -> bool:
    """Whether the picture of a latent of this size is coded as a thin one.

    >>> [is_thin(128, 128), is_thin(4, 64), is_thin(4, 68), is_thin(68, 4)]
    [False, False, True, True]
    """
    return max(height, width) > THIN * min(height, width)


def segments_of(height: int, width: int) -> int:
    """How many segments a latent is cut into, side by side; 1: it isn't cut.

    As few as make it take no more wavefronts than a square of as many positions does.

    >>> [segments_of(128, 128), segments_of(4, 64), segments_of(4, 68), segments_of(4, 4096)]
    [1, 1, 2, 9]
    """
    if width <= THIN * height:
        return 1
    side = math.isqrt(height * width)
    return -(-width // (side + 3 * (side - 1) - 3 * (height - 1)))


class CodingOrder:
    """Positions by wavefronts: those with the same ``column + 3 * row`` of a segment next to one another.

    Tensors in coding order are (H * W, channels).

    Args:
        segments: of equal width, but for the last.

    >>> order = CodingOrder(1, 6, segments=2)
    >>> [order.positions[front].tolist() for front in order.fronts]
    [[0, 3], [1, 4], [2, 5]]
    """

    def __init__(self, height: int, width: int, segments: int = 1) -> None:
        self._size = height, width
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        length = -(-width // segments)
        fronts = (columns % length + 3 * rows).flatten()
        self.positions = fronts.argsort(stable=True)  # H * W: in scan order
        self.places = self.positions.argsort()  # H * W: of scan order, in coding order
        stops = fronts.bincount().cumsum(0).tolist()
        self.fronts = [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]
        # Of a grid with a margin on the left of each segment, on the right and above, in scan order.
        stride = width + REACH * (segments + 1)
        self.margined_size, self.margin_size = (height + REACH) * stride, REACH * stride
        margined = (rows + REACH) * stride + columns + REACH * (columns // length + 1)
        self.margined = margined.flatten()[self.positions]
        taps = torch.tensor([dy * stride + dx for dy, dx in CONTEXT_OFFSETS])
        self.windows = self.margined[:, None] + taps  # H * W, taps

    @classmethod
    def of_picture(cls, height: int, width: int) -> CodingOrder:
        """That in which the latent of a whole picture is coded, a thin one cut."""
        return cls(height, width, segments_of(height, width))

    def of_grid(self, x: Tensor) -> Tensor:
        """(C, H, W) to coding order."""
        return x.flatten(1).T[self.positions]

    def scan(self, x: Tensor) -> Tensor:
        """Coding order to scan order."""
        return x[self.places]

    def grid(self, x: Tensor) -> Tensor:
        """Coding order to (C, H, W)."""
        return self.scan(x).view(*self._size, -1).permute(2, 0, 1)

    def stream(self, x: Tensor, spans: list[Span]) -> Tensor:
        """Coding order to that of the bitstream, in which a wavefront goes group by group."""
        parts = [x[front, span.start : span.stop].flatten() for front in self.fronts for span in spans]
        return torch.cat(parts)
