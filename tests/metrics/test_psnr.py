"""PSNR against scikit-image, and at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scored import noisy_pair
from skimage.metrics import peak_signal_noise_ratio

from bench.metrics import psnr, psnr_y


@pytest.mark.parametrize("seed", range(3))
def test_psnr_agrees_with_scikit_image(seed: int) -> None:
    original, decoded = noisy_pair(37, 53, seed)
    expected = peak_signal_noise_ratio(original, decoded, data_range=255)
    assert psnr(original, decoded) == pytest.approx(expected, abs=1e-10)
    luma = [picture @ np.array([0.2126, 0.7152, 0.0722]) for picture in (original, decoded)]
    expected = peak_signal_noise_ratio(*luma, data_range=255)
    assert psnr_y(original, decoded) == pytest.approx(expected, abs=1e-10)


def test_psnr_does_not_wrap_around() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == 0
    assert psnr_y(black, white) == pytest.approx(0)


def test_lossless_is_infinite() -> None:
    original, _ = noisy_pair(8, 8)
    assert psnr(original, original) == psnr_y(original, original) == math.inf
