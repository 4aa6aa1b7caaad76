"""A-INN in training: head start, three phases, export with measured tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.ainn.config import AinnConfig
from bench.codecs.ainn.head_start import block_statistics, start_from_statistics
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.picture_filter import PictureFilter, fit
from bench.codecs.ainn.symbol_tables import count_symbols
from bench.codecs.ainn.weights import build, load_weights, save_weights
from bench.training.learner import ALL, FIRST, Learner

DECODER = ("cfrm.", "ms_cfrm.", "pdms.", "synthesis.")  # modules that the encoder has no part in


class AinnLearner(Learner):
    """The first phase trains the entropy model alone, on the linear transform of the head start, at a
    fraction of the cost of a full step; the second trains everything. The last leaves the transform, and so
    the latents, as they are, and trains what follows them, at half the cost: the entropy model on the symbols
    that are really sent, and the decoder's own modules on what the entropy model makes of them.
    """

    kind = "ainn"
    phased = True
    model: Ainn

    def __init__(self, config: AinnConfig, photos: list[NDArray[np.uint8]], seed: int) -> None:
        self.model = Ainn(config)
        start_from_statistics(self.model, *block_statistics(photos, seed))
        self.fresh = True  # the transform has never been trained: what is the identity in it can be left out

    @property
    def lambdas(self) -> tuple[float, ...]:
        return self.model.config.lambdas

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        return self.model.parameter_groups(rate)

    def pictures(self, batch: int, phase: str) -> int:
        """Cheap steps can see more."""
        return 4 * batch if self._apart(phase) else batch

    def losses(self, x: Tensor, level: Tensor, phase: str, half: bool) -> tuple[Tensor, Tensor]:
        """While the transform is orthonormal, the latent's MSE is the picture's but for a constant. Later it
        is no measure: the decoder has learnt what to make of the means."""
        pixels = x.shape[2] * x.shape[3]
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=half):
            if phase == ALL:
                out = self.model(x, level)
                return (out.y_bits + out.z_bits) / pixels, _mse(out.x_hat, x)
            with torch.no_grad():
                y = self.model.encode(x, linear=self._apart(phase)).float()
        latent = self.model.entropy(y, level, rounded=True)
        bpp = (latent.y_bits + latent.z_bits) / pixels
        if self._apart(phase):
            return bpp, self.model.entropy.latent_mse(y, latent.y_hat)
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=half):
            return bpp, _mse(self.model.decode(latent.y_hat), x)

    def coded(self, x: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
        out = self.model(x, level, rounded=True)
        return (out.y_bits + out.z_bits) / (x.shape[2] * x.shape[3]), _mse(out.x_hat.clamp(0, 1), x)

    def export(self, path: Path, training: dict[str, Any], crops: Tensor) -> None:
        save_weights(self.model, path, training, *self._measure(crops))

    def load(self, path: Path) -> None:
        self.model = load_weights(path)
        self.fresh = False

    def describe(self) -> dict[str, Any]:
        return {"config": self.model.config.to_dict(), "fresh": self.fresh}

    def restore(self, described: dict[str, Any], state: dict[str, Tensor]) -> None:
        self.model = build(described["config"], state)
        self.fresh = described["fresh"]

    def learns(self, name: str, phase: str) -> bool:
        """Gains size what is rounded: they stay as they are when the transform does."""
        if phase == ALL:
            return True
        if name.startswith("entropy."):
            return not name.endswith("gain")
        return not self._apart(phase) and name.startswith(DECODER)

    def _apart(self, phase: str) -> bool:
        """Whether the entropy model is trained without the decoder."""
        return phase == FIRST and self.fresh

    @torch.no_grad()
    def _measure(self, crops: Tensor) -> tuple[Tensor, PictureFilter]:
        """What symbols are like at each deviation that is predicted, at every rate; and the filter that
        brings what is decoded nearest to the crops."""
        counts = torch.zeros((), dtype=torch.int64)  # sums of millions, which float32 would round
        fits = []
        latents = [self.model.encode(part) for part in crops.split(16)]
        for level in range(len(self.lambdas)):
            decoded = []
            for y in latents:
                levels = torch.full((len(y),), float(level), device=y.device)
                latent = self.model.entropy(y, levels, rounded=True)
                counts = counts + count_symbols(latent.symbols, latent.log_scales).cpu()
                decoded.append(self.model.decode(latent.y_hat))
            fits.append(fit(crops, torch.cat(decoded)))
        return counts, PictureFilter.of(fits)


def _mse(x_hat: Tensor, x: Tensor) -> Tensor:
    return (x_hat.float() - x).square().mean((1, 2, 3))
