"""A-INN in training: head start, three phases, export with measured tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.ainn.config import MS_SSIM, AinnConfig
from bench.codecs.ainn.entropy import PIXELS_PER_POSITION
from bench.codecs.ainn.head_start import block_statistics, start_from_statistics
from bench.codecs.ainn.invertible import Coupling
from bench.codecs.ainn.layers import Compilable, Pair
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.picture_filter import PictureFilter, fit
from bench.codecs.ainn.symbol_tables import count_symbols
from bench.codecs.ainn.weights import build, load_weights, save_weights
from bench.training.learner import Coded, Learner
from bench.training.plan import ALL, FIRST
from bench.training.variants import DECODER, NOTHING, Variant

DECODER_SCALES = ("entropy.decoder_scale", "entropy.decoder_shift")  # that fit latents to the decoder


class AinnLearner(Learner):
    """Trains in three phases. The first and the last train the entropy model alone, at a fraction
    of the cost of a full step: on fixed latents, without the decoder. The phase between trains
    everything.
    """

    kind = "ainn"
    axes = ("compile", "side_by_side", *Learner.axes)
    phased = True
    model: Ainn

    def __init__(self, config: AinnConfig, photos: list[NDArray[np.uint8]], seed: int) -> None:
        self.model = Ainn(config)
        start_from_statistics(self.model, *block_statistics(photos, seed))
        self.fresh = True  # the transform has never been trained: it is linear, which costs less

    @property
    def lambdas(self) -> tuple[float, ...]:
        return self.model.config.lambdas

    @property
    def distortion(self) -> str:
        return self.model.config.distortion

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        return self.model.parameter_groups(rate)

    def pictures(self, batch: int, phase: str) -> int:
        """Cheap steps can see more."""
        return batch if phase == ALL else 4 * batch

    def fixed(self, phase: str) -> bool:
        return phase != ALL

    @torch.no_grad()
    def prepared(self, x: Tensor, phase: str, half: bool) -> Tensor:
        """x itself, or its latent y (N, M, H/16, W/16)."""
        if phase == ALL:
            return x
        with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=half):
            return self.model.encode(x, linear=self._linear(phase)).float()

    def use(self, variant: Variant) -> None:
        for module in self.model.modules():
            if isinstance(module, Coupling):
                module.compiled = variant.compile != NOTHING
            elif isinstance(module, Compilable):
                module.compiled = variant.compile == DECODER
            elif isinstance(module, Pair):
                module.side_by_side = variant.side_by_side

    def losses(self, x: Tensor, level: Tensor, phase: str, half: bool) -> Coded:
        """Without the decoder, MSE is the latent's: the picture's if the transform is orthonormal."""
        if phase == ALL:
            with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=half):
                out = self.model(x, level)
            bpp = (out.y_bits + out.z_bits) / (x.shape[2] * x.shape[3])
            return Coded.of(bpp, out.x_hat, x, similarity=self.distortion == MS_SSIM)
        y, entropy = x, self.model.entropy
        latent = entropy(y, level)
        bpp = (latent.y_bits + latent.z_bits) / (PIXELS_PER_POSITION * y.shape[2] * y.shape[3])
        # Errors count as the decoder gets latents, and a trained decoder gets them scaled.
        wanted = y if self._linear(phase) else entropy.denormalise(entropy.normalise(y), level)
        return Coded(bpp, entropy.latent_mse(wanted, latent.y_hat))

    def coded(self, x: Tensor, level: Tensor) -> Coded:
        out = self.model(x, level, rounded=True)
        bpp = (out.y_bits + out.z_bits) / (x.shape[2] * x.shape[3])
        return Coded.of(bpp, out.x_hat.clamp(0, 1), x, similarity=True)

    def export(self, path: Path, training: dict[str, Any], crops: Tensor) -> None:
        save_weights(self.model, path, training, *self._measure(crops))

    def load(self, path: Path) -> None:
        distortion = self.distortion
        self.model = load_weights(path)
        self.model.config = self.model.config.for_distortion(distortion)
        self.fresh = False

    def describe(self) -> dict[str, Any]:
        return {"config": self.model.config.to_dict(), "fresh": self.fresh}

    def restore(self, described: dict[str, Any], state: dict[str, Tensor]) -> None:
        self.model = build(described["config"], state)
        self.fresh = described["fresh"]

    def learns(self, name: str, phase: str) -> bool:
        """While latents are fixed, parameters that scale latents are fixed, too: gains, and what a
        trained decoder wants."""
        if phase == ALL:
            return True
        scales = name.endswith("gain") or (name.startswith(DECODER_SCALES) and not self._linear(phase))
        return name.startswith("entropy.") and not scales

    def _linear(self, phase: str) -> bool:
        """Whether latents are those of the head start, before anything else was trained."""
        return phase == FIRST and self.fresh

    @torch.no_grad()
    def _measure(self, crops: Tensor) -> tuple[Tensor, PictureFilter]:
        """Count symbols by their tables, over all lambdas; and fit the filter of decoded crops."""
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
