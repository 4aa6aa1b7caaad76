"""The encoder searches: symbols that cost less, in rate and distortion together, for the same decoder.

The latent that the analysis transform gives is a good guess for any picture. Here the latent becomes a
better one for this picture. Pass by pass it is coded and decoded, and moved against the gradient of

    J = bits + lambda 255^2 MSE (times pixels)

by all that a latent changes: its own bits, the bits of those that are predicted from it, and the
picture. J is the real one, of what the decoder will show; the best counts. Bitstreams stay what they
are.

What is moved changes what is predicted, and so how all that follows is rounded: J goes up and down from
pass to pass, otherwise in each part of the picture. So at the end the picture is coded once more, from
many candidates: the best passes, and small moves from them. Piece by piece those survive that cost least
up to there, and all candidates for the next piece follow from these (`candidates.py`).

Sources: Campos et al. 2019 (arXiv 1906.01223) and Yang, Bamler and Mandt 2020 (arXiv 2006.04240) improve
latents of single pictures by gradients. How rounding follows a latent is told by `quantise.slopes`. To keep
the best of many after each step is the M-algorithm (Anderson and Mohan 1984).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.codecs.ainn.candidates import Candidates, Piece
from bench.codecs.ainn.coding_order import is_thin
from bench.codecs.ainn.entropy import gaussian_bits
from bench.codecs.ainn.filter_correction import NOTHING, Correction, fit
from bench.codecs.ainn.latent_coder import ChosenSymbols, LatentCoder
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.quantise import slopes
from bench.codecs.ainn.tiles import POSITION, ROWS, Area, tiles_of

# Of the step that would reach the minimum if the decoder were orthonormal. They shrink evenly.
FIRST_STEP, LAST_STEP = 0.3, 0.03
MOST_PASSES = 10  # with more J rises again: steps are large for longer
PASSES_KEPT = 5  # as candidates
MOVED = 3  # of the passes that are kept: candidates are moves from these
LARGEST_MOVE = 0.16  # a step, as above; each element of the latent has a random one up to this
SURVIVORS = 4  # candidates that the next piece goes on from
CONTEXT = 1  # positions of the latent around a piece that are decoded too, to compare candidates
AT_ONCE = 16  # candidates that are decoded at once
SIDE = 768  # of the parts of a picture whose gradients are computed at once


class Searched(NamedTuple):
    z: Tensor  # as `LatentCoder.analyse` gives it
    chosen: ChosenSymbols  # as `LatentCoder.write` takes them, with z
    costs: list[float]  # J in bits, without z: of the analysis transform's latent, then of all that was tried
    correction: Correction  # of the decoder's filter


@torch.no_grad()
def search(
    model: Ainn,
    coder: LatentCoder,
    x: Tensor,
    size: tuple[int, int],
    level: float,
    effort: int,
    fitted: bool = False,
) -> Searched:
    """Search for the symbols that code a picture at the least J.

    Args:
        x: (1, 3, H, W) in [0, 1], H and W multiples of 64.
        size: height and width of the picture without what fills its sides up. Only these pixels count.
        level: position among the lambdas, 0 to L - 1, in whole thousandths.
        effort: so many times the latent is moved and coded anew, `MOST_PASSES` at most. And the more effort,
            the more candidates there are (`candidates_of`).
        fitted: the filter is corrected for the picture, at first and for what is found.
    """
    y = model.encode(x)
    z = coder.analyse(y)
    problem = _Problem(model, coder, x[:, :, : size[0], : size[1]], z, level)
    target = model.entropy.normalise(y.float())
    if fitted:
        problem.fit_filter(coder.choose(target, problem.sums, level).y_hat)
    attempt = problem.attempt(target, gradient=True)
    kept, costs = [attempt], [attempt.cost]
    for step in np.geomspace(FIRST_STEP, LAST_STEP, min(effort, MOST_PASSES)):
        attempt = problem.attempt(problem.move(attempt, step), gradient=True)
        kept = sorted([*kept, attempt], key=lambda attempt: attempt.cost)[:PASSES_KEPT]
        costs.append(attempt.cost)
    best = kept[0]
    if not is_thin(*target.shape[2:]):  # or it is coded in another order than pieces are
        candidates = problem.candidates(kept, candidates_of(effort))
        joined = problem.attempt(problem.best_of_pieces(candidates, best))
        costs.append(joined.cost)
        best = min(best, joined, key=lambda attempt: attempt.cost)
    if fitted:
        problem.fit_filter(best.chosen.y_hat)
    return Searched(z, best.chosen, costs, problem.correction)


def candidates_of(effort: int) -> int:
    """How many candidates a search compares: 12 to begin with, 32 at 10."""
    return 12 + 2 * effort


# (K, M, rows, W): of K candidates the normalised latents that are to be coded in these rows.
Targets = Callable[[slice], Tensor]


class _Attempt(NamedTuple):
    """A latent that was coded and decoded."""

    target: Tensor  # 1, M, H, W: the normalised latent that was to be coded
    chosen: ChosenSymbols
    cost: float  # J in bits
    by_y_hat: Tensor  # the gradient of the squared error; zeros if not asked for


class _Problem:
    """A picture to be coded at a level. Gradients are by y_n, the normalised latent."""

    def __init__(self, model: Ainn, coder: LatentCoder, x: Tensor, z: Tensor, level: float) -> None:
        self.model, self.coder, self.x, self.level = model, coder, x, level
        self.whole = Area(0, 0, *x.shape[2:])
        self.sums = coder.hyper_features(z, level)  # H * W, features: as coding takes them
        entropy, self.levels = model.entropy, torch.tensor([level], dtype=torch.float32)
        self.log_gain, self.inverse_gain = entropy.gains(self.levels)
        self.hyper = entropy.hyper_features(z[None].float(), self.log_gain)
        self.latent_weight = entropy.distortion_weight(self.levels)
        self.weight = entropy.error_weight(level)
        self.correction = NOTHING

    def fit_filter(self, y_hat: Tensor) -> None:
        """Fit the filter to y_hat's picture."""
        decoded = torch.empty_like(self.x)
        for part in tiles_of(self.whole, SIDE):
            window = part.grown_within(self.whole)
            shown = self.model.decode(y_hat[(..., *window.in_latent().slices())])
            decoded[(..., *part.slices())] = shown[(..., *part.slices(window))]
        picture_filter = self.model.picture_filter
        self.correction = fit(
            picture_filter, self.x, decoded, self.level, self.weight, self.coder.aside_costs
        )

    def attempt(self, target: Tensor, gradient: bool = False) -> _Attempt:
        """A target, coded and decoded."""
        chosen = self.coder.choose(target, self.sums, self.level)
        squared_error, by_y_hat = self.distortion(chosen.y_hat, gradient)
        cost = float(chosen.bits.sum()) + self.weight * squared_error
        return _Attempt(target, chosen, cost, by_y_hat)

    def move(self, attempt: _Attempt, step: float) -> Tensor:
        """The target, a step against J's gradient. The attempt has its gradient."""
        return attempt.target - self._bounded(step * self.newton_step(attempt))

    def _bounded(self, move: Tensor) -> Tensor:
        return move.clamp(-self.inverse_gain, self.inverse_gain)

    def candidates(self, attempts: Sequence[_Attempt], count: int) -> Targets:
        """The targets of the best attempts, and moves from them of random steps.

        Targets of attempts come once for each survivor, as each candidate goes on from one of them.

        Args:
            attempts: from the best on. All have their gradients.
        """
        starts = [attempt.target for attempt in attempts]
        targets = [target for target in starts for _ in range(SURVIVORS)][:count]
        moves = [LARGEST_MOVE * self.newton_step(attempt) for attempt in attempts[:MOVED]]

        def of_rows(rows: slice) -> Tensor:
            random = torch.Generator().manual_seed(rows.start)
            moved = []
            for index in range(count - len(targets)):
                target, move = (whole[index % len(moves)][:, :, rows] for whole in (starts, moves))
                moved.append(target - self._bounded(torch.rand(move.shape, generator=random) * move))
            return torch.cat([target[:, :, rows] for target in targets] + moved)

        return of_rows

    def best_of_pieces(self, targets: Targets, best: _Attempt) -> Tensor:
        """A target (1, M, H, W) joined from pieces of others: those that cost least together.

        Band by band, and there piece by piece, of all that may come next some survive.

        Args:
            best: whose latent lies around what is decided already.
        """
        y_hat, joined = best.chosen.y_hat.clone(), best.target.clone()
        height, width = y_hat.shape[2:]
        sums = self.sums.view(height, width, -1)
        above = None
        for top in range(0, height, ROWS):
            rows = slice(top, min(top + ROWS, height))
            around = slice(max(top - CONTEXT, 0), min(rows.stop + CONTEXT, height))
            x = self.x[:, :, POSITION * around.start : POSITION * around.stop]
            candidates = targets(rows)
            band = Candidates(self.coder, candidates, sums[rows], self.level, above)
            # Of what survives: the latent, the target, the costs in the band.
            decoded, taken, costs = y_hat[:, :, around], joined[:, :, rows], torch.zeros(1).double()
            origins = torch.zeros(len(candidates), dtype=torch.long)
            for piece in band.pieces():
                inside = piece._replace(rows=piece.rows + top - around.start)
                errors = self._changes_of_error(decoded, x, inside, origins)
                after = costs[origins] + piece.bits + self.weight * errors
                survivors = _least(after, SURVIVORS)
                decoded, taken = decoded[origins[survivors]], taken[origins[survivors]]
                decoded[..., inside.rows, inside.columns] = piece.y_hat[survivors]
                chosen = candidates[survivors][..., piece.rows, piece.columns]
                taken[..., piece.rows, piece.columns] = chosen
                costs, origins = after[survivors], band.keep(survivors)
            y_hat[:, :, around], joined[:, :, rows] = decoded[:1], taken[:1]
            band.keep(torch.zeros(1, dtype=torch.long))  # the first goes on from the best
            above = band.last_rows
        return joined

    def distortion(self, y_hat: Tensor, gradient: bool) -> tuple[float, Tensor]:
        """The squared error of y_hat's picture, and its gradient by y_hat (zeros if not asked for).

        Part by part, as in `tiles`: each is decoded with all around that it depends on.
        """
        squared_error, by_y_hat = 0.0, torch.zeros_like(y_hat)
        correction = self.correction.coefficients()
        for part in tiles_of(self.whole, SIDE):
            window = part.grown_within(self.whole)
            latents = (..., *window.in_latent().slices())
            with torch.set_grad_enabled(gradient):
                seen = y_hat[latents].clone().requires_grad_(gradient)
                decoded = self.model.decode(seen)[:, :, : window.size[0], : window.size[1]]
            shown = self.model.picture_filter(decoded.detach(), self.level, correction).clamp(0, 1)
            here = (..., *part.slices(window))
            error = torch.zeros_like(shown)
            error[here] = shown[here] - self.x[(..., *part.slices())]
            squared_error += float(error.double().square().sum())
            if gradient:
                # As if there were no filter, which moves pixels by little.
                by_shown = 2 * error * ((shown > 0) & (shown < 1))
                by_y_hat[latents] += torch.autograd.grad(decoded, seen, by_shown)[0]
        return squared_error, by_y_hat

    def _changes_of_error(self, y_hat: Tensor, x: Tensor, piece: Piece, origins: Tensor) -> Tensor:
        """What each candidate for a piece adds to the squared error around it (K,), by pixels as they are
        before the filter.

        Args:
            y_hat: (S, M, H, W), of survivors, where the piece lies and around.
            x: (1, 3, 16 H, 16 W) or less at the picture's border, of the same place.
            origins: K, which survivor a candidate goes on from.
        """
        rows, columns = piece.rows, piece.columns
        area = Area(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
        window = area.grown_within(Area(0, 0, *y_hat.shape[2:]), CONTEXT)
        before = y_hat[(..., *window.slices())]
        after = before[origins]
        after[..., rows - window.top, columns - window.left] = piece.y_hat
        pixels, shown = (Area(*(POSITION * side for side in sides)) for sides in (area, window))
        pixels = pixels.grown_within(Area(0, 0, *x.shape[2:]), 0)
        wanted = x[(..., *pixels.slices())]
        errors = [
            self.model.decode(part)[(..., *pixels.slices(shown))].clamp(0, 1) - wanted
            for part in torch.cat((before, after)).split(AT_ONCE)
        ]
        squared = torch.cat(errors).double().square().sum((1, 2, 3))
        return squared[len(before) :] - squared[: len(before)][origins]

    def newton_step(self, attempt: _Attempt) -> Tensor:
        """J's gradient by the target, over its second derivative as that of an orthonormal decoder."""
        entropy, chosen = self.model.entropy, attempt.chosen
        decoded = entropy.normalised(chosen.y_hat, self.levels)
        with torch.enable_grad():
            decoded.requires_grad_()
            mean, log_scale = entropy.distribution(self.hyper, decoded)
            scaled = (decoded.detach() - mean) * self.log_gain.exp()
            bits = gaussian_bits(scaled, (log_scale + self.log_gain).exp())
            of_others = torch.autograd.grad(bits.sum(), decoded)[0]  # which are predicted from it
        tables = chosen.order.grid(chosen.tables)[None]

        def bits_of(symbols: Tensor, index: Any) -> Tensor:
            return self.coder.bits_of(symbols, tables[index]).float()

        gain = self.log_gain.exp()
        symbol_slopes, bits_slopes = slopes(
            attempt.target - mean.detach(), gain, self.inverse_gain, self.latent_weight, bits_of
        )
        by_decoded = self.weight * attempt.by_y_hat * entropy.decoder_std(self.levels) + of_others
        return (by_decoded * symbol_slopes + bits_slopes * gain) / (2 * self.latent_weight)


def _least(costs: Tensor, count: int) -> Tensor:
    """Indexes of up to so many least costs. What costs the same is the same, and comes once."""
    ordered = costs.argsort()
    ascending = costs[ordered]
    new = torch.ones(len(costs), dtype=torch.bool)
    new[1:] = ascending[1:] - ascending[:-1] > 1e-9 * ascending[1:].abs()
    return ordered[new][:count]
