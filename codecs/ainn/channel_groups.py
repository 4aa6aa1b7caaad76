"""Predict y's Gaussians, one group of channels after the other, from the channels that are decoded.

Channels of one position depend on one another: where the coarse ones are large, the fine ones are,
too. So the network of a group takes the channels before the group, and their magnitudes
(convolutions are slow to derive these from signed values). One group alone is the paper's parameter
network. Several groups are the channel-conditional coding of Minnen and Singh 2020 (arXiv
2007.08739) inside each position of the context model.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.codecs.ainn.config import AinnConfig
from bench.codecs.ainn.layers import ENTROPY_SLOPE, zeroed

MAX_MAGNITUDE = 4.0  # in deviations of the channel; larger values are clipped to this


class Span(NamedTuple):
    """Channels ``start`` to ``stop`` of y, which are coded at once."""

    start: int
    stop: int


class ChannelGroups(nn.Module):
    """Features (N, F, H, W) and decoded y (N, M, H, W) to mean and log-deviation (N, M, H, W) of y.

    Three 1x1 convolutions with LeakyReLU between, shared by all groups except for the rows of the
    last. The channels before a group enter after the first convolution. Fresh weights give mean 0
    and deviation 1.
    """

    def __init__(self, features: int, config: AinnConfig) -> None:
        super().__init__()
        width = config.parameters_width
        self.spans = spans(config.channel_groups)
        self.first = nn.Conv2d(features, width, 1)
        self.before = nn.ModuleList(zeroed(nn.Conv2d(2 * span.start, width, 1)) for span in self.spans[1:])
        self.second = nn.Conv2d(width, width, 1)
        self.last = zeroed(nn.Conv2d(width, 2 * config.latent_channels, 1))

    def forward(self, features: Tensor, decoded: Tensor) -> tuple[Tensor, Tensor]:
        shared = self.first(features)
        means, log_scales = [], []
        for index, span in enumerate(self.spans):
            hidden = shared
            if index > 0:
                hidden = hidden + self.before[index - 1](with_magnitudes(decoded[:, : span.start]))
            hidden = F.leaky_relu(hidden, ENTROPY_SLOPE)
            hidden = F.leaky_relu(self.second(hidden), ENTROPY_SLOPE)
            weight, bias = self.output(span)
            mean, log_scale = F.conv2d(hidden, weight, bias).chunk(2, dim=1)
            means.append(mean)
            log_scales.append(log_scale)
        return torch.cat(means, dim=1), torch.cat(log_scales, dim=1)

    def output(self, span: Span) -> tuple[Tensor, Tensor]:
        """Weight and bias of the last convolution's rows for a group: its means, then its log-deviations."""
        channels = self.last.weight.shape[0] // 2
        parts = (slice(span.start, span.stop), slice(channels + span.start, channels + span.stop))
        assert self.last.bias is not None
        weight, bias = (
            torch.cat([values[part] for part in parts]) for values in (self.last.weight, self.last.bias)
        )
        return weight, bias


def spans(sizes: tuple[int, ...]) -> list[Span]:
    """Spans of groups of these sizes, one behind the other.

    >>> spans((8, 24))
    [Span(start=0, stop=8), Span(start=8, stop=32)]
    """
    stops = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    return [Span(stop - size, stop) for size, stop in zip(sizes, stops, strict=True)]


def with_magnitudes(decoded: Tensor, limit: float = MAX_MAGNITUDE) -> Tensor:
    """Append the magnitudes of channels, up to a limit: (N, C, ...) to (N, 2 C, ...)."""
    return torch.cat((decoded, decoded.abs().clamp(max=limit)), dim=1)
