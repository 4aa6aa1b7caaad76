"""Features of pictures by networks trained on ImageNet: AlexNet and VGG-16, as torchvision has them.

Only the convolutions are there, each followed by a ReLU. They are written here because torchvision, and the
packages of LPIPS and DISTS, download weights when their networks are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.metrics.base import RGB
from bench.metrics.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Backbone:
    """Stages of convolutions. The features of a stage are those after its last ReLU.

    Args:
        weights: torchvision's file.
        stages: the numbers of a stage's convolutions in torchvision's list of layers.
        pooled: the stages before which features are made smaller.
        pool: the side of the windows whose maximum torchvision's network takes there, two apart.
        first: stride and padding of the first convolution. All others have stride 1 and keep the size.
        min_side: of a picture that has features at every stage, in pixels.
    """

    weights: Weights
    stages: tuple[tuple[int, ...], ...]
    pooled: tuple[int, ...]
    pool: int
    first: tuple[int, int]
    min_side: int

    def features(
        self, tensors: Mapping[str, Tensor], picture: Tensor, pool: Callable[[Tensor], Tensor]
    ) -> Iterator[Tensor]:
        """The features of each stage, 1 x channels x height x width.

        Args:
            tensors: of `weights`.
            picture: 1 x 3 x height x width, scaled as the network has to have it.
            pool: makes features half as large, in each direction.
        """
        from torch.nn.functional import conv2d

        for number, stage in enumerate(self.stages):
            if number in self.pooled:
                picture = pool(picture)
            for layer in stage:
                kernel, bias = tensors[f"features.{layer}.weight"], tensors[f"features.{layer}.bias"]
                stride, padding = (1, kernel.shape[-1] // 2) if layer else self.first
                picture = conv2d(picture, kernel, bias, stride, padding).relu()
            yield picture


ALEXNET = Backbone(
    Weights("alexnet-owt-7be5be79.pth", "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"),
    stages=((0,), (3,), (6,), (8,), (10,)),
    pooled=(1, 2),
    pool=3,
    first=(4, 2),
    min_side=31,
)
VGG16 = Backbone(
    Weights("vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),
    stages=((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)),
    pooled=(1, 2, 3, 4),
    pool=2,
    first=(1, 1),
    min_side=16,
)


def unit_tensor(picture: RGB) -> Tensor:
    """sRGB as numbers from 0 to 1, 1 x 3 x height x width."""
    import numpy as np
    import torch

    return torch.from_numpy(np.array(picture.transpose(2, 0, 1), np.float32))[None] / 255
