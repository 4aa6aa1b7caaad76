"""The factorized prior of z: for every channel a density of its own, learned as a cumulative.

Source: Ballé et al. 2018 (arXiv 1802.01436), 6.1. Parameters, their names and all figures are those of
CompressAI's `EntropyBottleneck`; importing that takes seconds, of which every coding process would pay
its share.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.codecs import range_coder
from bench.codecs.ainn.layers import lower_bound

INIT_SCALE = 10.0
WIDTHS = (1, 3, 3, 3, 3, 1)  # of the network that gives the cumulative's logits
TAIL_MASS = 1e-9  # outside of the quantiles; symbols there escape
SMALLEST_LIKELIHOOD = 1e-9
SEARCH_RADIUS = 1e5  # that quantiles are looked for in
TABLES = ("_quantized_cdf", "_cdf_length", "_offset")  # buffers that are empty until `make_tables`
_CONSTANTS = ("target", "likelihood_lower_bound.bound")  # that CompressAI keeps in the state


class EntropyBottleneck(nn.Module):
    """Likelihoods and tables of z (N, K, H, W), whose elements are whole numbers when coded."""

    _quantized_cdf: Tensor
    _cdf_length: Tensor
    _offset: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        scale = INIT_SCALE ** (1 / (len(WIDTHS) - 1))
        starts = [math.log(math.expm1(1 / scale / outputs)) for outputs in WIDTHS[1:]]
        self.matrices = nn.ParameterList(
            torch.full((channels, outputs, inputs), start)
            for (inputs, outputs), start in zip(pairwise(WIDTHS), starts, strict=True)
        )
        self.biases = nn.ParameterList(
            torch.empty(channels, outputs, 1).uniform_(-0.5, 0.5) for outputs in WIDTHS[1:]
        )
        self.factors = nn.ParameterList(torch.zeros(channels, outputs, 1) for outputs in WIDTHS[1:-1])
        quantiles = torch.tensor([-INIT_SCALE, 0.0, INIT_SCALE]).repeat(channels, 1, 1)
        self.quantiles = nn.Parameter(quantiles)  # lowest, median, highest; set by `set_quantiles`
        for name in TABLES:
            self.register_buffer(name, torch.empty(0, dtype=torch.int32))

    def likelihood(self, z: Tensor) -> Tensor:
        """Probabilities (N, K, H, W) of [z - 1/2, z + 1/2], at least `SMALLEST_LIKELIHOOD`."""
        n, k, h, w = z.shape
        values = z.transpose(0, 1).reshape(k, 1, n * h * w)
        lower, upper = self._logits(values - 0.5), self._logits(values + 0.5)
        likelihood = torch.sigmoid(upper) - torch.sigmoid(lower)
        return lower_bound(likelihood, SMALLEST_LIKELIHOOD).view(k, n, h, w).transpose(0, 1)

    def tables(self) -> tuple[list[list[int]], list[int], list[int]]:
        """What the range coder takes, a table for every channel: cdfs, their sizes, their first symbols."""
        return self._quantized_cdf.tolist(), self._cdf_length.tolist(), self._offset.tolist()

    @torch.no_grad()
    def set_quantiles(self) -> None:
        """Set the quantiles to whole numbers, between which all but `TAIL_MASS` of the density lies.

        z is rounded to whole numbers, so a table is centred on one.
        """
        tail = math.log(2 / TAIL_MASS - 1)
        for index, logit in enumerate((-tail, 0.0, tail)):
            self.quantiles[:, :, index] = self._inverse_logits(logit)[:, :, 0].round()

    @torch.no_grad()
    def make_tables(self) -> None:
        """Make the range coder's tables of the density between the quantiles."""
        lowest, median, highest = self.quantiles[:, 0].unbind(1)
        below = (median - lowest).ceil().clamp(min=0).int()
        above = (highest - median).ceil().clamp(min=0).int()
        sizes = below + above + 1
        symbols = torch.arange(int(sizes.max())) + (median - below)[:, None, None]
        lower, upper = self._logits(symbols - 0.5), self._logits(symbols + 0.5)
        pmf = (torch.sigmoid(upper) - torch.sigmoid(lower))[:, 0]
        tails = (torch.sigmoid(lower[:, 0, :1]) + torch.sigmoid(-upper[:, 0, -1:]))[:, 0]
        cdfs = torch.zeros(len(sizes), int(sizes.max()) + 2, dtype=torch.int32)
        for channel, size in enumerate(sizes.tolist()):
            row = range_coder.quantized_cdf([*pmf[channel, :size].tolist(), float(tails[channel])])
            cdfs[channel, : len(row)] = torch.tensor(row, dtype=torch.int32)
        self._quantized_cdf, self._cdf_length, self._offset = cdfs, sizes + 2, -below

    def _logits(self, values: Tensor) -> Tensor:
        """Logits (K, 1, P) of the cumulatives at values (K, 1, P)."""
        logits = values
        for index, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            logits = torch.matmul(F.softplus(matrix), logits) + bias
            if index < len(self.factors):
                logits = logits + torch.tanh(self.factors[index]) * torch.tanh(logits)
        return logits

    def _inverse_logits(self, logit: float) -> Tensor:
        """Values (K, 1, 1) at which the cumulatives have this logit, by bisection."""
        low = torch.full((len(self.quantiles), 1, 1), -SEARCH_RADIUS)
        high = -low
        while not torch.isclose(low, high, rtol=1e-4, atol=1e-3).all():
            middle = (low + high) / 2
            there = self._logits(middle)
            low = torch.where(there <= logit, middle, low)
            high = torch.where(there >= logit, middle, high)
        return (low + high) / 2

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in _CONSTANTS:
            state_dict.pop(prefix + name, None)
        super()._load_from_state_dict(state_dict, prefix, *rest)
