"""What the parts of A-INN are worth, those that can be taken from a trained one: BD-rates by real bitstreams.

    python experiments/ainn_parts.py path/to/kodak

Positive: so much more rate without the part. Weights are the ones that ship, and none is trained anew: a
decoder that was trained with a module may miss it more than one that never had it.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import torch
from torch import Tensor

from bench.codecs.ainn.codec import WEIGHTS
from bench.codecs.ainn.entropy import EntropyModel
from bench.codecs.ainn.latent_coder import LatentCoder
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.symbol_tables import symbol_tables
from bench.codecs.ainn.weights import load_weights
from bench.compare.bd import bjontegaard
from bench.core.images import read_rgb

PICTURES = 6
SIDES = (512, 512)  # a part of each, in whole multiples of 64


def parts_of(folder: Path) -> list[Tensor]:
    """Parts of the first pictures of a folder, (1, 3, H, W) in [0, 1]."""
    pictures = [read_rgb(path)[: SIDES[0], : SIDES[1]] for path in sorted(folder.glob("*.png"))[:PICTURES]]
    return [torch.from_numpy(each.copy()).permute(2, 0, 1)[None].float() / 255 for each in pictures]


def without(model: Ainn, modules: tuple[str, ...]) -> Ainn:
    """The same weights, with modules of the decoder left out."""
    bare = Ainn(model.config.with_options(**dict.fromkeys(modules, False)))
    for name in ("decomposition", "transform", "entropy", "synthesis"):
        setattr(bare, name, getattr(model, name))
    if "cfrm" not in modules:
        bare.cfrm = model.cfrm
    if "pdm" not in modules:
        bare.pdms = model.pdms
    return bare.eval()


def main(folder: Path) -> None:
    model = load_weights(WEIGHTS)
    parts = parts_of(folder)
    whole = curve(model, model.entropy, parts)
    rounding = copy.deepcopy(model.entropy)
    channels = len(rounding.latent_std)
    rounding.distortion_weight = lambda level: torch.full((1, channels, 1, 1), 1e9)  # type: ignore[method-assign]
    gaussian = copy.deepcopy(model.entropy)
    gaussian.symbol_tables = symbol_tables()
    variants = {
        "symbols are the nearest": (model, rounding),
        "tables are Gaussian": (model, gaussian),
        "no PDM": (without(model, ("pdm",)), model.entropy),
        "no CFRM": (without(model, ("cfrm",)), model.entropy),
        "neither": (without(model, ("pdm", "cfrm")), model.entropy),
    }
    print("| without | BD-rate, PSNR |")
    print("| --- | ---: |")
    for name, (decoder, entropy) in variants.items():
        found = bjontegaard(*curve(decoder, entropy, parts), *whole)
        told = found.reason if found.bd_rate is None else f"{found.bd_rate:+.2f} %"
        print(f"| {name} | {told} |")


@torch.inference_mode()
def curve(model: Ainn, entropy: EntropyModel, parts: list[Tensor]) -> tuple[list[float], list[float]]:
    """Mean bpp and PSNR of each quality."""
    coder = LatentCoder(entropy)
    rates, psnrs = [], []
    for level in range(len(model.config.lambdas)):
        rate = psnr = 0.0
        for x in parts:
            coded = coder.encode(model.encode(x), level)
            x_hat = model.decode(coded.y_hat).mul(255).round().clamp(0, 255) / 255
            rate += 8 * len(coded.payload) / (x.shape[2] * x.shape[3]) / len(parts)
            psnr += float(-10 * (x_hat - x).square().mean().log10()) / len(parts)
        rates.append(rate)
        psnrs.append(psnr)
    return rates, psnrs


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
