"""Figures of LPIPS and DISTS by their authors' packages with random weights, for the tests:
tests/data/random_weights_references.json.

    pip install --no-deps lpips dists-pytorch
    python experiments/random_weights_references.py

The networks' own weights can't be had as a package. Random ones show as well whether a metric computes what
its authors' package does. The weights of channels are the authors'. All is computed in float64.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
import random_weights
from scored import RANDOM_REFERENCES, fingerprint, pair

from bench.core import torchvision_cpu
from bench.metrics.backbones import ALEXNET, VGG16

CROPS = ((20, 100, 257, 329), (100, 50, 200, 211), (120, 60, 161, 161))
CHANGES = ("jpeg 10", "jpeg 75", "noise 10", "blur", "darker 20")
Picture = np.ndarray[Any, np.dtype[np.uint8]]
Measure = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def main() -> None:
    warnings.simplefilter("ignore")  # torchvision's, of arguments that the packages still use
    torchvision_cpu.make_importable()
    measures = dict(authors())
    pairs = []
    for crop in CROPS:
        for change in CHANGES:
            recipe = {"picture": "coffee", "crop": crop, "change": change}
            original, decoded = pair(recipe)
            scores = {
                name: float(measure(unit(original), unit(decoded))) for name, measure in measures.items()
            }
            pairs.append(
                {**recipe, "sha256": [fingerprint(original), fingerprint(decoded)], "scores": scores}
            )
    packages = {"lpips": "lpips", "lpips_vgg": "lpips", "dists": "dists-pytorch"}
    sources = {name: f"{package} {version(package)}, random weights" for name, package in packages.items()}
    lines = ",\n".join(json.dumps(line) for line in pairs)
    RANDOM_REFERENCES.write_text(f'{{"sources": {json.dumps(sources, indent=1)},\n"pairs": [\n{lines}\n]}}\n')


def authors() -> Iterator[tuple[str, Measure]]:
    """Each metric as its authors' package computes it of two pictures from 0 to 1, in float64."""
    import lpips
    from torchvision import models

    for name, net, backbone in (("lpips", "alex", ALEXNET), ("lpips_vgg", "vgg", VGG16)):
        model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
        put(model.net, random_weights.tensors(backbone))
        yield name, normalised(model.double())
    made = models.vgg16
    models.vgg16 = lambda pretrained: made(weights=None)  # the package would download weights
    from DISTS_pytorch import DISTS

    model = DISTS()
    put(model, random_weights.tensors(VGG16))
    yield "dists", model.double()


def normalised(model: Any) -> Measure:
    return lambda original, decoded: model(original, decoded, normalize=True)


def put(model: torch.nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Weights into modules that are named by the number of a layer, whatever holds them."""
    there = dict(model.named_parameters())
    layers = {name.split(".", 1)[1]: name for name in there if name[:5] in ("slice", "stage")}
    assert len(layers) == len(tensors)
    for name, tensor in tensors.items():
        there[layers[name.removeprefix("features.")]].data.copy_(tensor)


def unit(picture: Picture) -> torch.Tensor:
    return torch.from_numpy(picture.transpose(2, 0, 1) / 255.0)[None]


if __name__ == "__main__":
    main()
