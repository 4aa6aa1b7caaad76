"""Rates and latents: gain units, hyperprior, context model, and one Gaussian per element of y.

The joint hyperprior and autoregressive model of Minnen et al. 2018 (arXiv 1809.02736) in the shape
of Cheng et al. 2020, with the gain units of Cui et al. 2021 (arXiv 2003.02012): one model for all
rates. All of it works on the *normalised* latent (zero mean and unit deviation per channel, by
constants measured when training starts), so that its inputs and outputs are of order one at every
rate:

    y_n = (y - mean) / std          normalised latent
    mu, sigma                       predicted for y_n by hyperprior, context and the channels before
    s   = (y_n - mu) * gain[level], rounded as `choose_symbols` does: the symbols, coded with sigma * gain
    y_hat_n = mu + s * inverse_gain[level]
    y_hat = y_hat_n * std * scale[level] + mean + shift[level]     what the decoder's transform is given

Shapes: y is N, M, H, W (1/16 of the picture's sides), z is N, K, H/4, W/4; H and W multiples of 4.
This is the model that is trained; `fixed_point.py` is its twin in integers, which codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.codecs.ainn.bottleneck import SMALLEST_LIKELIHOOD, EntropyBottleneck
from bench.codecs.ainn.channel_groups import ChannelGroups
from bench.codecs.ainn.config import TRANSFORM_CHANNELS, AinnConfig, mse_weight
from bench.codecs.ainn.layers import ENTROPY_SLOPE, lower_bound
from bench.codecs.ainn.quantise import choose_symbols, slopes

PIXELS_PER_POSITION = 256  # a position of y stands for 16x16 pixels
SCALE_MIN = 0.11  # smallest deviation that the range coder has a table for (Ballé 2018)
SCALE_MAX = 128.0
SCALE_COUNT = 96  # deviations that have a table, from SCALE_MIN to SCALE_MAX on a logarithmic scale
# The causal half of a 5x5 window in scan order: offsets (row, column) of decoded neighbours.
CONTEXT_OFFSETS = tuple((dy, dx) for dy in (-2, -1, 0) for dx in range(-2, 3) if (dy, dx) < (0, 0))
# Passes until a latent's context is that of decoding. Noisy neighbours hold more than decoded ones:
# after one pass the rate is estimated too low, the more so the lower the rate, and a model learns
# to rely on that.
CONTEXT_PASSES = 6
# Whole numbers of the model's state: tables of y's symbols and inverse gains (`fixed_point`).
EXPORTED = ("symbol_tables", "fixed_inverse_gain")


class Latent(NamedTuple):
    """What training needs of a batch of latents."""

    y_hat: Tensor  # N, M, H, W: as the decoder gets it, with gradients as `slopes` has them
    y_bits: Tensor  # N: estimated bits of y in each picture
    z_bits: Tensor  # N: estimated bits of z in each picture
    symbols: Tensor  # N, M, H, W: of y
    log_scales: Tensor  # N, M, H, W: of the deviations that were predicted for them


class EntropyModel(nn.Module):
    """See the module's text. A level is a position among the lambdas, 0 to L - 1, whole or between
    two of them; `level` is a tensor (N,), one for each picture.
    """

    log_inverse_gain: nn.Parameter | None
    decoder_scale: nn.Parameter | None
    decoder_shift: nn.Parameter | None
    latent_mean: Tensor
    latent_std: Tensor
    log_lambdas: Tensor
    symbol_tables: Tensor
    fixed_inverse_gain: Tensor

    def __init__(self, config: AinnConfig) -> None:
        super().__init__()
        m, k, features = config.latent_channels, config.hyper_channels, config.context_channels
        levels = len(config.lambdas)  # L
        self.register_buffer("latent_mean", torch.zeros(m))
        self.register_buffer("latent_std", torch.ones(m))
        self.log_gain = nn.Parameter(torch.zeros(levels, m))
        apart = None if config.tied_gains else nn.Parameter(torch.zeros(levels, m))
        self.register_parameter("log_inverse_gain", apart)
        for name, start in (("decoder_scale", 1.0), ("decoder_shift", 0.0)):
            affine = nn.Parameter(torch.full((levels, m), start)) if config.decoder_scale else None
            self.register_parameter(name, affine)
        self.hyper_analysis = nn.Sequential(
            nn.Conv2d(m, k, 3, padding=1),
            nn.LeakyReLU(ENTROPY_SLOPE),
            nn.Conv2d(k, k, 3, padding=1, stride=2),
            nn.LeakyReLU(ENTROPY_SLOPE),
            nn.Conv2d(k, k, 3, padding=1),
            nn.LeakyReLU(ENTROPY_SLOPE),
            nn.Conv2d(k, k, 3, padding=1, stride=2),
        )
        self.hyper_synthesis = nn.Sequential(
            nn.Conv2d(k, 4 * k, 3, padding=1),
            nn.PixelShuffle(2),
            nn.LeakyReLU(ENTROPY_SLOPE),
            nn.Conv2d(k, k, 3, padding=1),
            nn.LeakyReLU(ENTROPY_SLOPE),
            nn.Conv2d(k, 4 * k, 3, padding=1),
            nn.PixelShuffle(2),
            nn.LeakyReLU(ENTROPY_SLOPE),
            nn.Conv2d(k, features, 3, padding=1),
        )
        self.bottleneck = EntropyBottleneck(k)
        self.context = MaskedContext(m, features)
        self.groups = ChannelGroups(2 * features + 1, config)
        # What coding takes instead of numbers computed anew: empty until the model is exported.
        for name in EXPORTED:
            self.register_buffer(name, torch.empty(0, dtype=torch.int32))
        self.register_buffer("log_lambdas", torch.tensor(config.mse_lambdas).log(), persistent=False)
        self.start_gains(config)

    def start_gains(self, config: AinnConfig) -> None:
        """Set each gain so that the rounding step is the one its lambda asks for, given `latent_std`.

        At high rate dD/dR of a uniform quantiser gives step^2 = 36 / (lambda 255^2 2 ln 2) for an
        orthonormal transform of pixels in [0, 1]; the squeeze shrinks y by sqrt(768 / M) against
        it.
        """
        shrink = math.sqrt(TRANSFORM_CHANNELS / config.latent_channels)
        for level, value in enumerate(config.mse_lambdas):
            step = math.sqrt(36 / (mse_weight(value) * 2 * math.log(2)))
            self.log_gain.data[level] = torch.log(self.latent_std * shrink / step)
        if self.log_inverse_gain is not None:
            self.log_inverse_gain.data = -self.log_gain.data

    def forward(self, y: Tensor, level: Tensor, rounded: bool = False) -> Latent:
        """Training's view of coding y: the symbols that would be sent, and what they cost.

        Gradients of both are as `slopes` has them. The rate of z is that with uniform noise, or
        with `rounded` that of the whole numbers that would be coded.
        """
        y_n = self.normalise(y.float())
        log_gain, inverse_gain = self.gains(level)
        gain = log_gain.exp()
        costs = gain, inverse_gain, self.distortion_weight(level)

        z = self.hyper_analysis(y_n)
        z_hat = _with_slope(z.round(), z, 1.0)
        z_likelihood = self.bottleneck.likelihood(z_hat if rounded else z + torch.rand_like(z) - 0.5)
        hyper = self.hyper_features(z_hat, log_gain)
        # Decoding goes position by position, each from what was decoded before. Passes over all
        # come near it, as every pass sees the neighbours that the pass before decoded; the first
        # sees noisy ones.
        with torch.no_grad():
            decoded = y_n + (torch.rand_like(y_n) - 0.5) / gain
            for _ in range(CONTEXT_PASSES):
                guess, log_scale = self.distribution(hyper, decoded)
                scale = (log_scale + log_gain).exp()
                decoded = guess + choose_symbols(y_n - guess, *costs, _bits(scale)) * inverse_gain
        mean, log_scale = self.distribution(hyper, _with_slope(decoded, y_n, 1.0))

        log_scale = log_scale + log_gain  # of symbols
        scale, residual = log_scale.exp(), y_n - mean
        with torch.no_grad():
            symbols = choose_symbols(residual, *costs, _bits(scale))
            symbol_slope, bits_slope = slopes(residual, *costs, _bits(scale))
        scaled = residual * gain
        y_bits = _with_slope(gaussian_bits(symbols, scale), scaled, bits_slope)
        y_hat = mean + _with_slope(symbols, scaled, symbol_slope) * inverse_gain
        z_bits = -torch.log2(z_likelihood)
        bits = y_bits.sum((1, 2, 3)), z_bits.sum((1, 2, 3))
        return Latent(self.denormalise(y_hat, level), *bits, symbols, log_scale.detach())

    def latent_mse(self, y: Tensor, y_hat: Tensor) -> Tensor:
        """(N,): the error that y_hat brings into the pixels if the transform is orthonormal."""
        # The squeeze averages 768 / M channels, so y is smaller than they by the root of that.
        return (y - y_hat).square().sum(1).mean((1, 2)) / y.shape[1]

    def distortion_weight(self, level: Tensor) -> Tensor:
        """(N, M, 1, 1): what a squared error of one in y_n is worth in bits: lambda 255^2 times its MSE."""
        per_element = PIXELS_PER_POSITION * self.decoder_std(level).square() / len(self.latent_std)
        return mse_weight(self.lambda_at(level)) * per_element

    def error_weight(self, level: float) -> float:
        """Bits that a squared error of one sample is worth: the MSE is a mean over three colours."""
        return mse_weight(float(self.lambda_at(torch.tensor([level], dtype=torch.float32)))) / 3

    def lambda_at(self, level: Tensor) -> Tensor:
        """(N, 1, 1, 1): the lambda of MSE; between two lambdas their geometric mean."""
        return self._between(self.log_lambdas[:, None], level).exp()

    def normalise(self, y: Tensor) -> Tensor:
        return (y - self.latent_mean[:, None, None]) / self.latent_std[:, None, None]

    def denormalise(self, y_n: Tensor, level: Tensor) -> Tensor:
        """y_n (N, M, H, W) as the decoder's transform is given it."""
        return y_n * self.decoder_std(level) + self._decoder_mean(level)

    def normalised(self, y_hat: Tensor, level: Tensor) -> Tensor:
        """The inverse of `denormalise`."""
        return (y_hat - self._decoder_mean(level)) / self.decoder_std(level)

    def _decoder_mean(self, level: Tensor) -> Tensor:
        mean = self.latent_mean[:, None, None]
        return mean if self.decoder_shift is None else mean + self._between(self.decoder_shift, level)

    def decoder_std(self, level: Tensor) -> Tensor:
        """(N, M, 1, 1) or (1, M, 1, 1): what y_n is multiplied by for the decoder's transform."""
        std = self.latent_std[None, :, None, None]
        return std if self.decoder_scale is None else std * self._between(self.decoder_scale, level)

    def gains(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """log-gain and inverse gain (N, M, 1, 1): steps are interpolated between the lambdas on both sides.

        Linearly, as the decoder's are whole numbers (`FixedPointEntropy`).
        """
        log_gain = -self._between((-self.log_gain).exp(), level).log()
        return log_gain, self._between(self.log_steps.exp(), level)

    @property
    def log_steps(self) -> Tensor:
        """(L, M): logarithms of the decoder's gains, by which a symbol adds to the mean."""
        return -self.log_gain if self.log_inverse_gain is None else self.log_inverse_gain

    def hyper_features(self, z_hat: Tensor, log_gain: Tensor) -> Tensor:
        """(N, features + 1, H, W): a plane with the mean log-gain, and features of z_hat."""
        psi = self.hyper_synthesis(z_hat)
        rate = log_gain.mean(1, keepdim=True).expand(-1, 1, *psi.shape[2:])
        return torch.cat((rate, psi), dim=1)

    def distribution(self, hyper: Tensor, decoded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-deviation (N, M, H, W) of y_n, of an element by what is decoded before it."""
        mean, log_scale = self.groups(torch.cat((hyper, self.context(decoded)), dim=1), decoded)
        return mean, log_scale

    def _between(self, table: Tensor, level: Tensor) -> Tensor:
        """Rows of a table (L, C) at these levels, (N, C, 1, 1); between two levels in proportion."""
        last = len(table) - 1
        below = level.floor().long().clamp(0, last)
        above, share = (below + 1).clamp(max=last), (level - below).to(table.dtype)
        return torch.lerp(table[below], table[above], share[:, None])[:, :, None, None]


class MaskedContext(nn.Module):
    """5x5 convolution over what is decoded already: N, M, H, W to N, features, H, W.

    Only the 12 weights of the causal window exist; decoding applies them to gathered neighbours.
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        taps = len(CONTEXT_OFFSETS)
        self.weight = nn.Parameter(torch.empty(features, channels, taps))
        self.bias = nn.Parameter(torch.zeros(features))
        nn.init.normal_(self.weight, std=1 / math.sqrt(channels * taps))

    def forward(self, y: Tensor) -> Tensor:
        features, channels, taps = self.weight.shape
        kernel = F.pad(self.weight, (0, 25 - taps)).view(features, channels, 5, 5)
        return F.conv2d(y, kernel, self.bias, padding=2)


def gaussian_bits(x: Tensor, scale: Tensor) -> Tensor:
    """Bits of x under a zero-mean Gaussian of this deviation, integrated over [x - 1/2, x + 1/2]."""
    scale = lower_bound(scale, SCALE_MIN)
    x = x.abs()
    likelihood = _phi((0.5 - x) / scale) - _phi((-0.5 - x) / scale)
    return -torch.log2(lower_bound(likelihood, SMALLEST_LIKELIHOOD))


def _with_slope(value: Tensor, x: Tensor, slope: Tensor | float) -> Tensor:
    """`value`, with this gradient by x beside its own."""
    through = slope * x
    return value + (through - through.detach())


def _bits(scale: Tensor) -> Callable[[Tensor, Any], Tensor]:
    """The function `bits` that `choose_symbols` takes."""
    return lambda symbols, index: gaussian_bits(symbols, scale[index])


def _phi(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(-x * math.sqrt(0.5))
