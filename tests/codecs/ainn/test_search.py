"""A-INN's encoder searches: what it finds costs less, and decodes as any stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import photo
from torch import Tensor

from bench.codecs import CodecError, get
from bench.codecs.ainn import search as search_module
from bench.codecs.ainn.candidates import PIECE, Candidates
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


def test_what_costs_least_counts_even_if_it_is_no_search(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps uphill never make a stream worse than that of no search."""
    image, codec = photo(70, 64), AinnCodec(tiny_weights)
    monkeypatch.setattr(search_module, "FIRST_STEP", -0.3)
    monkeypatch.setattr(search_module, "LAST_STEP", -0.3)
    monkeypatch.setattr(_Problem, "best_of_pieces", lambda _, targets, best: best.target + 1)
    searched = find(codec, image, 1, 2)
    assert len(searched.costs) == 4 and min(searched.costs[1:]) > searched.costs[0]
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


def problem_of(codec: AinnCodec, image: RGB, level: float) -> tuple[_Problem, Tensor]:
    """And the picture's normalised latent."""
    x = _pad(image)
    y = codec._model.encode(x)
    size = (..., slice(image.shape[0]), slice(image.shape[1]))
    problem = _Problem(codec._model, codec._coder, x[size], codec._coder.analyse(y), level)
    return problem, codec._model.entropy.normalise(y)


@torch.no_grad()
def test_of_each_piece_the_candidate_counts_that_costs_least(tiny_weights: Path) -> None:
    """Candidates that are good in one part of the picture each: joined they are good in all."""
    problem, good = problem_of(AinnCodec(tiny_weights), photo(130, 400), 2)
    random = torch.Generator().manual_seed(1)
    spoilt = [good + 5 * torch.randn(good.shape, generator=random) for _ in range(3)]
    fronts = torch.arange(28) + 3 * (torch.arange(12) % 4)[:, None]  # of a band: column + 3 * row
    for index, target in enumerate(spoilt):
        mine = ((fronts // PIECE).clamp(max=2) + torch.arange(12)[:, None] // 4) % 3 == index
        target[:, :, mine] = good[:, :, mine]
    tries = [problem.attempt(target) for target in (*spoilt, good)]
    joined = problem.best_of_pieces(torch.cat(spoilt), tries[0])
    assert torch.equal(joined, good)
    assert problem.attempt(joined).cost < 0.9 * min(one.cost for one in tries[:3])


@torch.no_grad()
def test_pieces_that_were_kept_are_what_their_targets_give_when_coded_whole(tiny_weights: Path) -> None:
    """Whichever candidates are kept: symbols' bits and decoded values add up to those of one picture."""
    codec = AinnCodec(tiny_weights)
    problem, good = problem_of(codec, photo(128, 330), 1)
    random = torch.Generator().manual_seed(2)
    targets = torch.cat([good + 0.5 * torch.randn(good.shape, generator=random) for _ in range(4)])
    height, width = good.shape[2:]
    joined, y_hat, bits, above = good.clone(), torch.full_like(good, torch.nan), 0.0, None
    for top in range(0, height, 4):
        rows, sums = slice(top, top + 4), problem.sums.view(height, width, -1)
        band = Candidates(codec._coder, targets[:, :, rows], sums[rows], 1, above)
        for index, piece in enumerate(band.pieces()):
            kept = (index + top) % 4
            here = (slice(None), piece.rows + top, piece.columns)
            assert torch.isnan(y_hat[0][here]).all()  # no position twice
            joined[0][here], y_hat[0][here] = targets[kept][here], piece.y_hat[kept]
            bits += float(piece.bits[kept])
            band.keep(kept)
        assert index >= 1
        above = band.last_rows
    whole = codec._coder.choose(joined, problem.sums, 1)
    assert torch.equal(whole.y_hat, y_hat)
    assert float(whole.bits.sum()) == pytest.approx(bits, rel=1e-12)


@torch.no_grad()
def test_candidates_are_the_best_passes_and_other_moves_from_them(tiny_weights: Path) -> None:
    problem, good = problem_of(AinnCodec(tiny_weights), photo(64, 64), 1)
    attempts = [problem.attempt(good + shift, gradient=True) for shift in (0, 0.1, 0.2)]
    candidates = problem.candidates(attempts, 8)
    assert torch.equal(candidates[:3], torch.cat([attempt.target for attempt in attempts]))
    for index, candidate in enumerate(candidates[3:]):
        moved = (attempts[index % 3].target[0] - candidate).abs()
        assert float(moved.max()) > 0 and (moved <= problem.inverse_gain[0] + 1e-6).all()
    assert not torch.equal(candidates[3], candidates[6])
    assert torch.equal(candidates, problem.candidates(attempts, 8))  # the same in each run


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
    assert searching.version() == get("ainn").version() + ", search 3 by pieces"
    assert get("ainn:search=0").name == "ainn"


def test_search_is_for_pictures_that_are_coded_whole(tiny_weights: Path) -> None:
    with pytest.raises(BenchError, match="search or tile, not both"):
        get("ainn:search=3,tile=128")
    giant = np.broadcast_to(np.zeros(3, np.uint8), (6000, 6000, 3))
    with pytest.raises(CodecError, match="up to 33554432 pixels"):
        AinnCodec(tiny_weights, search=1).encode(giant, 1)
