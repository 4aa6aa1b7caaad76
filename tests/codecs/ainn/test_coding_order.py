"""Wavefronts, and the segments of thin latents."""

from __future__ import annotations

import math

import pytest
import torch
from tiny import latent

from bench.codecs.ainn.coding_order import CodingOrder, is_thin, segments_of
from bench.codecs.ainn.entropy import CONTEXT_OFFSETS
from bench.codecs.ainn.latent_coder import LatentCoder
from bench.codecs.ainn.model import Ainn


def order_of(height: int, width: int) -> CodingOrder:
    """That of the latent of a whole picture."""
    if is_thin(height, width) and height > width:
        height, width = width, height
    return CodingOrder.of_picture(height, width)


@pytest.mark.parametrize(
    "size",
    [(4, 4096), (4096, 4), (32, 4096), (4096, 32), (4, 100), (100, 4), (8, 136), (136, 8), (12, 588)],
    ids=str,
)
def test_a_thin_picture_takes_no_more_steps_than_a_square_of_as_many_pixels(size: tuple[int, int]) -> None:
    """Counted in wavefronts; in scan order, or without segments, it takes more."""
    side = math.isqrt(size[0] * size[1])
    square = len(CodingOrder(side, side).fronts)
    assert is_thin(*size)
    assert len(order_of(*size).fronts) <= square < len(CodingOrder(*size).fronts)


@pytest.mark.parametrize("long", [4, 8, 40, 256, 4096])
def test_pictures_of_usual_shapes_are_coded_as_ever(long: int) -> None:
    for short in range(max(4, long // 16), long + 1, 4):
        for size in ((long, short), (short, long)):
            assert not is_thin(*size)
            assert segments_of(*size) == 1


def test_segments_are_few_and_of_equal_width() -> None:
    for height, width in ((4, 68), (4, 4096), (8, 1000), (32, 4096)):
        segments = segments_of(height, width)
        assert 1 < segments < width / 40 + 1
        fewer = CodingOrder(height, width, segments - 1)
        side = math.isqrt(height * width)
        assert len(fewer.fronts) > len(CodingOrder(side, side).fronts)


@pytest.mark.parametrize(("height", "width", "segments"), [(3, 5, 1), (4, 13, 2), (2, 17, 5)])
def test_windows_see_what_is_decoded_of_their_own_segment_and_zeros(
    height: int, width: int, segments: int
) -> None:
    order = CodingOrder(height, width, segments)
    length = -(-width // segments)
    assert sorted(order.positions.tolist()) == list(range(height * width))
    step = {}  # of each position, in scan order
    for number, front in enumerate(order.fronts):
        step |= dict.fromkeys(order.positions[front].tolist(), number)
    at = dict(zip(order.margined.tolist(), order.positions.tolist(), strict=True))
    assert max(at) < order.margined_size and int(order.windows.min()) >= 0
    for position, window in zip(order.positions.tolist(), order.windows.tolist(), strict=True):
        row, column = divmod(position, width)
        for (dy, dx), place in zip(CONTEXT_OFFSETS, window, strict=True):
            y, x = row + dy, column + dx
            inside = y >= 0 and 0 <= x < width and x // length == column // length
            assert at.get(place) == (y * width + x if inside else None)
            assert not inside or step[y * width + x] < step[position]


def test_a_segment_is_coded_as_if_it_stood_alone(tiny: Ainn) -> None:
    """But for z, which is that of the whole."""
    size, level, coder = (4, 69), 1.0, LatentCoder(tiny.entropy)
    y = latent(*size)
    hyper = coder.hyper_features(coder.analyse(latent(4, 72)), level).view(4, 72, -1)[:, :69].flatten(0, 1)
    y_n = tiny.entropy.normalise(y)
    whole = coder.choose(y_n, hyper, level)
    assert segments_of(*size) == 2
    for part in (slice(0, 35), slice(35, 69)):
        alone = coder.choose(y_n[..., part], hyper.view(4, 69, -1)[:, part].flatten(0, 1), level)
        assert torch.equal(alone.y_hat, whole.y_hat[..., part])
