"""LPIPS 0.1 (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018): how far apart a network's features are.

Weights of the network are torchvision's; those of its channels come with the authors' package lpips.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.metrics import weights
from bench.metrics.backbones import ALEXNET, VGG16, Backbone, unit_tensor
from bench.metrics.base import RGB
from bench.metrics.by_network import ByNetwork
from bench.metrics.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor

_PACKAGE = ("lpips", "lpips")
_MEAN, _DEVIATION = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of R, G and B from -1 to 1


class Lpips(ByNetwork):
    """LPIPS with AlexNet, which its authors advise: from 0, which is equal; lower is better.

    Calibrated with judgements of patches of 64 x 64 pixels, of BAPPS.
    """

    name = "lpips"
    title = "LPIPS (AlexNet)"
    library = "torch, after its authors' lpips 0.1.4; v0.1, AlexNet"
    summary = "How far apart features of AlexNet are, channels weighted as viewers judged patches."
    backbone = ALEXNET
    channels = Weights(
        "weights/v0.1/alex.pth", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0", _PACKAGE
    )
    min_side = ALEXNET.min_side

    def version(self) -> str:
        return f"LPIPS 0.1, {weights.describe((self.backbone.weights, self.channels))}"

    def features(self, picture: RGB) -> Iterator[Tensor]:
        return _directions(self.backbone, weights.load(self.backbone.weights), picture)

    def distance(self, reference: Sequence[Tensor], decoded: Iterable[Tensor]) -> float:
        import torch

        channels = weights.load(self.channels)
        total = 0.0
        for number, features in enumerate(decoded):
            squares = (features - reference[number]).square_()
            # The mean over all places first, which is the same, as the weighted sum is linear.
            means = squares.mean((2, 3), dtype=torch.float64)[0]
            total += float(means @ channels[f"lin{number}.model.1.weight"].flatten().double())
        return total


class LpipsVgg(Lpips):
    """LPIPS with VGG-16: from 0, which is equal; lower is better."""

    name = "lpips_vgg"
    title = "LPIPS (VGG)"
    library = "torch, after its authors' lpips 0.1.4; v0.1, VGG-16"
    summary = "How far apart features of VGG-16 are, channels weighted as viewers judged patches."
    backbone = VGG16
    channels = Weights(
        "weights/v0.1/vgg.pth", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868", _PACKAGE
    )
    min_side = VGG16.min_side


def _directions(backbone: Backbone, tensors: Mapping[str, Tensor], picture: RGB) -> Iterator[Tensor]:
    """The features of each stage, scaled to a length of 1 at each place; 0 stays 0."""
    import torch
    from torch.nn.functional import max_pool2d

    mean, deviation = (torch.tensor(values)[:, None, None] for values in (_MEAN, _DEVIATION))
    scaled = (2 * unit_tensor(picture) - 1 - mean) / deviation
    for features in backbone.features(tensors, scaled, lambda x: max_pool2d(x, backbone.pool, stride=2)):
        yield features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)
