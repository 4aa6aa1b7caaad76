"""A-INN's encoder searches: what it finds costs less, and decodes as any stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import photo
from torch import Tensor

from bench.codecs import CodecError, get
from bench.codecs.ainn import search as search_module
from bench.codecs.ainn.candidates import PIECE, Candidates, Piece
from bench.codecs.ainn.codec import AinnCodec, _pad
from bench.codecs.ainn.search import (
    MOST_PASSES,
    PASSES_KEPT,
    SURVIVORS,
    Searched,
    Targets,
    _least,
    _Problem,
    candidates_of,
    search,
)
from bench.codecs.base import RGB
from bench.core.errors import BenchError

LAMBDA = 0.0065  # of the shipped weights' quality 3


def find(codec: AinnCodec, image: RGB, level: float, effort: int) -> Searched:
    size = image.shape[0], image.shape[1]
    return search(codec._model, codec._coder, _pad(image), size, level, effort)


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


def noisy(good: Tensor, deviation: float, count: int, seed: int) -> Tensor:
    """As many targets that differ from a good one."""
    random = torch.Generator().manual_seed(seed)
    return torch.cat([good + deviation * torch.randn(good.shape, generator=random) for _ in range(count)])


def rows_of(targets: Tensor) -> Targets:
    return lambda rows: targets[:, :, rows]


@torch.no_grad()
def test_of_each_piece_the_candidate_counts_that_costs_least(tiny_weights: Path) -> None:
    """Candidates that are good in one part of the picture each: joined they are good in all."""
    problem, good = problem_of(AinnCodec(tiny_weights), photo(130, 400), 2)
    spoilt = noisy(good, 5, 3, seed=1)
    fronts = torch.arange(28) + 3 * (torch.arange(12) % 4)[:, None]  # of a band: column + 3 * row
    for index, target in enumerate(spoilt):
        mine = ((fronts // PIECE).clamp(max=2) + torch.arange(12)[:, None] // 4) % 3 == index
        target[:, mine] = good[0, :, mine]
    tries = [problem.attempt(target) for target in (*spoilt.split(1), good)]
    joined = problem.best_of_pieces(rows_of(spoilt.repeat_interleave(SURVIVORS, 0)), tries[0])
    assert torch.equal(joined, good)
    assert problem.attempt(joined).cost < 0.9 * min(one.cost for one in tries[:3])


@torch.no_grad()
def test_pieces_that_were_kept_are_what_their_targets_give_when_coded_whole(tiny_weights: Path) -> None:
    """Whichever candidates are kept: symbols' bits and decoded values add up to those of one picture."""
    codec = AinnCodec(tiny_weights)
    problem, good = problem_of(codec, photo(128, 330), 1)
    targets = noisy(good, 0.5, 4, seed=2)
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
            band.keep(torch.tensor([kept]))
        assert index >= 1
        above = band.last_rows
    whole = codec._coder.choose(joined, problem.sums, 1)
    assert torch.equal(whole.y_hat, y_hat)
    assert float(whole.bits.sum()) == pytest.approx(bits, rel=1e-12)


@torch.no_grad()
def test_each_survivor_goes_on_with_its_own_past(tiny_weights: Path) -> None:
    """Three pasts side by side: each is what its pieces' targets give when coded whole."""
    codec = AinnCodec(tiny_weights)
    problem, good = problem_of(codec, photo(64, 400), 1)
    targets, random = noisy(good, 0.5, 6, seed=3), torch.Generator().manual_seed(4)
    band = Candidates(codec._coder, targets, problem.sums, 1, None)
    joined, y_hat = good.repeat(3, 1, 1, 1), torch.zeros_like(good).repeat(3, 1, 1, 1)
    origins = torch.zeros(6, dtype=torch.long)
    for piece in band.pieces():
        survivors = torch.randperm(6, generator=random)[:3]
        joined, y_hat = joined[origins[survivors]], y_hat[origins[survivors]]
        y_hat[..., piece.rows, piece.columns] = piece.y_hat[survivors]
        joined[..., piece.rows, piece.columns] = targets[survivors][..., piece.rows, piece.columns]
        origins = band.keep(survivors)
        assert origins.tolist() == [0, 1, 2, 0, 1, 2]
    assert not torch.equal(y_hat[0], y_hat[1])
    for past, decoded in zip(joined, y_hat, strict=True):
        assert torch.equal(codec._coder.choose(past[None], problem.sums, 1).y_hat[0], decoded)


@torch.no_grad()
def test_what_costs_more_at_first_may_cost_less_in_the_end(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first candidate saves a bit in its piece, and whoever goes on from it pays ten for that."""

    class Band:
        def __init__(self, _: object, targets: Tensor, *rest: object) -> None:
            self.targets, self.survivors, self.last_rows = targets, torch.tensor([]), None

        def pieces(self) -> Iterator[Piece]:
            rows, columns = torch.ones(4, 4).nonzero(as_tuple=True)
            y_hat = self.targets.flatten(2)[..., :16]
            second = torch.tensor([1, 0]).repeat_interleave(SURVIVORS)
            yield Piece(rows, columns, second, y_hat)
            after_first = self.survivors[torch.arange(2 * SURVIVORS) % len(self.survivors)] >= SURVIVORS
            yield Piece(rows, columns + 4, 10 * after_first, y_hat)

        def keep(self, survivors: Tensor) -> Tensor:
            self.survivors = survivors
            return torch.arange(2 * SURVIVORS) % len(survivors)

    problem, good = problem_of(AinnCodec(tiny_weights), photo(64, 128), 2)
    monkeypatch.setattr(search_module, "Candidates", Band)
    monkeypatch.setattr(problem, "weight", 0)
    dear, cheap = good + 1, good + 2
    targets = torch.cat((dear, cheap)).repeat_interleave(SURVIVORS, 0)
    joined = problem.best_of_pieces(rows_of(targets), problem.attempt(good))
    assert torch.equal(joined[..., :4], dear[..., :4])


def test_survivors_are_the_least_and_none_comes_twice() -> None:
    costs = torch.tensor([5.0, 2.0, 7.0, 2.0 + 1e-12, 3.0, 7.0], dtype=torch.float64)
    assert costs[_least(costs, 3)].tolist() == pytest.approx([2, 3, 5])
    assert len(_least(costs, 9)) == 4 and len(_least(costs[1:2], 4)) == 1


@torch.no_grad()
def test_candidates_are_the_best_passes_and_other_moves_from_them(tiny_weights: Path) -> None:
    problem, good = problem_of(AinnCodec(tiny_weights), photo(128, 64), 1)
    attempts = [problem.attempt(good + shift, gradient=True) for shift in (0, 0.1, 0.2)]
    passes, rows = 3 * SURVIVORS, slice(4, 8)
    targets = problem.candidates(attempts, passes + 5)
    candidates = targets(rows)
    for index, candidate in enumerate(candidates[:passes]):
        assert torch.equal(candidate, attempts[index // SURVIVORS].target[0, :, rows])
    for index, candidate in enumerate(candidates[passes:]):
        moved = (attempts[index % 3].target[0, :, rows] - candidate).abs()
        assert float(moved.max()) > 0 and (moved <= problem.inverse_gain[0] + 1e-6).all()
    assert not torch.equal(candidates[passes], candidates[passes + 3])
    assert torch.equal(candidates, targets(rows))  # the same in each run
    assert not torch.equal(
        candidates[passes] - candidates[0], (targets(slice(0, 4)))[passes] - targets(slice(0, 4))[0]
    )
    assert len(problem.candidates(attempts, 7)(rows)) == 7


def test_more_effort_is_more_candidates_and_no_more_passes_than_help(tiny_weights: Path) -> None:
    codec, image = AinnCodec(tiny_weights), photo(64, 64)
    assert [candidates_of(effort) for effort in (1, 10, 50)] == [14, 32, 112]
    assert len(find(codec, image, 1, MOST_PASSES + 5).costs) == MOST_PASSES + 2
    assert candidates_of(MOST_PASSES) > PASSES_KEPT * SURVIVORS  # there are moves, too


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
    assert searching.version() == get("ainn").version() + ", search 3 by survivors"
    assert get("ainn:search=0").name == "ainn"


def test_search_is_for_pictures_that_are_coded_whole(tiny_weights: Path) -> None:
    with pytest.raises(BenchError, match="search or tile, not both"):
        get("ainn:search=3,tile=128")
    giant = np.broadcast_to(np.zeros(3, np.uint8), (6000, 6000, 3))
    with pytest.raises(CodecError, match="up to 33554432 pixels"):
        AinnCodec(tiny_weights, search=1).encode(giant, 1)
