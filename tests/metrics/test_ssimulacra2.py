"""SSIMULACRA 2 against its authors' program, and at its edges."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from scored import as_jpeg, changed, largest_difference, noisy_pair, original, references
from tiny import photo

from bench.metrics import float32
from bench.metrics.recursive_gaussian import RecursiveGaussian
from bench.metrics.ssimulacra2 import ssimulacra2


@pytest.mark.parametrize("picture", ["astronaut", "chelsea", "coffee"])
def test_scores_are_those_of_the_authors_program(picture: str) -> None:
    recipes = [recipe for recipe in references("ssimulacra2") if recipe["picture"] == picture]
    assert len(recipes) >= 11
    assert largest_difference("ssimulacra2", recipes) < 1e-7


def test_scores_are_those_of_the_authors_program_on_kodak() -> None:
    recipes = references("ssimulacra2", kodak=True)
    assert len(recipes) >= 18
    assert largest_difference("ssimulacra2", recipes) < 1e-7


def test_better_pictures_score_higher() -> None:
    picture = photo(192, 160)
    scores = [ssimulacra2(picture, as_jpeg(picture, quality)) for quality in (5, 30, 90)]
    scores.append(ssimulacra2(picture, picture))
    assert scores == sorted(scores) and len(set(scores)) == 4 and scores[-1] == 100


def test_small_pictures() -> None:
    for height, width in ((8, 8), (9, 30), (17, 8), (64, 65)):
        picture, decoded = noisy_pair(height, width)
        value = ssimulacra2(picture, decoded)
        assert value is not None and math.isfinite(value) and value < 91
    assert ssimulacra2(*noisy_pair(7, 200)) is None and ssimulacra2(*noisy_pair(200, 7)) is None


def test_flat_pictures_have_finite_scores() -> None:
    flat = [np.full((48, 64, 3), level, np.uint8) for level in (0, 128, 255)]
    for picture in (*flat, photo(48, 64)):
        for decoded in (*flat, photo(48, 64)):
            value = ssimulacra2(picture, decoded)
            assert value is not None and math.isfinite(value)
            assert (value == 100) == np.array_equal(picture, decoded)


def test_a_blur_by_strips_is_that_of_the_whole_and_a_sum_of_nine_samples() -> None:
    plane = np.random.default_rng(0).random((2, 53, 37)).astype(np.float32)
    whole = RecursiveGaussian(2, 37).push(plane, last=True)
    blur = RecursiveGaussian(2, 37)
    strips = [blur.push(plane[:, :3]), blur.push(plane[:, 3:40]), blur.push(plane[:, 40:], last=True)]
    assert np.array_equal(np.concatenate(strips, axis=1), whole)
    impulse = np.zeros((1, 9, 9), np.float32)
    impulse[0, 4, 4] = 1
    weights = RecursiveGaussian(1, 9).push(impulse, last=True)[0].astype(np.float64)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    padded = np.pad(plane[0], 4).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (9, 9))
    assert whole[0] == pytest.approx(np.einsum("ijkl,kl->ij", windows, weights), abs=1e-5)


def test_a_product_and_a_sum_are_rounded_once() -> None:
    a, b, c = (np.float64(np.float32(value)) for value in (1 + 2**-13, 1 - 2**-13, -1))
    assert float32.fused(a, b, c) == -(2.0**-26)  # in two steps it is 0
    assert np.float32(np.float32(a) * np.float32(b)) + np.float32(c) == 0


def test_a_large_picture_takes_little_memory() -> None:
    picture = np.tile(original("coffee"), (3, 2, 1))
    decoded = changed(picture, "levels 24")
    tracemalloc.start()
    try:
        ssimulacra2(picture, decoded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 90 * picture.shape[0] * picture.shape[1]  # bytes a pixel
