"""A-INN's entropy model and the encoder's choice of symbols, as training sees them."""

from __future__ import annotations

import copy
import functools
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import norm
from tiny import TINY, latent, tiny_model
from torch import Tensor

from bench.codecs.ainn.entropy import (
    CONTEXT_OFFSETS,
    SCALE_MIN,
    MaskedContext,
    gaussian_bits,
)
from bench.codecs.ainn.latent_coder import LatentCoder
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.quantise import choose_symbols, slopes


def test_gaussian_bits_are_those_of_the_integral() -> None:
    x = torch.linspace(-6, 6, 49, dtype=torch.float64)[:, None]
    scale = torch.tensor([0.01, SCALE_MIN, 0.7, 3.0, 200.0], dtype=torch.float64)
    bounded = np.maximum(scale, SCALE_MIN)
    probability = norm.cdf((x + 0.5) / bounded) - norm.cdf((x - 0.5) / bounded)
    assert gaussian_bits(x, scale).numpy() == pytest.approx(-np.log2(np.maximum(probability, 1e-9)), abs=1e-6)


def test_context_offsets_are_the_causal_half_of_the_window() -> None:
    window = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
    assert list(CONTEXT_OFFSETS) == window[: window.index((0, 0))]


@torch.no_grad()
def test_context_looks_at_decoded_positions_only() -> None:
    context = MaskedContext(3, 5)
    y = torch.randn(1, 3, 7, 8)
    before = context(y)
    for row, column in product(range(7), range(8)):
        changed = y.clone()
        changed[:, :, row, column] += 1
        differs = ((context(changed) - before).abs() > 1e-6).any(1)[0]
        sees = {(row - dy, column - dx) for dy, dx in CONTEXT_OFFSETS}
        wanted = [[(r, c) in sees for c in range(8)] for r in range(7)]
        assert differs.tolist() == wanted


@torch.no_grad()
def test_context_as_convolution_equals_its_gathered_matrix() -> None:
    context = MaskedContext(3, 5)
    context.bias.normal_()
    y = torch.randn(2, 3, 6, 9)
    padded = torch.nn.functional.pad(y, (2, 2, 2, 2))
    taps = [padded[:, :, 2 + dy : 8 + dy, 2 + dx : 11 + dx] for dy, dx in CONTEXT_OFFSETS]
    gathered = torch.stack(taps, -1)
    wanted = torch.einsum("nchwt,fct->nfhw", gathered, context.weight) + context.bias[:, None, None]
    assert torch.allclose(context(y), wanted, atol=1e-5)


@torch.no_grad()
def test_gains_are_interpolated_between_lambdas(tiny: Ainn) -> None:
    log_gain, inverse = tiny.entropy.gains(torch.tensor([0.0, 2.0, 1.25]))
    assert torch.allclose(log_gain[:2, :, 0, 0], tiny.entropy.log_gain[[0, 2]], atol=1e-6)
    steps = (-tiny.entropy.log_gain).exp()
    assert torch.allclose((-log_gain[2, :, 0, 0]).exp(), 0.75 * steps[1] + 0.25 * steps[2], rtol=1e-5)
    steps = tiny.entropy.log_steps.exp()
    assert torch.allclose(
        inverse[:, :, 0, 0], torch.stack((steps[0], steps[2], 0.75 * steps[1] + 0.25 * steps[2]))
    )


@pytest.mark.parametrize("rounded", [True, False])
@torch.no_grad()
def test_training_sees_the_rate_and_latent_of_coding(tiny: Ainn, rounded: bool) -> None:
    """Two passes instead of a position at a time, and noise: near what coding gives, not the same."""
    torch.manual_seed(5)
    y, level = latent(12, 16), 1.0
    y.clamp_(-4, 4)
    coded = LatentCoder(tiny.entropy).encode(y, level)
    seen = tiny.entropy(y, torch.tensor([level]), rounded)
    bits = float(seen.y_bits + seen.z_bits)
    assert bits == pytest.approx(coded.estimated_bits, rel=0.15)
    error, coded_error = (float((y_hat - y).square().mean()) for y_hat in (seen.y_hat, coded.y_hat))
    assert error == pytest.approx(coded_error, rel=0.1)


@torch.no_grad()
def test_a_group_sees_the_channels_before_it_and_no_others(tiny: Ainn) -> None:
    groups = tiny.entropy.groups
    features, decoded = torch.randn(1, 33, 3, 2), torch.randn(1, 96, 3, 2)
    before = torch.stack(groups(features, decoded))
    assert [tuple(span) for span in groups.spans] == [(0, 8), (8, 32), (32, 96)]
    for channel, group in ((0, 0), (7, 0), (8, 1), (31, 1), (32, 2), (95, 2)):
        changed = decoded.clone()
        changed[:, channel] += 1
        moved = (torch.stack(groups(features, changed)) - before).abs().amax((0, 1, 3, 4)) > 1e-7
        for index, span in enumerate(groups.spans):
            assert bool(moved[span.start : span.stop].any()) == (index > group), (channel, span)


@torch.no_grad()
def test_magnitudes_reach_the_later_groups(tiny: Ainn) -> None:
    """A sign alone changes values, not magnitudes: with the values' weights at zero nothing must move."""
    groups = copy.deepcopy(tiny.entropy.groups)
    for layer, span in zip(groups.before, groups.spans[1:], strict=True):
        layer.weight[:, : span.start] = 0
    features, decoded = torch.randn(1, 33, 2, 2), torch.randn(1, 96, 2, 2).clamp(-3, 3)
    there = torch.stack(groups(features, decoded))
    assert torch.equal(there, torch.stack(groups(features, -decoded)))
    assert not torch.allclose(there, torch.stack(groups(features, 1.3 * decoded)), atol=1e-4)


# The encoder's choice of symbols.


def test_symbols_are_the_cheapest_of_two() -> None:
    rng = np.random.default_rng(0)
    residual = torch.from_numpy(rng.normal(size=(40, 6)) * 3)
    gain = torch.from_numpy(rng.uniform(0.5, 4, size=6))
    inverse_gain, weight = 0.97 / gain, torch.from_numpy(rng.uniform(0.2, 20, size=6))
    price = torch.from_numpy(rng.uniform(0.1, 3, size=(40, 6)))

    def cost(symbols: Tensor) -> Tensor:
        return price * symbols.abs() + weight * (symbols * inverse_gain - residual).square()

    chosen = choose_symbols(
        residual, gain, inverse_gain, weight, lambda symbols, index: price[index] * symbols.abs()
    )
    nearest = (residual * gain).round()
    lower = nearest - nearest.sign()
    wanted = torch.where(cost(lower) < cost(nearest), lower, nearest)
    assert torch.equal(chosen, wanted)
    assert 20 < int((chosen != nearest).sum()) < 200


def test_slopes_are_those_of_means_over_uniform_noise() -> None:
    residual = torch.linspace(-4, 4, 81, dtype=torch.float64)[:, None]
    gain, scale = torch.tensor([1.0, 1.6, 0.7]).double(), torch.tensor([0.2, 0.6, 2.0]).double()
    costs = gain, 1 / gain, torch.tensor([9.0, 4.0, 1.0]).double()
    residual, scale = residual.expand(-1, 3), scale.expand(81, 3)

    def bits(symbols: Tensor, index: object) -> Tensor:
        return gaussian_bits(symbols, scale[index])

    def means(shift: float) -> tuple[Tensor, Tensor]:
        symbols = [
            choose_symbols(residual + (noise + shift) / gain, *costs, bits)
            for noise in torch.linspace(-0.5, 0.5, 2001)
        ]
        return torch.stack(symbols).mean(0), torch.stack([bits(chosen, ...) for chosen in symbols]).mean(0)

    derivatives = slopes(residual, *costs, bits)
    for slope, above, below in zip(derivatives, means(0.01), means(-0.01), strict=True):
        wanted = (above - below) / 0.02
        near = (slope - wanted).abs() <= 0.03 * wanted.abs().max()  # a threshold in between is elsewhere
        assert near.double().mean() > 0.95
    assert all((derivative == 0).any() for derivative in derivatives)  # zeros that stay zeros


@pytest.mark.parametrize("tied", [True, False])
def test_training_pulls_as_slopes_say(tied: bool) -> None:
    entropy = tiny_model().entropy
    entropy.groups.last.weight.data.zero_()  # means and scales are the bias, the same for all positions
    gains, grown = entropy.log_gain.detach(), torch.zeros((), requires_grad=True)
    del entropy.log_gain, entropy.log_inverse_gain
    entropy.log_gain, entropy.log_inverse_gain = gains + grown, None if tied else -gains - grown
    y, level, weight = latent(8, 8), torch.tensor([1.0]), torch.randn(1, TINY.latent_channels, 8, 8)
    y.requires_grad_(True)
    out = entropy(y, level)
    sent = (weight * out.y_hat / entropy.decoder_std(level)).sum()
    by_y, by_gain, by_bias = torch.autograd.grad(
        sent, (y, grown, entropy.groups.last.bias), retain_graph=True
    )
    (bits_by_y,) = torch.autograd.grad(out.y_bits.sum(), y)
    with torch.no_grad():
        log_gain, inverse_gain = entropy.gains(level)
        mean = entropy.groups.last.bias[: TINY.latent_channels, None, None]
        residual, gain, scale = entropy.normalise(y) - mean, log_gain.exp(), out.log_scales.exp()
        follows, costs = slopes(
            residual, gain, inverse_gain, entropy.distortion_weight(level),
            lambda symbols, index: gaussian_bits(symbols, scale[index]),
        )  # fmt: skip
        std = entropy.latent_std[:, None, None]
        near = functools.partial(torch.allclose, rtol=1e-3, atol=1e-4)
        assert near(by_y * std, weight * follows)
        assert near(by_bias[: TINY.latent_channels], (weight * (1 - follows)).sum((0, 2, 3)), atol=1e-3)
        # What rounding added to a symbol counts for less as the gain grows.
        added = out.symbols - follows * residual * gain
        assert float(by_gain) == pytest.approx(-float((weight * added * inverse_gain).sum()), rel=1e-3)
        assert near(bits_by_y * std, costs * gain, rtol=1e-2)
        assert 0 < int((follows == 0).sum()) < follows.numel()


def test_an_encoder_for_whom_errors_are_dear_rounds_to_the_nearest() -> None:
    residual, one = torch.randn(50, 4) * 5, torch.ones(4)
    chosen = choose_symbols(residual, one, one, 1e6 * one, lambda symbols, index: symbols.abs())
    assert torch.equal(chosen, residual.round())
