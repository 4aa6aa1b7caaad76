"""The encoder searches: symbols that cost less, in rate and distortion together, for the same decoder.

The latent that the analysis transform gives is a good guess for any picture. Here the latent becomes a
better one for this picture. Pass by pass it is coded and decoded, and moved against the gradient of

    J = bits + lambda 255^2 MSE (times pixels)

by all that a latent changes: its own bits, the bits of those that are predicted from it, and the
picture. J is the real one, of what the decoder will show; the best pass counts. Bitstreams stay what
they are.

Sources: Campos et al. 2019 (arXiv 1906.01223) and Yang, Bamler and Mandt 2020 (arXiv 2006.04240) improve
latents of single pictures by gradients. How rounding follows a latent is told by `quantise.slopes`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.codecs.ainn.entropy import gaussian_bits
from bench.codecs.ainn.filter_correction import NOTHING, Correction, fit
from bench.codecs.ainn.latent_coder import ChosenSymbols, LatentCoder
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.quantise import slopes
from bench.codecs.ainn.tiles import Area, tiles_of

# Of the step that would reach the minimum if the decoder were orthonormal; in between they shrink evenly.
FIRST_STEP, LAST_STEP = 0.2, 0.04
SIDE = 768  # of the parts of a picture whose gradients are computed at once


class Found(NamedTuple):
    z: Tensor  # as `LatentCoder.analyse` gives it
    chosen: ChosenSymbols  # as `LatentCoder.write` takes them, with z
    costs: list[float]  # J in bits, without z: of the analysis transform's latent, then of each pass
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
) -> Found:
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
    hyper = coder.hyper_features(z, level)
    problem = _Problem(model, coder, x[:, :, : size[0], : size[1]], z, level)
    target = model.entropy.normalise(y.float())
    costs: list[float] = []
    best: ChosenSymbols | None = None
    for step in [*np.geomspace(FIRST_STEP, LAST_STEP, passes).tolist(), None]:
        chosen = coder.choose(target, hyper, level)
        if fitted and not costs:
            problem.fit_filter(chosen.y_hat)
        squared_error, by_y_hat = problem.distortion(chosen.y_hat, step is not None)
        costs.append(float(chosen.bits.sum()) + problem.weight * squared_error)
        if best is None or costs[-1] < min(costs[:-1]):
            best = chosen
        if step is not None:
            move = step * problem.newton_step(target, chosen, by_y_hat)
            target = target - move.clamp(-problem.inverse_gain, problem.inverse_gain)
    assert best is not None
    if fitted:
        problem.fit_filter(best.y_hat)
    return Found(z, best, costs, problem.correction)


class _Problem:
    """A picture to be coded at a level. Gradients are by y_n, the normalised latent."""

    def __init__(self, model: Ainn, coder: LatentCoder, x: Tensor, z: Tensor, level: float) -> None:
        self.model, self.coder, self.x, self.level = model, coder, x, level
        entropy, self.levels = model.entropy, torch.tensor([level], dtype=torch.float32)
        self.log_gain, self.inverse_gain = entropy.gains(self.levels)
        self.hyper = entropy.hyper_features(z[None].float(), self.log_gain)
        self.latent_weight = entropy.distortion_weight(self.levels)
        self.weight = entropy.error_weight(level)
        self.correction = NOTHING

    def fit_filter(self, y_hat: Tensor) -> None:
        """Fit the filter to y_hat's picture."""
        decoded = torch.empty_like(self.x)
        whole = Area(0, 0, *self.x.shape[2:])
        for part in tiles_of(whole, SIDE):
            window = part.grown_within(whole)
            shown = self.model.decode(y_hat[(..., *window.in_latent().slices())])
            decoded[(..., *part.slices())] = shown[(..., *part.slices(window))]
        picture_filter = self.model.picture_filter
        self.correction = fit(
            picture_filter, self.x, decoded, self.level, self.weight, self.coder.aside_costs
        )

    def distortion(self, y_hat: Tensor, gradient: bool) -> tuple[float, Tensor]:
        """The squared error of y_hat's picture, and its gradient by y_hat (zeros if not asked for).

        Part by part, as in `tiles`: each is decoded with all around that it depends on.
        """
        squared_error, by_y_hat = 0.0, torch.zeros_like(y_hat)
        whole = Area(0, 0, *self.x.shape[2:])
        correction = self.correction.coefficients()
        for part in tiles_of(whole, SIDE):
            window = part.grown_within(whole)
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
