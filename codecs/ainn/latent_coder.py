"""Latent to bytes and back: z by its tables, then y by the Gaussians that context and hyperprior predict.

The context model looks at a 5x5 causal window, so a position needs its neighbours above up to two
columns to the right: all positions with the same ``column + 3 * row`` can be coded at once. A picture
of H x W latents takes W + 3 (H - 1) such wavefronts, with the same result as position by position.

Encoder and decoder run the very same steps in float64: where a deviation falls among the range
coder's tables must come out the same on both sides, or all that follows is garbage.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import erfc
from torch import Tensor

from bench.codecs.ainn.entropy import (
    CONTEXT_OFFSETS,
    SCALE_LEVELS,
    SCALE_MAX,
    SCALE_MIN,
    EntropyModel,
    gaussian_bits,
)
from bench.codecs.base import CodecError
from bench.codecs.compressai_import import compressai

_PRECISION = 16  # bits of the range coder's probabilities
_TAIL = 1e-9  # mass of a Gaussian that is coded by an escape
_LOG_STEP = math.log(SCALE_MAX / SCALE_MIN) / (SCALE_LEVELS - 1)
_LARGEST_SYMBOL = 1 << 15
_REACH = 2  # of the context window, in rows and columns


class CodedLatent(NamedTuple):
    payload: bytes
    y_hat: Tensor  # 1, M, H, W, float32
    symbols: Tensor  # H * W, M: the integers that were coded
    estimated_bits: float  # of y and z, by the model's likelihoods


class DecodedLatent(NamedTuple):
    y_hat: Tensor
    symbols: Tensor


class _Tables(NamedTuple):
    """Quantised cumulative distributions as the range coder takes them."""

    cdfs: list[list[int]]
    sizes: list[int]
    offsets: list[int]


class LatentCoder:
    """Codes latents with a trained entropy model."""

    def __init__(self, entropy: EntropyModel) -> None:
        self.model = copy.deepcopy(entropy).double().eval().requires_grad_(False)
        bottleneck = entropy.bottleneck
        self._z_tables = _Tables(
            bottleneck._quantized_cdf.tolist(), bottleneck._cdf_length.tolist(), bottleneck._offset.tolist()
        )
        self._y_tables = _gaussian_tables()
        self._layers = [
            (layer.weight.flatten(1).T.contiguous(), layer.bias)
            for layer in self.model.parameters_net
            if isinstance(layer, torch.nn.Conv2d) and layer.bias is not None
        ]
        weight = self.model.context.weight  # features, M, taps
        self._context = weight.permute(2, 1, 0).reshape(-1, weight.shape[0]).contiguous()

    @torch.no_grad()
    def encode(self, y: Tensor, quality: float) -> CodedLatent:
        """y (1, M, H, W), H and W multiples of 4, to bytes."""
        encoder = compressai().ans.BufferedRansEncoder()
        y_n = self.model.normalise(y.double())
        z = self.model.hyper_analysis(y_n).round().clamp(-_LARGEST_SYMBOL, _LARGEST_SYMBOL)
        encoder.encode_with_indexes(_integers(z), _z_indexes(z.shape), *self._z_tables)

        height, width = y.shape[2:]
        target = y_n[0].permute(1, 2, 0).reshape(height * width, -1)
        symbols = torch.zeros_like(target)
        bits = torch.zeros((), dtype=torch.float64)

        def code(positions: Tensor, mean: Tensor, log_scale: Tensor, gain: Tensor) -> Tensor:
            found = ((target[positions] - mean) * gain).round_().clamp_(-_LARGEST_SYMBOL, _LARGEST_SYMBOL)
            encoder.encode_with_indexes(_integers(found), _indexes(log_scale), *self._y_tables)
            symbols[positions] = found
            # The range coder gives no symbol, however rare, less than 2^-16.
            bits.add_(gaussian_bits(found, log_scale.exp()).clamp_(max=_PRECISION).sum())
            return found

        y_hat = self._sweep(z, quality, (height, width), code)
        bits -= torch.log2(self.model.z_likelihood(z)).sum()
        return CodedLatent(encoder.flush(), y_hat, symbols, float(bits))

    @torch.no_grad()
    def decode(self, payload: bytes, size: tuple[int, int], quality: float) -> DecodedLatent:
        """Bytes to y_hat (1, M, H, W), given H and W."""
        height, width = size
        channels = self._layers[-1][1].shape[0] // 2
        decoder = compressai().ans.RansDecoder()
        # The range decoder doesn't look where its bytes end: zeros behind them end any misreading.
        decoder.set_stream(payload + bytes(16 * len(payload) + 8 * channels * height * width + 64))

        def read(shape: tuple[int, ...], indexes: list[int], tables: _Tables) -> Tensor:
            values = torch.tensor(decoder.decode_stream(indexes, *tables), dtype=torch.float64)
            if values.abs().max() > _LARGEST_SYMBOL:
                raise CodecError("the A-INN bitstream is damaged; it decodes to values out of range")
            return values.view(shape)

        z_shape = (1, len(self._z_tables.sizes), height // 4, width // 4)
        z = read(z_shape, _z_indexes(z_shape), self._z_tables)
        symbols = torch.zeros(height * width, channels, dtype=torch.float64)

        def code(positions: Tensor, mean: Tensor, log_scale: Tensor, gain: Tensor) -> Tensor:
            found = read(tuple(mean.shape), _indexes(log_scale), self._y_tables)
            symbols[positions] = found
            return found

        y_hat = self._sweep(z, quality, size, code)
        return DecodedLatent(y_hat, symbols)

    def _sweep(
        self,
        z_hat: Tensor,
        quality: float,
        size: tuple[int, int],
        code: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    ) -> Tensor:
        """Wavefront by wavefront: predict, code (or read) the symbols, reconstruct. Returns y_hat."""
        height, width = size
        log_gain, inverse_gain = self.model.gains(torch.tensor([quality], dtype=torch.float64))
        hyper = self.model.hyper_features(z_hat, log_gain)[0].permute(1, 2, 0).reshape(height * width, -1)
        log_gain, inverse_gain = log_gain.flatten(), inverse_gain.flatten()
        gain = log_gain.exp()
        stride = width + 2 * _REACH
        taps = torch.tensor([dy * stride + dx for dy, dx in CONTEXT_OFFSETS])
        # Decoded y_hat_n, with a margin of zeros that the window may look into.
        decoded = torch.zeros((height + _REACH) * stride, gain.numel(), dtype=torch.float64)
        for rows, columns in _wavefronts(height, width):
            positions = rows * width + columns
            margined = (rows + _REACH) * stride + columns + _REACH
            window = decoded[margined[:, None] + taps].flatten(1)
            context = torch.addmm(self.model.context.bias, window, self._context)
            mean, log_scale = self._distribution(torch.cat((hyper[positions], context), dim=1))
            symbols = code(positions, mean, log_scale + log_gain, gain)
            decoded[margined] = mean + symbols * inverse_gain
        grid = decoded.view(height + _REACH, stride, -1)[_REACH:, _REACH : _REACH + width]
        return self.model.denormalise(grid.permute(2, 0, 1))[None].float()

    def _distribution(self, features: Tensor) -> tuple[Tensor, Tensor]:
        for index, (weight, bias) in enumerate(self._layers):
            features = torch.addmm(bias, features, weight)
            if index < len(self._layers) - 1:
                features = torch.nn.functional.leaky_relu(features)
        mean, log_scale = features.chunk(2, dim=1)
        return mean, log_scale


def _wavefronts(height: int, width: int) -> list[tuple[Tensor, Tensor]]:
    """Rows and columns of the positions with the same ``column + 3 * row``, in order."""
    fronts = []
    for front in range(width + 3 * (height - 1)):
        rows = torch.arange(max(0, -((width - 1 - front) // 3)), min(height - 1, front // 3) + 1)
        fronts.append((rows, front - 3 * rows))
    return fronts


def _indexes(log_scale: Tensor) -> list[int]:
    """Which Gaussian table: the nearest deviation, on a logarithmic scale."""
    index = ((log_scale - math.log(SCALE_MIN)) / _LOG_STEP).round_().clamp_(0, SCALE_LEVELS - 1)
    return _integers(index)


def _z_indexes(shape: Any) -> list[int]:
    """Which table of z: that of the channel."""
    _, channels, height, width = shape
    return np.repeat(np.arange(channels), height * width).tolist()  # type: ignore[no-any-return]


def _integers(values: Tensor) -> list[int]:
    return values.flatten().to(torch.int32).tolist()  # type: ignore[no-any-return]


def _gaussian_tables() -> _Tables:
    """Integrals of zero-mean Gaussians over unit intervals, for each of the deviations."""
    rows, sizes, offsets = [], [], []
    quantile = 6.2  # deviations, beyond which _TAIL / 2 lies on either side
    for level in range(SCALE_LEVELS):
        scale = SCALE_MIN * math.exp(level * _LOG_STEP)
        reach = math.ceil(quantile * scale)
        edges = np.arange(-reach, reach + 2) - 0.5
        pmf = np.diff(_normal_cdf(edges / scale))
        cdf = compressai()._CXX.pmf_to_quantized_cdf([*pmf.tolist(), _TAIL], _PRECISION)
        rows.append(list(cdf))
        sizes.append(len(cdf))
        offsets.append(-reach)
    longest = max(sizes)
    return _Tables([row + [0] * (longest - len(row)) for row in rows], sizes, offsets)


def _normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.5 * erfc(-x / math.sqrt(2))  # type: ignore[no-any-return]
