"""Metrics against other libraries, and at their edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from bench import metrics


def noisy_pair(height: int, width: int, seed: int = 0) -> tuple[metrics.RGB, metrics.RGB]:
    rng = np.random.default_rng(seed)
    original = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    noise = rng.integers(-20, 21, original.shape)
    return original, np.clip(original + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
def test_psnr_agrees_with_scikit_image(seed: int) -> None:
    original, decoded = noisy_pair(37, 53, seed)
    assert metrics.psnr(original, decoded) == pytest.approx(
        peak_signal_noise_ratio(original, decoded, data_range=255), abs=1e-10
    )


def test_psnr_does_not_wrap_around() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert metrics.psnr(black, white) == metrics.psnr(white, black) == 0


def test_lossless_is_infinite() -> None:
    original, _ = noisy_pair(8, 8)
    assert metrics.psnr(original, original) == math.inf
    assert metrics.msssim_db(1.0) == math.inf


def test_ms_ssim_is_that_of_pytorch_msssim_on_the_same_tensors() -> None:
    torch = pytest.importorskip("torch")
    from pytorch_msssim import ms_ssim

    original, decoded = noisy_pair(180, 200)
    x, y = (torch.tensor(p.transpose(2, 0, 1)[None].astype(np.float32)) for p in (original, decoded))
    assert metrics.ms_ssim(original, decoded) == pytest.approx(float(ms_ssim(x, y, data_range=255)), abs=1e-6)


@pytest.mark.parametrize(
    ("height", "width", "possible"), [(161, 161, True), (160, 400, False), (1, 1, False)]
)
def test_ms_ssim_is_absent_for_pictures_too_small(height: int, width: int, possible: bool) -> None:
    value = metrics.ms_ssim(*noisy_pair(height, width))
    assert (value is not None) == possible


def test_msssim_db() -> None:
    assert metrics.msssim_db(0.9) == pytest.approx(10)
    assert metrics.msssim_db(0.99) == pytest.approx(20)


def test_bits_per_pixel() -> None:
    assert metrics.bits_per_pixel(100, 20, 10) == 4.0
