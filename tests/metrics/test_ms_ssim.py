"""MS-SSIM against pytorch-msssim, and at its edges."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scored import as_jpeg, noisy_pair
from tiny import photo

from bench import metrics
from bench.metrics import ms_ssim
from bench.metrics.multiscale_ssim import MsSsim, msssim_db


def by_pytorch_msssim(original: metrics.RGB, decoded: metrics.RGB) -> float:
    """As most papers compute MS-SSIM: in float32."""
    import torch
    from pytorch_msssim import ms_ssim

    x, y = (torch.tensor(p.transpose(2, 0, 1)[None].astype(np.float32)) for p in (original, decoded))
    return float(ms_ssim(x, y, data_range=255))


def exactly(original: metrics.RGB, decoded: metrics.RGB) -> float:
    """pytorch-msssim in float64, with a window that isn't rounded to float32 either."""
    import torch
    from pytorch_msssim import ms_ssim

    window = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    win = (window / window.sum()).repeat(3, 1, 1, 1)
    x, y = (torch.tensor(p.transpose(2, 0, 1)[None].astype(np.float64)) for p in (original, decoded))
    return float(ms_ssim(x, y, data_range=255, win=win))


@pytest.mark.parametrize(
    ("height", "width"), [(161, 161), (162, 333), (177, 161), (255, 256), (301, 163), (192, 801)]
)
def test_ms_ssim_is_that_of_pytorch_msssim(height: int, width: int) -> None:
    original = photo(height, width)
    score = MsSsim().against(original)
    for decoded in (
        *(as_jpeg(original, quality) for quality in (5, 20, 50, 95)),
        noisy_pair(height, width)[1],
        255 - original,
    ):
        value = ms_ssim(original, decoded)
        assert value == score(decoded) == pytest.approx(exactly(original, decoded), abs=1e-11)
        assert value == pytest.approx(by_pytorch_msssim(original, decoded), abs=5e-6)


def test_ms_ssim_is_that_of_pytorch_msssim_on_kodak(data_dir: Path) -> None:
    """kodim20 is flat for the most part: in float32, pytorch-msssim is off by up to 5e-5 there."""
    for name, margin in (("kodim05", 5e-6), ("kodim20", 5e-5)):
        original = np.array(Image.open(data_dir / "kodak" / f"{name}.png").convert("RGB"))
        for quality in (5, 30, 90):
            decoded = as_jpeg(original, quality)
            value = ms_ssim(original, decoded)
            assert value == pytest.approx(exactly(original, decoded), abs=1e-11)
            assert value == pytest.approx(by_pytorch_msssim(original, decoded), abs=margin)


def flat_pictures() -> list[metrics.RGB]:
    """Pictures that are flat for the most part: one colour, dots, a box on a page, grey below white."""
    flat = np.full((176, 175, 3), 200, np.uint8)
    dotted = flat.copy()
    dotted[::7, ::5] += 1
    yellowish = np.full((200, 256, 3), (255, 255, 254), np.uint8)
    page = np.full((300, 400, 3), 255, np.uint8)
    page[100:200, 150:250] = 0
    halves = np.full((256, 180, 3), 255, np.uint8)
    halves[131:] = 128
    return [flat, dotted, yellowish, page, halves]


@pytest.mark.parametrize("number", range(5))
def test_nothing_cancels_where_pictures_are_flat(number: int) -> None:
    picture = flat_pictures()[number]
    changed = [as_jpeg(picture, quality) for quality in (5, 20, 50, 80, 95)]
    for decoded in (*changed, 255 - picture, picture ^ 1, photo(*picture.shape[:2])):
        value, back = ms_ssim(picture, decoded), ms_ssim(decoded, picture)
        assert value is not None and 0 <= value <= 1
        assert (value == 1) == np.array_equal(picture, decoded)
        assert value == pytest.approx(back, abs=1e-12)
        # In dB as well: a perfect picture's error of 1e-11 is 110 dB.
        assert 1 - value == pytest.approx(1 - exactly(picture, decoded), rel=1e-6, abs=1e-11)


def test_a_flat_picture_is_better_the_finer_it_is_coded() -> None:
    yellowish = np.full((200, 256, 3), (255, 255, 254), np.uint8)
    assert ms_ssim(yellowish, as_jpeg(yellowish, 20)) == pytest.approx(0.9999965, abs=5e-8)
    assert ms_ssim(yellowish, as_jpeg(yellowish, 80)) == pytest.approx(0.9999996, abs=5e-8)


def test_ms_ssim_of_equal_pictures_is_one_and_infinite_in_db() -> None:
    dotted = np.full((161, 161, 3), 200, np.uint8)
    dotted[::7, ::5] += 1
    for original in (photo(162, 171), dotted):
        value = MsSsim().against(original)(original.copy())
        assert value == ms_ssim(original, original) == 1 and MsSsim().in_db(value) == math.inf
        off_by_one = original.copy()
        off_by_one[80, 80, 1] ^= 1
        almost = ms_ssim(original, off_by_one)
        assert almost is not None and 0.9999 < almost < 1


@pytest.mark.parametrize(
    ("height", "width", "possible"), [(161, 161, True), (160, 400, False), (400, 160, False), (1, 1, False)]
)
def test_ms_ssim_is_absent_for_pictures_too_small(height: int, width: int, possible: bool) -> None:
    original, decoded = noisy_pair(height, width)
    assert (ms_ssim(original, decoded) is not None) == possible
    assert (MsSsim().against(original)(decoded) is not None) == possible


def test_a_large_picture_takes_little_memory() -> None:
    original, decoded = noisy_pair(1500, 2000)
    tracemalloc.start()
    try:
        ms_ssim(original, decoded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1500 * 2000  # bytes a pixel, where a single plane in float64 takes as many


def test_decibels() -> None:
    assert msssim_db(0.9) == pytest.approx(10) and msssim_db(0.99) == pytest.approx(20)
    assert msssim_db(1.0) == math.inf
