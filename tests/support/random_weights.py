"""Networks of random weights, the same everywhere, in place of those that can't be had as a package."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bench.core.files import sha256_of
from bench.metrics.backbones import ALEXNET, VGG16, Backbone
from bench.metrics.weights import Weights

# Kernels by layer: outputs, inputs, side.
_ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
_VGG16 = {
    0: (64, 3, 3), 2: (64, 64, 3), 5: (128, 64, 3), 7: (128, 128, 3), 10: (256, 128, 3), 12: (256, 256, 3),
    14: (256, 256, 3), 17: (512, 256, 3), 19: (512, 512, 3), 21: (512, 512, 3), 24: (512, 512, 3),
    26: (512, 512, 3), 28: (512, 512, 3),
}  # fmt: skip


def tensors(backbone: Backbone) -> dict[str, torch.Tensor]:
    """Weights that keep the size of features (He's), and biases, by torchvision's names."""
    kernels = {ALEXNET.weights.file: _ALEXNET, VGG16.weights.file: _VGG16}[backbone.weights.file]
    rng = np.random.default_rng(0)
    named: dict[str, torch.Tensor] = {}
    for layer, (outputs, inputs, side) in kernels.items():
        kernel = rng.standard_normal((outputs, inputs, side, side), np.float32)
        kernel *= np.float32(math.sqrt(2 / (inputs * side * side)))
        named[f"features.{layer}.weight"] = torch.from_numpy(kernel)
        bias = rng.standard_normal(outputs, np.float32) * np.float32(0.1)
        named[f"features.{layer}.bias"] = torch.from_numpy(bias)
    return named


def saved(backbone: Backbone, folder: Path) -> Backbone:
    """A backbone whose file of weights holds random ones and lies in a folder."""
    path = folder / backbone.weights.file
    torch.save(tensors(backbone), path)
    return replace(backbone, weights=Weights(path.name, sha256_of(path)))
