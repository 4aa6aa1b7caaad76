"""What metrics have in common that compare a network's features of two pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bench.metrics import weights
from bench.metrics.backbones import Backbone
from bench.metrics.base import RGB, Metric, Score
from bench.metrics.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


class ByNetwork(Metric):
    """From 0, which is equal; lower is better. Features of the original are computed once.

    Attributes:
        backbone: the network, whose weights are torchvision's.
        channels: weights of the network's channels, which the metric's authors trained.
    """

    higher_is_better = False
    backbone: ClassVar[Backbone]
    channels: ClassVar[Weights]

    @abstractmethod
    def features(self, picture: RGB) -> Iterator[Tensor]:
        """Of a picture, stage by stage."""

    @abstractmethod
    def distance(self, reference: Sequence[Tensor], decoded: Iterable[Tensor]) -> float:
        """How far apart the features of two pictures are."""

    @classmethod
    def missing(cls) -> str | None:
        return weights.missing((cls.channels, cls.backbone.weights))

    def against(self, original: RGB) -> Score:
        import torch

        reference: list[Tensor] = []

        def score(decoded: RGB) -> float | None:
            if not self.takes(original):
                return None
            if np.array_equal(decoded, original):
                return 0.0
            with torch.inference_mode():
                if not reference:
                    reference.extend(self.features(original))
                return self.distance(reference, self.features(decoded))

        return score
