"""The factorized prior of z: parameters, likelihoods and tables are those of CompressAI's class."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.codecs.ainn.bottleneck import TABLES, EntropyBottleneck
from bench.codecs.compressai_import import compressai

CHANNELS = 12


@pytest.fixture
def pair() -> tuple[EntropyBottleneck, Any]:
    """Ours and CompressAI's, with the same parameters, moved as training moves them."""
    torch.manual_seed(3)
    ours = EntropyBottleneck(CHANNELS)
    with torch.no_grad():
        for parameter in (*ours.matrices, *ours.biases, *ours.factors):
            parameter.add_(0.4 * torch.randn(parameter.shape))
    theirs = compressai().entropy_models.EntropyBottleneck(CHANNELS)
    theirs.load_state_dict(ours.state_dict(), strict=False)
    return ours, theirs


def z(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(2, CHANNELS, 4, 5, generator=generator) * 6).requires_grad_()


def test_a_fresh_one_has_the_same_parameters_from_the_same_seed() -> None:
    torch.manual_seed(0)
    ours = EntropyBottleneck(CHANNELS)
    after = torch.get_rng_state()
    torch.manual_seed(0)
    theirs = compressai().entropy_models.EntropyBottleneck(CHANNELS)
    assert torch.equal(torch.get_rng_state(), after)
    named = dict(theirs.named_parameters())
    assert [name for name, _ in ours.named_parameters()] == list(named)
    for name, parameter in ours.named_parameters():
        assert torch.equal(parameter, named[name]), name


def test_likelihoods_and_gradients_are_the_same(pair: tuple[EntropyBottleneck, Any]) -> None:
    ours, theirs = pair
    gradients = []
    values = z(), z()
    flat = values[1].transpose(0, 1).flatten(1)[:, None]
    likelihoods = (
        ours.likelihood(values[0]),
        theirs.likelihood_lower_bound(theirs._likelihood(flat)[0]).view(CHANNELS, 2, 4, 5).transpose(0, 1),
    )
    assert torch.equal(*likelihoods) and float(likelihoods[0].detach().min()) < 1e-3
    for model, value, likelihood in zip(pair, values, likelihoods, strict=True):
        parameters = [parameter for name, parameter in model.named_parameters() if name != "quantiles"]
        bits = -torch.log2(likelihood).sum()
        gradients.append(torch.autograd.grad(bits, (value, *parameters)))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_quantiles_and_tables_are_the_same(pair: tuple[EntropyBottleneck, Any]) -> None:
    ours, theirs = pair
    ours.set_quantiles()
    ours.make_tables()
    theirs._update_quantiles()
    theirs.quantiles.data.round_()
    theirs.update(force=True)
    assert torch.equal(ours.quantiles, theirs.quantiles)
    for name in TABLES:
        assert torch.equal(getattr(ours, name), getattr(theirs, name)), name
        assert getattr(ours, name).dtype == torch.int32
    cdfs, sizes, offsets = ours.tables()
    assert len(cdfs) == len(sizes) == len(offsets) == CHANNELS
    assert all(row[0] == 0 and row[size - 1] == 1 << 16 for row, size in zip(cdfs, sizes, strict=True))


def test_the_state_of_compressai_is_taken(pair: tuple[EntropyBottleneck, Any]) -> None:
    """Weights and checkpoints of earlier versions hold two constants more."""
    _, theirs = pair
    theirs.update()
    ours = EntropyBottleneck(CHANNELS)
    for name in TABLES:
        ours.register_buffer(name, torch.empty_like(getattr(theirs, name)))
    ours.load_state_dict(theirs.state_dict())
    assert torch.equal(ours.likelihood(z()), pair[0].likelihood(z()))
    with pytest.raises(RuntimeError, match="Unexpected key"):
        ours.load_state_dict(theirs.state_dict() | {"more": torch.zeros(1)})
