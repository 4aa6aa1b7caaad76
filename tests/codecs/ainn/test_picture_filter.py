"""The filter behind the decoder: against a plain pixel-by-pixel one, and what fitting makes of it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny import photo, photo_tensor, tiny_model
from torch import Tensor

from bench.codecs.ainn import picture_filter
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.picture_filter import CLASSES, FEATURES, PictureFilter, fit
from bench.codecs.ainn.weights import load_weights, save_weights


def some_filter(levels: int = 2) -> PictureFilter:
    generator = torch.Generator().manual_seed(0)
    return PictureFilter.of(
        [
            (0.02 * torch.randn(CLASSES, FEATURES, 3, generator=generator), torch.tensor(0.04 / (level + 1)))
            for level in range(levels)
        ]
    )


def plainly_filtered(
    x_hat: NDArray[np.float64], i: int, j: int, coefficients: NDArray[np.float64], deviation: float
) -> NDArray[np.float64]:
    """RGB of one pixel of x_hat (3, H, W), by the definition."""
    _, height, width = x_hat.shape

    def at(row: int, column: int) -> NDArray[np.float64]:
        return x_hat[:, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]

    tensor = np.zeros((2, 2))
    steps = range(-4, 5)
    total = sum(math.exp(-0.5 * (k / 1.5) ** 2) for k in steps)
    for di in steps:
        for dj in steps:
            weight = math.exp(-0.5 * (di**2 + dj**2) / 1.5**2) / total**2
            row, column = i + di, j + dj
            gradient = np.array(
                [
                    (at(row, column + 1).mean() - at(row, column - 1).mean()) / 2,
                    (at(row + 1, column).mean() - at(row - 1, column).mean()) / 2,
                ]
            )
            tensor += weight * np.outer(gradient, gradient)
    values, vectors = np.linalg.eigh(tensor)
    strength = sum(math.sqrt(values.sum()) > limit for limit in (0.008, 0.033, 0.0875))
    kind = 0
    if values[1] - values[0] >= 0.35 * max(values.sum(), 1e-7):
        turn = math.atan2(vectors[1, 1], vectors[0, 1]) / math.pi  # of half a turn, either way round
        kind = 1 + round(turn * 8) % 8
    centre = at(i, j)

    def both(row: int, column: int, clip: float, of: NDArray[np.float64]) -> float:
        pair = (of @ (at(i + s * row, j + s * column) - centre) / deviation for s in (1, -1))
        return sum(min(max(value, -clip), clip) for value in pair)

    square = [(0, 1), (1, -1), (1, 0), (1, 1)]
    diamonds = {
        reach: [
            (a, b)
            for a in range(reach + 1)
            for b in range(-reach, reach + 1)
            if (a > 0 or b > 0) and a + abs(b) <= reach
        ]
        for reach in (2, 4)
    }
    red, green, blue = np.eye(3)
    features = [both(a, b, math.inf, of) for a, b in square for of in (red, green, blue)]
    features += [both(a, b, clip, np.full(3, 1 / 3)) for a, b in diamonds[4] for clip in (6.0, 2.0, 0.6)]
    features += [
        both(a, b, clip, of)
        for a, b in diamonds[2]
        for clip in (2.0, 0.5)
        for of in (red - green, blue - green)
    ]
    weights = coefficients[strength * 9 + kind]
    change: NDArray[np.float64] = weights.T @ np.array([*features, 1.0])
    return centre + deviation * change


def test_every_pixel_is_filtered_as_defined() -> None:
    x_hat, filtered = photo_tensor(30, 41), some_filter()
    out = filtered(x_hat, 1.0)[0].double().numpy()
    plain, coefficients = x_hat[0].double().numpy(), filtered.coefficients[1].double().numpy()
    rng = np.random.default_rng(0)
    places = [(0, 0), (0, 40), (29, 0), (29, 40)] + [tuple(rng.integers((30, 41))) for _ in range(60)]
    for i, j in places:
        expected = plainly_filtered(plain, int(i), int(j), coefficients, float(filtered.deviations[1]))
        assert out[:, i, j] == pytest.approx(expected, abs=2e-5), (i, j)


def test_a_model_that_was_never_exported_has_no_filter() -> None:
    x_hat = photo_tensor(20, 20)
    assert torch.equal(PictureFilter()(x_hat, 3.0), x_hat)


def test_rows_are_filtered_without_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    x_hat, filtered = photo_tensor(77, 50), some_filter()
    parts = filtered(x_hat, 0.0)
    monkeypatch.setattr(picture_filter, "ROWS", 1000)
    assert torch.allclose(parts, filtered(x_hat, 0.0), atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 2)])
def test_small_pictures_are_filtered(size: tuple[int, int]) -> None:
    out = some_filter()(photo_tensor(*size), 0.0)
    assert out.shape == (1, 3, *size) and torch.isfinite(out).all()


def test_between_two_rates_the_filter_is_between() -> None:
    filtered, x_hat = some_filter(), photo_tensor(24, 24)
    between = PictureFilter.of(
        [(filtered.coefficients.mean(0), filtered.deviations[0].mul(filtered.deviations[1]).sqrt())]
    )
    assert torch.allclose(filtered(x_hat, 0.5), between(x_hat, 0.0), atol=1e-6)
    assert torch.equal(
        filtered(x_hat, 1.0),
        PictureFilter.of([(filtered.coefficients[1], filtered.deviations[1])])(x_hat, 0.0),
    )


def test_fitting_takes_noise_out_of_pictures_that_it_has_not_seen() -> None:
    torch.manual_seed(0)
    clean = torch.cat([photo_tensor(128, 128, seed) for seed in range(6)])
    noisy = clean + 0.05 * torch.randn_like(clean)
    filtered = PictureFilter.of([fit(clean[:4], noisy[:4])])
    assert float(filtered.deviations[0]) == pytest.approx(0.05, rel=0.02)
    before, after = ((x - clean[4:]).square().mean() for x in (noisy[4:], filtered(noisy[4:], 0.0)))
    assert after < 0.5 * before


def test_fitting_finds_the_filter_that_made_a_picture() -> None:
    x_hat, made = torch.cat([photo_tensor(96, 96, seed) for seed in range(4)]), some_filter(1)
    made.coefficients[:] = made.coefficients[:, :1].clone()  # all classes alike
    # None for differences that are clipped: that is by a deviation, which won't be the one fitted.
    made.coefficients[:, :, 12:] = 0
    x = made(x_hat, 0.0)
    filtered = PictureFilter.of([fit(x, x_hat)])(x_hat, 0.0)
    assert (filtered - x).square().mean() < 1e-4 * (x_hat - x).square().mean()


def test_fitting_leaves_what_is_right_already() -> None:
    x = photo_tensor(64, 64)
    assert torch.allclose(PictureFilter.of([fit(x, x.clone())])(x, 0.0), x, atol=1e-6)


def test_the_filter_travels_with_the_weights(tmp_path: Path) -> None:
    model, filtered = tiny_model(), some_filter(3)
    save_weights(model, tmp_path / "with.pt", {}, picture_filter=filtered)
    save_weights(model, tmp_path / "without.pt", {})
    loaded = load_weights(tmp_path / "with.pt").picture_filter
    assert torch.equal(loaded.coefficients, filtered.coefficients.half().float())
    save_weights(load_weights(tmp_path / "with.pt"), tmp_path / "again.pt", {})  # kept when none is given
    assert torch.equal(load_weights(tmp_path / "again.pt").picture_filter.coefficients, loaded.coefficients)
    assert not len(model.picture_filter.deviations)  # what is saved is a copy


def test_decoding_ends_with_the_filter(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the picture in its own size, at the stream's quality, before it is made whole numbers."""
    codec = AinnCodec(tiny_weights)
    stream = codec.encode(photo(40, 70), 2.5)

    def grey(_: PictureFilter, x_hat: Tensor, level: float, correction: Tensor | None) -> Tensor:
        assert x_hat.shape == (1, 3, 40, 70) and correction is None
        return torch.full_like(x_hat, level / 10)

    monkeypatch.setattr(PictureFilter, "forward", grey)
    assert (codec.decode(stream) == round(0.15 * 255)).all()


def test_weights_from_before_there_was_a_filter_load(tiny_weights: Path, tmp_path: Path) -> None:
    payload = torch.load(tiny_weights, weights_only=True)
    payload["state"] = {
        name: value for name, value in payload["state"].items() if not name.startswith("picture_filter.")
    }
    assert len(payload["state"]) > 10
    torch.save(payload, tmp_path / "old.pt")
    assert not len(load_weights(tmp_path / "old.pt").picture_filter.deviations)
