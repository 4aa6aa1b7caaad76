"""PSNR against scikit-image, and at its edges."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scored import changed, noisy_pair, original, score
from skimage.metrics import peak_signal_noise_ratio

from bench.metrics import ffmpeg, psnr, psnr_y
from bench.metrics.peak_signal_to_noise import psnr_ycbcr


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


def test_luma_and_chroma_agree_with_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 16 bits a sample, so that rounding doesn't count."""
    if missing := ffmpeg.missing("psnr"):
        pytest.skip(missing)
    to_yuv = "scale=out_color_matrix=bt709:out_range=pc:flags=accurate_rnd+full_chroma_int,format=yuv444p16le"
    monkeypatch.setattr(ffmpeg, "_TO_YUV", to_yuv)
    for picture in ("astronaut", "coffee"):
        for change in ("jpeg 10", "jpeg 90", "noise 10"):
            first = original(picture)
            second = changed(first, change)
            log = ffmpeg.compare(first, second, "psnr=stats_file=log")
            expected = [float(text) for text in re.findall(r"psnr_[yuv]:(\S+)", log)]
            assert list(psnr_ycbcr(first, second)) == pytest.approx(expected, abs=0.011)  # two decimals


def test_six_one_one() -> None:
    first = original("coffee")
    second = changed(first, "jpeg 50")
    y, cb, cr = psnr_ycbcr(first, second)
    assert [score(f"psnr_{name}", first, second) for name in ("y", "cb", "cr")] == [y, cb, cr]
    assert score("psnr_ycbcr", first, second) == pytest.approx((6 * y + cb + cr) / 8)


def test_grey_has_no_chroma() -> None:
    grey = np.arange(0, 240, dtype=np.uint8)[None, :, None].repeat(8, axis=0).repeat(3, axis=2)
    y, cb, cr = psnr_ycbcr(grey, grey + 7)
    assert cb == cr == math.inf and y == pytest.approx(20 * math.log10(255 / 7))
    red, cyan = np.zeros((2, 4, 4, 3), np.uint8)
    red[..., 0], cyan[..., 1:] = 255, 255
    assert psnr_ycbcr(red, cyan)[2] == pytest.approx(0)  # from one end of Cr to the other
