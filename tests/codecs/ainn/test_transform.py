"""A-INN's transform: what must invert does, what must start as the identity does, and the head start."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny import TINY, photo, tiny_model, train_like
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from bench.codecs import get
from bench.codecs.ainn import invertible
from bench.codecs.ainn.codec import WEIGHTS
from bench.codecs.ainn.config import (
    BLOCK_CHANNELS,
    COMPACT,
    PAPER,
    TRANSFORM_CHANNELS,
    AinnConfig,
    SubnetShape,
)
from bench.codecs.ainn.fdsm import Decomposition, Synthesis
from bench.codecs.ainn.head_start import BLOCK, block_statistics, start_from_statistics
from bench.codecs.ainn.invertible import (
    Coupling,
    Invertible1x1,
    InvertibleBlock,
    InvertibleTransform,
    refined_inverse,
)
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.recovery import squeeze, unsqueeze
from bench.codecs.ainn.weights import load_weights
from bench.codecs.counting import count
from bench.core.errors import BenchError

SHAPE = SubnetShape((3, 1, 3), 16)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def assert_near(x: Tensor, y: Tensor, tolerance: float = 1e-4) -> None:
    assert x.shape == y.shape
    assert float((x - y).abs().max()) <= tolerance


def pictures(count: int = 2, side: int = 64) -> Tensor:
    photos = np.stack([photo(side, side, seed) for seed in range(count)])
    return torch.from_numpy(photos).permute(0, 3, 1, 2) / 255


# Invertibility, with weights like those of a trained model.


@pytest.mark.parametrize("joint", [True, False])
@torch.no_grad()
def test_coupling_inverts(joint: bool) -> None:
    coupling = Coupling(12, SHAPE, joint)
    train_like(coupling)
    x1, x2 = torch.randn(2, 2, 12, 16, 24)
    y1, y2 = coupling(x1, x2)
    for x, y in ((x1, y1), (x2, y2)):
        assert float((x - y).std()) > 0.1  # it does something
    for x, back in zip((x1, x2), coupling.inverse(y1, y2), strict=True):
        assert_near(back, x)


# torch's tracer looks at what its own warnings say not to look at.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
def test_couplings_that_are_compiled_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled is traced here, and not turned into a GPU's code: one trace for each block and way."""
    traced: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        traced.append(len(inputs))
        return graph.forward

    traced_code = cache(lambda function: torch.compile(function, backend=backend, dynamic=False))
    monkeypatch.setattr(invertible, "compiled_code", traced_code)
    transform = InvertibleTransform(TINY.with_options(couplings=2))
    train_like(transform)

    def gradients() -> list[Tensor]:
        low, high = transform(*(part.clone() for part in x))
        for block in reversed(transform.blocks):
            low, high = block.inverse(low + 0.1, high)
        wanted = [p for p in transform.parameters() if p.requires_grad]
        return list(torch.autograd.grad((low * high).sum(), wanted))

    x = torch.rand(2, 1, 3, 32, 32)
    plain = gradients()
    for block in transform.blocks:
        for coupling in block.couplings:
            coupling.compiled = True
    with torch.no_grad():
        transform(*x)
    assert not traced  # coding and validation are left alone
    for one, other in zip(plain, gradients(), strict=True):
        assert_near(one / one.norm(), other / one.norm(), 1e-5)
    assert len(traced) == 2 * len(transform.blocks)


@torch.no_grad()
def test_coupling_scales_by_at_most_e() -> None:
    coupling = Coupling(3, SHAPE, joint=True)
    train_like(coupling)
    for name, parameter in coupling.named_parameters():
        if name.endswith("subnet.4.weight"):
            parameter.mul_(1000)
    x2 = torch.randn(1, 3, 8, 8)
    y_of = {value: coupling(torch.full((1, 3, 8, 8), float(value)), x2)[0] for value in (0, 1)}
    slope = y_of[1] - y_of[0]
    assert float(slope.max()) <= np.e + 1e-2 and float(slope.min()) >= 1 / np.e - 1e-2


def test_an_inverse_is_refined_from_that_of_the_step_before_and_so_is_its_gradient() -> None:
    torch.manual_seed(0)
    matrix = (torch.linalg.qr(torch.randn(96, 96).double())[0] + 0.01 * torch.randn(96, 96)).requires_grad_()
    inverse = torch.linalg.inv(matrix)
    with torch.no_grad():
        before = torch.linalg.inv(matrix + 1e-3 * torch.randn(96, 96))
        errors = [float((before - inverse).abs().max())]
        for _ in range(2):
            before = refined_inverse(matrix, before)
            errors.append(float((before - inverse).abs().max()))
    assert 1e-3 < errors[0] < 0.1 and errors[1] < 30 * errors[0] ** 2 and errors[2] < 30 * errors[1] ** 2
    refined, weight = refined_inverse(matrix, before), torch.randn(96, 96).double()
    torch.testing.assert_close(refined, inverse, rtol=0, atol=1e-10)
    wanted, gradient = (torch.autograd.grad((weight * m).sum(), matrix)[0] for m in (inverse, refined))
    torch.testing.assert_close(gradient, wanted, rtol=0, atol=1e-3)


@torch.no_grad()
def test_1x1_inverts_though_not_a_rotation() -> None:
    mix = Invertible1x1(48)
    assert_near(mix.weight @ mix.weight.T, torch.eye(48), 1e-5)  # as it starts
    train_like(mix)
    assert float((mix.weight @ mix.weight.T - torch.eye(48)).abs().max()) > 0.01
    x = torch.randn(2, 48, 8, 12)
    assert_near(mix.inverse(mix(x)), x)


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("couplings", [0, 3])
@torch.no_grad()
def test_block_inverts(joint: bool, couplings: int) -> None:
    block = InvertibleBlock(12, SHAPE, couplings, joint)
    train_like(block)
    low, high = torch.rand(2, 2, 3, 16, 24)
    out = block(low, high)
    assert [tuple(part.shape) for part in out] == [(2, 12, 8, 12)] * 2
    for x, back in zip((low, high), block.inverse(*out), strict=True):
        assert_near(back, x)


@torch.no_grad()
def test_whole_transform_inverts_from_pixels_to_1536_channels_and_back() -> None:
    transform = InvertibleTransform(TINY.with_options(couplings=3))
    train_like(transform)
    x = pictures()
    low, high = transform(x, x)
    assert low.shape == high.shape == (2, TRANSFORM_CHANNELS, 4, 4)
    assert float((low - high).std()) > 0.01  # the branches have parted
    assert float((low - transform(x.roll(1), x)[0]).abs().max()) > 0.01
    for block in reversed(transform.blocks):
        low, high = block.inverse(low, high)
    assert_near(low, x)
    assert_near(high, x)


@torch.no_grad()
def test_decode_undoes_encode_but_for_squeeze_and_recovery() -> None:
    """With nothing but the transform and as many latent channels as it has, equal branches come back."""
    config = TINY.with_options(latent_channels=768, channel_groups=(768,), couplings=0, fdsm=False, pdm=False)
    model = Ainn(config)
    train_like(model.transform)
    x = pictures()
    assert_near(model.decode(model.encode(x)), x)


@torch.no_grad()
def test_invcomp_is_invertible_but_for_squeeze() -> None:
    config = TINY.with_options(
        latent_channels=768, channel_groups=(768,), couplings=3, split=True, fdsm=False, cfrm=False, pdm=False
    )
    model = Ainn(config)
    train_like(model.transform)
    x = pictures()
    y = model.encode(x)
    assert float((y - model.encode(x, linear=True)).abs().mean()) > 0.01  # couplings have a say
    assert_near(model.decode(y), x)


# The start: identities.


@pytest.mark.parametrize("joint", [True, False])
@torch.no_grad()
def test_fresh_coupling_is_the_identity(joint: bool) -> None:
    coupling = Coupling(12, SHAPE, joint)
    x1, x2 = torch.randn(2, 1, 12, 8, 8)
    for out in (coupling(x1, x2), coupling.inverse(x1, x2)):
        assert torch.equal(out[0], x1) and torch.equal(out[1], x2)


@torch.no_grad()
def test_fresh_fdsm_is_the_identity() -> None:
    x = torch.rand(1, 3, 32, 32)
    low, high = Decomposition()(x)
    assert torch.equal(low, x) and torch.equal(high, x)
    assert_near(Synthesis((4, 4), 1)(x, 0 * x), 0.5 * x, 1e-6)


@torch.no_grad()
def test_decomposition_tells_low_frequencies_from_high_ones() -> None:
    """The high branch has nothing to add to a flat picture, which has low frequencies only."""
    decomposition = Decomposition()
    train_like(decomposition)
    flat, noise = torch.full((1, 3, 32, 32), 0.4), torch.rand(1, 3, 32, 32)
    assert_near(decomposition(flat)[1], flat, 1e-5)
    assert float((decomposition(flat)[0] - flat).abs().max()) > 1e-3
    assert float((decomposition(noise)[1] - noise).abs().max()) > 1e-3


@pytest.mark.parametrize("channels", [96, 192, 384, 768])
def test_squeeze_and_unsqueeze_are_inverse_where_groups_are_equal(channels: int) -> None:
    y = torch.randn(2, channels, 4, 4)
    low, high = unsqueeze(y)
    assert low.shape == high.shape == (2, TRANSFORM_CHANNELS, 4, 4)
    assert_near(squeeze(low, high, channels), y, 1e-6)
    low, high = torch.randn(2, 2, TRANSFORM_CHANNELS, 4, 4)
    averaged = squeeze(low, high, channels)
    assert_near(averaged[:, 5], torch.cat((low, high), dim=1)[:, 5::channels].mean(1), 1e-6)


# The head start.


def low_rank_statistics(rank: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of blocks of that rank, and a root of the covariance (768, rank)."""
    rng = np.random.default_rng(3)
    root = np.linalg.qr(rng.normal(size=(TRANSFORM_CHANNELS, rank)))[0] * np.geomspace(1, 0.01, rank)
    mean = root @ rng.normal(size=rank)
    return mean, root @ root.T, root


def as_blocks(rows: NDArray[np.float64]) -> Tensor:
    """(N, 768) in the order channel, row, column, to N pictures of a block each."""
    return torch.from_numpy(rows).float().view(-1, 3, BLOCK, BLOCK)


@torch.no_grad()
def test_head_start_makes_the_whole_transform_orthonormal() -> None:
    model = Ainn(TINY)
    start_from_statistics(model, *block_statistics([photo(128, 128)]))
    x = as_blocks(np.eye(TRANSFORM_CHANNELS))
    for block in model.transform.blocks:
        assert_near(block.mix.weight @ block.mix.weight.T, torch.eye(block.mix.weight.shape[0]), 1e-5)
        x = block.linear(x)
    whole = x.flatten(1)
    assert_near(whole @ whole.T, torch.eye(TRANSFORM_CHANNELS), 1e-5)


@pytest.mark.parametrize("channels", [96, 256, 384, 768])
@torch.no_grad()
def test_head_start_gives_the_latent_the_leading_components(channels: int) -> None:
    mean, covariance, _ = low_rank_statistics(TRANSFORM_CHANNELS)
    model = Ainn(TINY.with_options(latent_channels=channels, channel_groups=(channels,)))
    start_from_statistics(model, mean, covariance)

    to_latent = model.encode(as_blocks(np.eye(TRANSFORM_CHANNELS)), linear=True).flatten(1).double().numpy()
    variances = np.diag(to_latent.T @ covariance @ to_latent)
    wanted = np.linalg.eigvalsh(covariance)[::-1][:channels] * channels / TRANSFORM_CHANNELS
    np.testing.assert_allclose(variances, wanted, rtol=1e-3)
    np.testing.assert_allclose(model.entropy.latent_std.square().numpy(), wanted, rtol=1e-3)
    np.testing.assert_allclose(model.entropy.latent_mean.numpy(), mean @ to_latent, atol=1e-5)


@torch.no_grad()
def test_head_start_is_lossless_for_as_many_components_as_the_latent_has() -> None:
    mean, covariance, root = low_rank_statistics(TINY.latent_channels)
    model = Ainn(TINY.with_options(ms_cfrm=True))
    start_from_statistics(model, mean, covariance)
    x = as_blocks(np.random.default_rng(4).normal(size=(16, root.shape[1])) @ root.T)
    x = x.view(4, 4, 3, BLOCK, BLOCK).permute(2, 0, 3, 1, 4).reshape(1, 3, 64, 64)
    y = model.encode(x)
    assert_near(model.decode(y), x)
    assert float((model.decode(0 * y) - x).abs().max()) > 0.1

    x_too_rich = torch.randn(1, 3, 64, 64)
    assert float((model.decode(model.encode(x_too_rich)) - x_too_rich).abs().max()) > 0.1


@torch.no_grad()
def test_linear_encode_is_the_full_one_in_a_fresh_model_and_no_longer_after() -> None:
    model = Ainn(TINY)
    start_from_statistics(model, *block_statistics([photo(128, 128)]))
    x = pictures()
    assert_near(model.encode(x, linear=True), model.encode(x), 1e-5)
    train_like(model.transform)
    assert float((model.encode(x, linear=True) - model.encode(x)).abs().max()) > 1e-2


def test_block_statistics_are_mean_and_covariance_of_blocks() -> None:
    picture = photo(3 * BLOCK + 5, 2 * BLOCK + 1)
    blocks = [
        picture[r : r + BLOCK, c : c + BLOCK].transpose(2, 0, 1).ravel() / 255
        for r in (0, BLOCK, 2 * BLOCK)
        for c in (0, BLOCK)
    ]
    mean, covariance = block_statistics([picture])
    np.testing.assert_allclose(mean, np.mean(blocks, axis=0), atol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(blocks, rowvar=False, bias=True), atol=1e-12)


@torch.no_grad()
def test_start_of_gains_gives_the_steps_that_lambdas_ask_for() -> None:
    """Quantising an orthonormal transform at step D costs D^2 / 12 a sample; lambda 255^2 dMSE = -d(bits)."""
    model = tiny_model()
    model.entropy.start_gains(TINY)
    entropy = model.entropy
    step = entropy.latent_std * (-entropy.log_gain).exp() * (TRANSFORM_CHANNELS / TINY.latent_channels) ** 0.5
    for level, value in enumerate(TINY.lambdas):
        # Distortion is D^2 / 12 over 768 samples for each component, rate log2(1 / D) over 256 pixels.
        slope = value * 255**2 * (2 * step[level] / 12 / 768) - 1 / (step[level] * np.log(2) * 256)
        assert float(slope.abs().max()) < 1e-4
    assert torch.allclose(entropy.log_steps, -entropy.log_gain)


# Configurations.


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fdsm": False},
        {"cfrm": False},
        {"pdm": False},
        {"couplings": 0},
        {"ms_cfrm": True},
        {"joint_subnets": False},
        {"split": True, "fdsm": False, "cfrm": False, "pdm": False},
        {"fdsm": False, "cfrm": False, "pdm": False, "couplings": 0},
        {"unet_convs": 2, "latent_channels": 128, "channel_groups": (28, 100), "lambdas": (0.01,)},
    ],
    ids=str,
)
def test_every_module_can_be_switched(options: dict[str, Any]) -> None:
    config = TINY.with_options(**options)
    model = Ainn(config)
    train_like(model)
    x = pictures()
    out = model(x, torch.zeros(2))
    assert out.x_hat.shape == x.shape and out.y_bits.shape == out.z_bits.shape == (2,)
    assert torch.isfinite(out.x_hat).all() and (out.y_bits > 0).all() and (out.z_bits > 0).all()
    (out.x_hat.square().mean() + out.y_bits.mean() + out.z_bits.mean()).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None and not n.endswith("quantiles")]
    assert not without  # nothing is built that forward doesn't use

    with torch.no_grad():
        y = model.encode(x)
        assert y.shape == (2, config.latent_channels, 4, 4)
        assert model.decode(y).shape == x.shape
    assert (model.decomposition is None) == (model.synthesis is None) == (not config.fdsm)
    assert (model.cfrm is None) == (not config.cfrm)
    assert (len(model.pdms) == 0) == (not config.pdm)
    assert (model.ms_cfrm is None) == (not config.ms_cfrm)
    assert [len(block.couplings) for block in model.transform.blocks] == [config.couplings] * 4


@pytest.mark.parametrize(
    "option", [{"fdsm": False}, {"cfrm": False}, {"pdm": False}, {"couplings": 0}], ids=str
)
@torch.no_grad()
def test_every_module_has_a_say(option: dict[str, Any]) -> None:
    """The same weights without one of the modules give another picture."""
    whole, part = tiny_model(), Ainn(TINY.with_options(**option)).eval()
    part.load_state_dict(whole.state_dict(), strict=False)
    assert parameters(part) < parameters(whole)
    x = pictures()
    assert float((whole.decode(whole.encode(x)) - part.decode(part.encode(x))).abs().max()) > 1e-3


def test_paper_has_the_published_shapes() -> None:
    with torch.device("meta"):
        model = Ainn(PAPER)
    assert 143e6 < parameters(model.transform) < 147e6
    assert [block.mix.weight.shape[0] for block in model.transform.blocks] == list(BLOCK_CHANNELS)
    assert all(len(block.couplings) == 3 for block in model.transform.blocks)
    shapes = {name: tuple(value.shape) for name, value in model.transform.named_parameters()}
    for net in ("scale", "shift"):  # G and H have a network each
        layers = [shapes[f"3.couplings.2.from_first.{net}.{index}.weight"] for index in (0, 2, 4)]
        assert layers == [(768, 768, 3, 3), (768, 768, 1, 1), (768, 768, 3, 3)]
    assert (PAPER.latent_channels, PAPER.hyper_channels) == (192, 192)


def test_compact_is_compact() -> None:
    with torch.device("meta"):
        model = Ainn(COMPACT)
    assert 10e6 <= parameters(model) <= 12.6e6
    assert len(COMPACT.lambdas) == 8 and list(COMPACT.lambdas) == sorted(COMPACT.lambdas)


@pytest.mark.parametrize("config", [PAPER, COMPACT, TINY, replace(TINY, pdm=False, lambdas=(0.5,))])
def test_config_survives_as_plain_types(config: AinnConfig) -> None:
    assert AinnConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert hash(AinnConfig.from_dict(config.to_dict())) == hash(config)  # tuples again, not lists


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cfmr": False}, "no option 'cfmr'.*cfrm"),
        ({"latent_channels": 100}, "latent_channels=100"),
        ({"latent_channels": 0}, "latent_channels=0"),
        ({"latent_channels": 512}, "latent_channels=512"),  # does not divide the 768 of a branch
        ({"latent_channels": 1536}, "latent_channels=1536"),
        ({"channel_groups": (384, 1)}, "channel_groups=.* latent_channels=384"),
        ({"channel_groups": (388, -4)}, "channel_groups"),
        ({"split": True}, "switch fdsm, cfrm, ms_cfrm and pdm off"),
        ({"lambdas": ()}, "lambdas"),
        ({"lambdas": (0.01, -1)}, "lambdas"),
        ({"lambdas": (0.01, float("nan"))}, "lambdas"),
    ],
    ids=str,
)
def test_config_refuses_what_makes_no_sense(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BenchError, match=words):
        COMPACT.with_options(**options)


def test_parameter_groups_leave_out_nothing_and_name_nothing_twice() -> None:
    model = Ainn(TINY)
    groups = model.parameter_groups(1e-3)
    ids = [id(p) for group in groups for p in group["params"]]
    everything = {id(p): n for n, p in model.named_parameters() if not n.endswith("quantiles")}
    assert len(ids) == len(set(ids)) and set(ids) == set(everything)
    rate_of = {everything[id(p)]: group["lr"] for group in groups for p in group["params"]}
    assert rate_of["transform.0.mix.weight"] == pytest.approx(1e-4)
    assert rate_of["entropy.log_gain"] == pytest.approx(1e-3)
    assert rate_of["entropy.context.weight"] == pytest.approx(5e-3)
    assert rate_of["cfrm.skip.0.weight"] == pytest.approx(1e-3)


def test_the_published_transform_takes_as_many_multiply_adds_as_its_shapes_say() -> None:
    """304 G for a picture of 768x512, and 145 M parameters; nothing of that size is computed here."""
    with FakeTensorMode():
        transform = InvertibleTransform(PAPER)
        branch = torch.zeros(1, 3, 64, 64)
        tiles = 768 * 512 / 64**2
        assert round(tiles * count(lambda: transform(branch, branch)) / 1e9) == 304
        assert round(parameters(transform) / 1e6) == 145


def test_a_codec_counts_what_its_networks_compute_and_sides_are_filled_up() -> None:
    codec, whole = get("ainn"), load_weights(WEIGHTS)
    counted = codec.multiply_adds(64, 65, 1)
    assert counted is not None
    x = torch.zeros(1, 3, 64, 128)
    encode, decode = (count(lambda: whole.encode(x)), count(lambda: whole.decode(whole.encode(x))))
    assert encode < counted.encode < 1.2 * encode  # the entropy model comes to it
    assert decode - encode < counted.decode < 1.3 * (decode - encode)  # and the filter
