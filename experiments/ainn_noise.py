"""What noise on the latent does to the picture, at each quality, and what the decoder takes back out.

    python experiments/ainn_noise.py path/to/kodak

All columns but the first two are PSNR in dB, of the mean over pictures of squared errors:
the noise e on y, on the scale of pixels (what it would be in x if the inverse were orthonormal); the noise as
the bare inverse transform hands it on, J e; and the error in x with all modules, filtered and not, without
PDM, without CFRM, without both. The last line is x through the transform and back with nothing rounded, as
the best quality has it.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from ainn_parts import parts_of, without
from torch import Tensor

from bench.codecs.ainn.codec import WEIGHTS
from bench.codecs.ainn.latent_coder import LatentCoder
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.weights import load_weights

MODULES = {"all modules": (), "no PDM": ("pdm",), "no CFRM": ("cfrm",), "neither": ("pdm", "cfrm")}


def psnr(squared_errors: list[float]) -> str:
    return f"{-10 * math.log10(sum(squared_errors) / len(squared_errors)):.2f}"


def error(x_hat: Tensor, x: Tensor) -> float:
    return float((x_hat.clamp(0, 1) - x).square().mean())


def as_decoded(model: Ainn, y: Tensor, level: int) -> Tensor:
    """y as the decoder's transform would be given it, were it not rounded."""
    return model.entropy.denormalise(model.entropy.normalise(y), torch.tensor([float(level)]))


@torch.inference_mode()
def main(folder: Path) -> None:
    model = load_weights(WEIGHTS)
    coder = LatentCoder(model.entropy)
    variants = {name: without(model, modules) for name, modules in MODULES.items()}
    bare = variants["neither"]
    parts = parts_of(folder)
    latents = [model.encode(x) for x in parts]

    print("| quality | bpp of y | noise on y | J e | filtered | " + " | ".join(MODULES) + " |")
    print("| --- " * (5 + len(MODULES)) + "|")
    for level in range(len(model.config.lambdas)):
        bpp, noise, carried, filtered = [], [], [], []
        errors: dict[str, list[float]] = {name: [] for name in MODULES}
        for x, y_sent in zip(parts, latents, strict=True):
            coded = coder.encode(y_sent, level)
            y = as_decoded(model, y_sent, level)
            bpp.append(8 * len(coded.payload) / (x.shape[2] * x.shape[3]))
            noise.append(float(model.entropy.latent_mse(y, coded.y_hat)))
            carried.append(float((bare.decode(coded.y_hat) - bare.decode(y)).square().mean()))
            for name, variant in variants.items():
                x_hat = variant.decode(coded.y_hat)
                errors[name].append(error(x_hat, x))
                if not MODULES[name]:
                    filtered.append(error(model.picture_filter(x_hat, level), x))
        columns = (noise, carried, filtered, *errors.values())
        cells = [f"{sum(bpp) / len(bpp):.3f}", *map(psnr, columns)]
        print(f"| {level + 1} | " + " | ".join(cells) + " |")
    as_best = [as_decoded(model, y, len(model.config.lambdas) - 1) for y in latents]
    unrounded = [
        psnr([error(variant.decode(y), x) for x, y in zip(parts, as_best, strict=True)])
        for variant in variants.values()
    ]
    print("| not rounded |  |  |  |  | " + " | ".join(unrounded) + " |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
