"""A-INN's encoder searches: what it finds costs less, and decodes as any stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import photo

from bench.codecs import CodecError, get
from bench.codecs.ainn import search as search_module
from bench.codecs.ainn.codec import AinnCodec, _pad
from bench.codecs.ainn.search import Searched, _Problem, search
from bench.codecs.base import RGB
from bench.core.errors import BenchError

LAMBDA = 0.0065  # of the shipped weights' quality 3


def find(codec: AinnCodec, image: RGB, level: float, passes: int) -> Searched:
    size = image.shape[0], image.shape[1]
    return search(codec._model, codec._coder, _pad(image), size, level, passes)


def real_cost(image: RGB, stream: bytes) -> float:
    """J by the bytes and the 8-bit picture alone, in bits."""
    decoded = AinnCodec().decode(stream).astype(float)
    return 8 * len(stream) + LAMBDA * float(np.square(decoded - image).mean()) * image[..., 0].size


def test_a_search_lowers_rate_and_distortion_together_by_real_bytes() -> None:
    image = photo(64, 64)
    plain, searched = (get(name).encode(image, 3) for name in ("ainn", "ainn:search=4"))
    assert real_cost(image, searched) < 0.99 * real_cost(image, plain)


def test_the_best_pass_counts_even_if_it_is_the_first(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps uphill never make a stream worse than that of no search."""
    image, codec = photo(70, 64), AinnCodec(tiny_weights)
    monkeypatch.setattr(search_module, "FIRST_STEP", -0.3)
    monkeypatch.setattr(search_module, "LAST_STEP", -0.3)
    searched = find(codec, image, 1, 2)
    assert min(searched.costs[1:3]) > searched.costs[0]
    assert AinnCodec(tiny_weights, search=2).encode(image, 2) == codec.encode(image, 2)


def test_costs_are_those_of_the_stream(tiny_weights: Path) -> None:
    """Bits are those of the bytes, the error is that of the picture that is shown."""
    image, codec, level = photo(70, 90), AinnCodec(tiny_weights), 1.5
    searched = find(codec, image, level, 3)
    coded = codec._coder.write(searched.z, searched.chosen)
    bits = 8 * len(coded.payload) - 8 * len(codec._coder.encode_z(searched.z))
    shown = codec._synthesise(coded.y_hat, 70, 90, level).astype(float)
    weight = np.sqrt(0.01 * 0.05)  # level 1.5 lies between the last two lambdas
    cost = bits + weight * np.square(shown - image).mean() * 70 * 90
    assert min(searched.costs) == pytest.approx(cost, rel=0.01)


def test_of_each_band_the_target_counts_that_costs_least(tiny_weights: Path) -> None:
    """Two targets, each good in one half of the picture: joined they are good in both, and coded whole the
    joined one costs what its bands did."""
    codec, image = AinnCodec(tiny_weights), photo(256, 96)
    x = _pad(image)
    with torch.no_grad():
        y = codec._model.encode(x)
        problem = _Problem(codec._model, codec._coder, x[:, :, :256, :96], codec._coder.analyse(y), 2)
        good = codec._model.entropy.normalise(y)
        above, below = good.clone(), good.clone()
        above[:, :, 8:] += 3 * torch.randn(above[:, :, 8:].shape, generator=torch.Generator().manual_seed(1))
        below[:, :, :8] += 3 * torch.randn(below[:, :, :8].shape, generator=torch.Generator().manual_seed(2))
        tries = [problem.attempt(target) for target in (above, below, good)]
        joined = problem.best_of_bands([above, below], tries[0])
        assert torch.equal(joined, good)
        assert problem.attempt(joined).cost == tries[2].cost < min(tries[0].cost, tries[1].cost)


def test_rounds_have_all_the_passes_and_smaller_steps_at_their_ends() -> None:
    assert [len(steps) for steps in search_module._rounds(23)] == [10, 5, 5, 3]
    for steps in search_module._rounds(23):
        assert steps == sorted(steps, reverse=True) and steps[-1] == pytest.approx(search_module.LAST_STEP)


def test_part_by_part_the_distortion_and_its_gradient_are_those_of_the_whole(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec, image = AinnCodec(tiny_weights), photo(64, 300)
    x = _pad(image)
    with torch.no_grad():
        y = codec._model.encode(x)
        z = codec._coder.analyse(y)
        problem = _Problem(codec._model, codec._coder, x[:, :, :64, :300], z, 1)
        whole, by_whole = problem.distortion(y, gradient=True)
        monkeypatch.setattr(search_module, "SIDE", 64)
        parts, by_parts = problem.distortion(y, gradient=True)
    assert parts == pytest.approx(whole, rel=1e-4)
    assert torch.allclose(by_parts, by_whole, rtol=0, atol=1e-3 * float(by_whole.abs().max()))


def test_the_gradient_of_the_distortion_is_what_a_small_shift_changes(tiny_weights: Path) -> None:
    codec, image = AinnCodec(tiny_weights), photo(64, 128)
    x = _pad(image)
    with torch.no_grad():
        y = codec._model.encode(x)
        z = codec._coder.analyse(y)
        problem = _Problem(codec._model, codec._coder, x, z, 2)
        base, gradient = problem.distortion(y, gradient=True)
        direction = gradient / gradient.norm()
        above, below = (problem.distortion(y + step * direction, gradient=False)[0] for step in (1e-2, -1e-2))
    assert above > base > below
    assert (above - below) / 2e-2 == pytest.approx(float(gradient.norm()), rel=0.02)


def test_a_search_of_a_thin_picture_decodes_to_what_it_saw(tiny_weights: Path) -> None:
    image, codec = photo(1090, 40), AinnCodec(tiny_weights, search=2)
    lying = np.ascontiguousarray(image.transpose(1, 0, 2))
    searched = find(codec, lying, 2, 2)
    shown = codec._synthesise(searched.chosen.y_hat, 40, 1090, 2)
    assert (codec.decode(codec.encode(image, 3)) == shown.transpose(1, 0, 2)).all()


def test_search_is_told_in_name_and_version_and_the_default_is_none() -> None:
    searching = get("ainn:search=3")
    assert searching.name == "ainn:search=3"
    assert searching.version() == get("ainn").version() + ", search 3 by bands"
    assert get("ainn:search=0").name == "ainn"


def test_search_is_for_pictures_that_are_coded_whole(tiny_weights: Path) -> None:
    with pytest.raises(BenchError, match="search or tile, not both"):
        get("ainn:search=3,tile=128")
    giant = np.broadcast_to(np.zeros(3, np.uint8), (6000, 6000, 3))
    with pytest.raises(CodecError, match="up to 33554432 pixels"):
        AinnCodec(tiny_weights, search=1).encode(giant, 1)
