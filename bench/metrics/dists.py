"""DISTS (Ding, Ma, Wang, Simoncelli, 2020): similarity of structure and texture in features of VGG-16.

Weights of the network are torchvision's; those of its channels come with the authors' package dists-pytorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bench.metrics import weights
from bench.metrics.backbones import VGG16, Backbone, unit_tensor
from bench.metrics.base import RGB
from bench.metrics.by_network import ByNetwork
from bench.metrics.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of R, G and B from 0 to 1
_SMALL = 1e-6  # keeps quotients of nothing at 1
_AT_ONCE = 16  # channels whose statistics are taken at once, to be sparing with memory


class Dists(ByNetwork):
    """DISTS: from 0, which is equal; lower is better.

    Pictures are taken at their full size. Its authors calibrated it with KADID-10k, and textures, of pictures
    whose shorter side was scaled to 256 pixels.
    """

    name = "dists"
    title = "DISTS"
    library = "torch, after its authors' dists-pytorch 0.1; at full size"
    summary = "Similarity of structure and of texture in features of VGG-16; forgives texture made anew."
    min_side = VGG16.min_side
    backbone = VGG16
    channels = Weights(
        "weights.pt", "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
        ("dists-pytorch", "DISTS_pytorch"),
    )  # fmt: skip

    def version(self) -> str:
        return f"DISTS 0.1, full size, {weights.describe((self.backbone.weights, self.channels))}"

    def features(self, picture: RGB) -> Iterator[Tensor]:
        return _features(self.backbone, picture)

    def distance(self, reference: Sequence[Tensor], decoded: Iterable[Tensor]) -> float:
        import torch

        pairs = zip(reference, decoded, strict=True)
        similarities = torch.cat([_similarities(x, y) for x, y in pairs], dim=1)  # 2 x channels
        tensors = weights.load(self.channels)
        importance = torch.stack([tensors[name].flatten().double() for name in ("alpha", "beta")])
        return 1 - float((similarities * importance).sum() / importance.sum())


def _features(backbone: Backbone, picture: RGB) -> Iterator[Tensor]:
    """The picture itself, then the features of each stage."""
    import torch

    unit = unit_tensor(picture)
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
    yield unit
    yield from backbone.features(weights.load(backbone.weights), (unit - mean) / deviation, _l2_pool)


def _l2_pool(features: Tensor) -> Tensor:
    """The root of a weighted mean of squares around every second place; it aliases less than a maximum."""
    import torch
    from torch.nn.functional import conv2d

    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    channels = features.shape[1]
    window = torch.outer(line, line).expand(channels, 1, 3, 3)
    return (conv2d(features.square(), window, stride=2, padding=1, groups=channels) + 1e-12).sqrt()


def _similarities(x: Tensor, y: Tensor) -> Tensor:
    """Of texture (means) and of structure (covariance), each from -1 to 1: 2 x channels.

    In float64: in float32 nothing is left of the variance of features that are nearly flat.
    """
    import torch

    rows: list[Tensor] = []
    for some_x, some_y in zip(x[0].split(_AT_ONCE), y[0].split(_AT_ONCE), strict=True):
        a, b = some_x.flatten(1).double(), some_y.flatten(1).double()
        mean_a, mean_b = a.mean(1), b.mean(1)
        texture = (2 * mean_a * mean_b + _SMALL) / (mean_a.square() + mean_b.square() + _SMALL)
        a -= mean_a[:, None]
        b -= mean_b[:, None]
        variances = a.square().mean(1) + b.square().mean(1)
        structure = (2 * (a * b).mean(1) + _SMALL) / (variances + _SMALL)
        rows.append(torch.stack([texture, structure]))
    return torch.cat(rows, dim=1)
