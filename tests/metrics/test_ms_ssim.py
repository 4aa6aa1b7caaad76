"""MS-SSIM against pytorch-msssim, and at its edges."""

from __future__ import annotations

import math
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
    import torch
    from pytorch_msssim import ms_ssim

    x, y = (torch.tensor(p.transpose(2, 0, 1)[None].astype(np.float32)) for p in (original, decoded))
    return float(ms_ssim(x, y, data_range=255))


@pytest.mark.parametrize(
    ("height", "width"), [(161, 161), (162, 333), (177, 161), (255, 256), (301, 163), (192, 350)]
)
def test_ms_ssim_is_that_of_pytorch_msssim(height: int, width: int) -> None:
    original = photo(height, width)
    score = MsSsim().against(original)
    for decoded in (
        *(as_jpeg(original, quality) for quality in (5, 20, 50, 95)),
        noisy_pair(height, width)[1],
        255 - original,
    ):
        expected = by_pytorch_msssim(original, decoded)
        assert ms_ssim(original, decoded) == score(decoded) == pytest.approx(expected, abs=1e-6)


def test_ms_ssim_is_that_of_pytorch_msssim_on_kodak(data_dir: Path) -> None:
    """kodim20 is flat for the most part: float32 cancels there, by 5e-5 against float64 in either, and by
    2e-5 between CPUs with and without AVX-512."""
    for name, margin in (("kodim05", 1e-6), ("kodim20", 5e-5)):
        original = np.array(Image.open(data_dir / "kodak" / f"{name}.png").convert("RGB"))
        for quality in (5, 30, 90):
            decoded = as_jpeg(original, quality)
            expected = by_pytorch_msssim(original, decoded)
            assert ms_ssim(original, decoded) == pytest.approx(expected, abs=margin)


def test_ms_ssim_of_flat_pictures_is_near_that_of_pytorch_msssim() -> None:
    """There pytorch-msssim's own float32 is 1e-4 from what exact arithmetic gives."""
    flat = np.full((176, 175, 3), 200, np.uint8)
    dotted = flat.copy()
    dotted[::7, ::5] += 1
    for original, decoded in ((flat, dotted), (dotted, flat), (flat, 255 - flat), (flat, photo(176, 175))):
        expected = by_pytorch_msssim(original, decoded)
        assert ms_ssim(original, decoded) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_of_equal_pictures_is_one_and_infinite_in_db() -> None:
    dotted = np.full((161, 161, 3), 200, np.uint8)
    dotted[::7, ::5] += 1
    for original in (photo(162, 171), dotted):
        found = MsSsim().against(original)(original.copy())
        assert found == ms_ssim(original, original) == 1 and MsSsim().in_db(found) == math.inf
        off_by_one = original.copy()
        off_by_one[80, 80, 1] ^= 1
        assert ms_ssim(original, off_by_one) != 1


@pytest.mark.parametrize(
    ("height", "width", "possible"), [(161, 161, True), (160, 400, False), (400, 160, False), (1, 1, False)]
)
def test_ms_ssim_is_absent_for_pictures_too_small(height: int, width: int, possible: bool) -> None:
    original, decoded = noisy_pair(height, width)
    assert (ms_ssim(original, decoded) is not None) == possible
    assert (MsSsim().against(original)(decoded) is not None) == possible


def test_decibels() -> None:
    assert msssim_db(0.9) == pytest.approx(10) and msssim_db(0.99) == pytest.approx(20)
    assert msssim_db(1.0) == math.inf
