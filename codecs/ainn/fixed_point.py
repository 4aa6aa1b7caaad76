"""The entropy model in whole numbers: what it predicts is the same on every machine, or nothing would decode.

Weights and activations are rounded to fixed point, `FRACTION` bits after the point, and kept as
whole numbers in float64, where sums below 2^53 are exact whatever their order: matrix products come
out the same with any library, device and number of threads. Bounds are checked when the model is
made. Between the products stand only operations that IEEE 754 defines to the last bit:
multiplication, division, floor, clamp.

Everything here works on one picture: features are (positions, channels).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bench.codecs.ainn.channel_groups import MAX_MAGNITUDE
from bench.codecs.ainn.entropy import SCALE_COUNT, SCALE_MIN, EntropyModel
from bench.codecs.ainn.layers import ENTROPY_SLOPE
from bench.codecs.ainn.symbol_tables import LOG_STEP
from bench.core.errors import BenchError

FRACTION = 16  # bits after the point, of weights, activations, y and log-deviations
GAIN_FRACTION = 24  # of inverse gains, which symbols of up to 2^15 are multiplied by
LARGEST = 2.0 ** (FRACTION + 8)  # activations end at +-256
EXACT = 2.0**53
REACH = 2  # of the context window, in rows and columns

_ONE = 2.0**FRACTION
_LOG_MIN = round(math.log(SCALE_MIN) * _ONE)
_LOG_STEP = round(LOG_STEP * _ONE)


class FixedPointEntropy:
    """Made of a trained model whose weights are in float16, as they are in a weights file."""

    def __init__(self, entropy: EntropyModel) -> None:
        self.log_gain = fixed(entropy.log_gain)  # L, M
        self.inverse_gain = entropy.fixed_inverse_gain.double()  # L, M; GAIN_FRACTION
        self.spans = entropy.groups.spans
        self._synthesis = [
            _conv3x3(layer) for layer in entropy.hyper_synthesis if isinstance(layer, nn.Conv2d)
        ]

        context = entropy.context.weight.permute(2, 1, 0)  # taps, M, features
        self._context = Linear(context.flatten(0, 1), entropy.context.bias)
        self._taps = self._context.weight.view(context.shape)
        groups = entropy.groups
        self._first = Linear(*_matrix(groups.first))
        self._before = [Linear(*_matrix(layer)) for layer in groups.before]
        for layer in self._before:
            layer.weight = self._by_groups(layer.weight)
        self._second = Linear(*_matrix(groups.second))
        self._last = [Linear(weight.flatten(1).T, bias) for weight, bias in map(groups.output, groups.spans)]

    def gains(self, level: float) -> tuple[Tensor, Tensor]:
        """log-gain and inverse gain (M,) at a level in whole thousandths, 0 to L - 1.

        Between lambdas the log-gain, which only scales what is predicted, is not quite
        `EntropyModel`'s: it takes no logarithm.
        """
        thousandths = round(level * 1000)
        below = min(thousandths // 1000, len(self.log_gain) - 1)
        above = min(below + 1, len(self.log_gain) - 1)
        share = thousandths - 1000 * below

        def between(table: Tensor) -> Tensor:
            return torch.floor((table[below] * (1000 - share) + table[above] * share) / 1000 + 0.5)

        return between(self.log_gain), between(self.inverse_gain)

    def hyper_sums(self, z_hat: Tensor, log_gain: Tensor) -> Tensor:
        """z_hat (K, H/4, W/4), whole numbers, to (H * W, width): what the hyperprior adds to `features`."""
        x = (z_hat * _ONE).clamp(-LARGEST, LARGEST)
        for index, layer in enumerate(self._synthesis):
            _, height, width = x.shape
            columns = nn.functional.unfold(x[None], 3, padding=1)[0].T  # positions, 9 * channels
            last = index == len(self._synthesis) - 1
            out = layer(columns) if last else layer.leaky(columns)
            x = out.T.reshape(-1, height, width)
            if index in (0, 2):
                x = nn.functional.pixel_shuffle(x, 2)
        psi = x.flatten(1).T
        rate = torch.floor(log_gain.sum() / len(log_gain) + 0.5)
        hyper = torch.cat((rate.expand(len(psi), 1), psi), dim=1)
        return torch.addmm(self._first.bias, hyper, self._first.weight[: hyper.shape[1]])

    def start_context(self, positions: int) -> Tensor:
        """Sums (positions, features) of the context, before any neighbour was added."""
        return self._context.bias.repeat(positions, 1)

    def add_context(self, sums: Tensor, neighbours: Tensor, taps: slice) -> None:
        """Add what neighbours bring to positions' sums (B, features), in place.

        Args:
            neighbours: (B, number of taps, M), decoded and within +-LARGEST.
            taps: which of `CONTEXT_OFFSETS` they are.
        """
        sums.addmm_(neighbours.flatten(1), self._taps[taps].flatten(0, 1))

    def features(self, hyper: Tensor, context: Tensor) -> Tensor:
        """Shared by groups (B, width): of B positions' `hyper_sums` and their context's sums."""
        context = rounded(context)
        return rounded(torch.addmm(hyper, context, self._first.weight[-context.shape[1] :]))

    def distribution(self, group: int, shared: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-deviation (B, channels of the group).

        Args:
            shared: what `features` gave.
            before: what `known` gives of the groups before, side by side (B, 2 * the group's start).
        """
        hidden = self._before[group - 1](before).add_(shared) if group > 0 else shared.clone()
        hidden = self._second.leaky(rounded_leaky(hidden))
        mean, log_scale = self._last[group](hidden).chunk(2, dim=1)
        return mean, log_scale

    def _by_groups(self, weight: Tensor) -> Tensor:
        """Inputs of a layer of `before` in another order: from all channels, then all magnitudes, to that
        of `known`, group by group."""
        channels = len(weight) // 2
        both = weight.view(2, channels, -1)
        parts = [
            both[:, span.start : span.stop].flatten(0, 1) for span in self.spans if span.stop <= channels
        ]
        return torch.cat(parts)


def known(y: Tensor) -> Tensor:
    """What the next groups are told of a group's y (B, channels): y within bounds, and its magnitudes."""
    bounded = y.clamp(-LARGEST, LARGEST)
    return torch.cat((bounded, bounded.abs().clamp_(max=MAX_MAGNITUDE * _ONE)), dim=1)


class Linear:
    """x (B, inputs) to (B, outputs), rounded to fixed point and kept within bounds.

    Weights are kept divided by 2^FRACTION, and half a step is part of the bias, so that a sum only
    needs to be cut off: powers of two don't change what is exact.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight = fixed(weight).contiguous() / _ONE
        self.bias = fixed(bias) + 0.5
        if _ONE * float((self.weight.abs().sum(0) * LARGEST + self.bias.abs()).max()) >= EXACT:
            raise BenchError("the entropy model's weights are too large to be exact in fixed point")

    def __call__(self, x: Tensor) -> Tensor:
        return rounded(torch.addmm(self.bias, x, self.weight))

    def leaky(self, x: Tensor) -> Tensor:
        """The same, and LeakyReLU behind."""
        return rounded_leaky(torch.addmm(self.bias, x, self.weight))


def rounded(sums: Tensor) -> Tensor:
    """Sums, half a step included, in place to whole numbers within bounds."""
    return sums.floor_().clamp_(-LARGEST, LARGEST)


def rounded_leaky(sums: Tensor) -> Tensor:
    """`rounded`, then LeakyReLU rounded down: whole numbers may be cut off once, behind both."""
    return nn.functional.leaky_relu_(sums, ENTROPY_SLOPE).floor_().clamp_(-LARGEST * ENTROPY_SLOPE, LARGEST)


def fixed(x: Tensor) -> Tensor:
    """The nearest fixed point numbers, as whole numbers in float64."""
    return torch.floor(x.detach().double() * _ONE + 0.5)


def fixed_inverse_gains(log_inverse_gain: Tensor) -> Tensor:
    """Whole numbers (L, M), int32, to be stored: exponentials differ between libraries."""
    gains = log_inverse_gain.detach().double().exp() * 2.0**GAIN_FRACTION
    return gains.round().clamp(1, 2**31 - 1).int()


def add_symbols(mean: Tensor, symbols: Tensor, inverse_gain: Tensor) -> Tensor:
    """y_n of symbols: mean + symbol * inverse gain."""
    steps = inverse_gain * 2.0 ** (FRACTION - GAIN_FRACTION)
    return (symbols * steps).add_(0.5).floor_().add_(mean)


def table_indexes(log_scale: Tensor) -> Tensor:
    """Indexes of the symbol tables that code elements: those of the nearest deviations, on a log scale."""
    nearest = (log_scale - _LOG_MIN).div_(_LOG_STEP).add_(0.5)
    return nearest.clamp_(0, SCALE_COUNT - 1).to(torch.int32)  # which cuts off


def _matrix(conv: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight (inputs, outputs) and bias of a 1x1 convolution."""
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    return conv.weight.flatten(1).T, conv.bias


def _conv3x3(conv: nn.Conv2d) -> Linear:
    return Linear(*_matrix(conv))  # unfold has channels outside and taps inside, as the weight has
