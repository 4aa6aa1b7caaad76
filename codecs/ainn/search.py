"""The encoder searches: symbols that cost less, in rate and distortion together, for the same decoder.

The latent that the analysis transform gives is a good guess for any picture. Here the latent becomes a
better one for this picture. Pass by pass it is coded and decoded, and moved against the gradient of

    J = bits + lambda 255^2 MSE (times pixels)

by all that a latent changes: its own bits, the bits of those that are predicted from it, and the
picture. J is the real one, of what the decoder will show; the best counts. Bitstreams stay what they
are.

What is moved changes what is predicted, and so how all that follows is rounded: J goes up and down from
pass to pass, otherwise in each part of the picture. So after each round of passes the best of them are
coded once more, band by band from top to bottom: of each band the one counts that costs least under the
bands that count above.

Sources: Campos et al. 2019 (arXiv 1906.01223) and Yang, Bamler and Mandt 2020 (arXiv 2006.04240) improve
latents of single pictures by gradients. How rounding follows a latent is told by `quantise.slopes`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.codecs.ainn.coding_order import CodingOrder, is_thin
from bench.codecs.ainn.entropy import gaussian_bits
from bench.codecs.ainn.filter_correction import NOTHING, Correction, fit
from bench.codecs.ainn.latent_coder import ChosenSymbols, LatentCoder
from bench.codecs.ainn.model import SIDE_MULTIPLE, Ainn
from bench.codecs.ainn.quantise import slopes
from bench.codecs.ainn.tiles import Area, tiles_of

# Of the step that would reach the minimum if the decoder were orthonormal. Within a round they shrink evenly.
FIRST_STEP, NEXT_STEP, LAST_STEP = 0.2, 0.12, 0.04  # at first, at the start of a later round, at the end
ROUND, NEXT_ROUND = 10, 5  # passes of the first round, and of others
CANDIDATES = 5  # passes of a round whose bands compete
BAND = SIDE_MULTIPLE  # height of a band in pixels; so far above and below a band counts what it changes
CONTEXT = 64  # pixels around that are decoded too, to compare bands
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
    passes: int,
    fitted: bool = False,
) -> Searched:
    """Search for the symbols that code a picture at the least J.

    Args:
        x: (1, 3, H, W) in [0, 1], H and W multiples of 64.
        size: height and width of the picture without what fills its sides up. Only these pixels count.
        level: position among the lambdas, 0 to L - 1, in whole thousandths.
        passes: how many times the latent is moved, and coded anew.
        fitted: the filter is corrected for the picture, at first and for what is found.
    """
    y = model.encode(x)
    z = coder.analyse(y)
    problem = _Problem(model, coder, x[:, :, : size[0], : size[1]], z, level)
    target = model.entropy.normalise(y.float())
    if fitted:
        problem.fit_filter(coder.choose(target, problem.sums, level).y_hat)
    best = problem.attempt(target, gradient=True)
    costs = [best.cost]
    rounds = list(_rounds(passes))
    for to_come, steps in zip(reversed(range(len(rounds))), rounds, strict=True):
        attempt, targets = best, [(best.cost, best.target)]
        for left, step in zip(reversed(range(len(steps))), steps, strict=True):
            attempt = problem.attempt(problem.move(attempt, step), gradient=left > 0)
            costs.append(attempt.cost)
            targets.append((attempt.cost, attempt.target))
            targets = sorted(targets, key=lambda pair: pair[0])[:CANDIDATES]
            best = min(best, attempt, key=lambda one: one.cost)
        target = problem.best_of_bands([target for _, target in targets], best)
        joined = problem.attempt(target, gradient=to_come > 0)
        costs.append(joined.cost)
        best = min(best, joined, key=lambda one: one.cost)
    if fitted:
        problem.fit_filter(best.chosen.y_hat)
    return Searched(z, best.chosen, costs, problem.correction)


class _Attempt(NamedTuple):
    """A latent that was coded and decoded."""

    target: Tensor  # 1, M, H, W: the normalised latent that was to be coded
    chosen: ChosenSymbols
    cost: float  # J in bits
    by_y_hat: Tensor | None  # the gradient of the squared error; None: not asked for


def _rounds(passes: int) -> Iterator[list[float]]:
    """Steps of the passes of each round."""
    first, length = FIRST_STEP, ROUND
    while passes > 0:
        yield np.geomspace(first, LAST_STEP, min(passes, length)).tolist()
        passes -= length
        first, length = NEXT_STEP, NEXT_ROUND


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
        return _Attempt(target, chosen, cost, by_y_hat if gradient else None)

    def move(self, attempt: _Attempt, step: float) -> Tensor:
        """The target, a step against J's gradient."""
        by_y_hat = attempt.by_y_hat
        if by_y_hat is None:
            by_y_hat = self.distortion(attempt.chosen.y_hat, gradient=True)[1]
        move = step * self.newton_step(attempt.target, attempt.chosen, by_y_hat)
        return attempt.target - move.clamp(-self.inverse_gain, self.inverse_gain)

    def best_of_bands(self, targets: Sequence[Tensor], best: _Attempt) -> Tensor:
        """A target joined from bands of others: of each band that which costs least, with what it changes in
        the pixels above and below, under the bands that were taken above.

        Of a thin picture, which is cut the other way, the best target.

        Args:
            best: whose latent lies below, while a band is chosen.
        """
        if is_thin(*best.target.shape[2:]):
            return best.target
        y_hat, joined = best.chosen.y_hat.clone(), best.target.clone()
        height, width = y_hat.shape[2:]
        sums = self.sums.view(height, width, -1)
        above = None
        for band in tiles_of(self.whole, BAND, self.whole.right):
            rows, _ = band.in_latent().slices()
            seen = band.grown_within(self.whole, BAND)
            least = math.inf
            of_band = sums[rows].flatten(0, 1)
            order = CodingOrder(rows.stop - rows.start, width)
            for target in targets:
                chosen = self.coder.choose(target[:, :, rows], of_band, self.level, order, above)
                y_hat[:, :, rows] = chosen.y_hat
                cost = float(chosen.bits.sum()) + self.weight * self._squared_error_of(y_hat, seen)
                if cost < least:
                    least, taken, joined[:, :, rows] = cost, chosen, target[:, :, rows]
            y_hat[:, :, rows], above = taken.y_hat, taken.last_rows
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

    def _squared_error_of(self, y_hat: Tensor, area: Area) -> float:
        """The squared error of an area, by pixels as they are before the filter: to compare what is coded."""
        window = area.grown_within(self.whole, CONTEXT)
        shown = self.model.decode(y_hat[(..., *window.in_latent().slices())])
        error = shown[(..., *area.slices(window))].clamp(0, 1) - self.x[(..., *area.slices())]
        return float(error.double().square().sum())

    def newton_step(self, target: Tensor, chosen: ChosenSymbols, by_y_hat: Tensor) -> Tensor:
        """J's gradient by the target, over its second derivative as that of an orthonormal decoder."""
        entropy = self.model.entropy
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
            target - mean.detach(), gain, self.inverse_gain, self.latent_weight, bits_of
        )
        by_decoded = self.weight * by_y_hat * entropy.decoder_std(self.levels) + of_others
        return (by_decoded * symbol_slopes + bits_slopes * gain) / (2 * self.latent_weight)
