"""Rates and latents: gain units, hyperprior, context model, and one Gaussian per element of y.

The joint hyperprior and autoregressive model of Minnen et al. 2018 (arXiv 1809.02736) in the shape of
Cheng et al. 2020, with the gain units of Cui et al. 2021 (arXiv 2003.02012): one model for all rates.
All of it works on the *normalised* latent (zero mean and unit deviation per channel, by constants
measured when training starts), so that its inputs and outputs are of order one at every rate:

    y_n = (y - mean) / std          normalised latent
    u   = y_n * gain[quality]       what is rounded, with a step of 1
    mu, sigma                       predicted for y_n, scaled by the gain for u
    y_hat_n = mu + round((y_n - mu) * gain) * inverse_gain[quality]

Shapes: y is N, M, H, W (1/16 of the picture's sides), z is N, K, H/4, W/4; H and W multiples of 4.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.codecs.ainn.config import TRANSFORM_CHANNELS, AinnConfig
from bench.codecs.ainn.layers import zeroed
from bench.codecs.compressai_import import compressai

SCALE_MIN = 0.11  # smallest deviation that the range coder has a table for (Ballé 2018)
SCALE_MAX = 128.0
SCALE_LEVELS = 96
# The causal half of a 5x5 window in scan order: offsets (row, column) of decoded neighbours.
CONTEXT_OFFSETS = tuple((dy, dx) for dy in (-2, -1, 0) for dx in range(-2, 3) if (dy, dx) < (0, 0))


class Latent(NamedTuple):
    """What training needs of a batch of latents."""

    y_hat: Tensor  # N, M, H, W: rounded, as the decoder gets it; gradients pass straight through
    y_bits: Tensor  # N: estimated bits of y in each picture
    z_bits: Tensor  # N: estimated bits of z in each picture


class EntropyModel(nn.Module):
    """See the module's text. `quality` is a tensor (N,) of positions on the scale of lambdas, 0 to L - 1."""

    latent_mean: Tensor
    latent_std: Tensor

    def __init__(self, config: AinnConfig) -> None:
        super().__init__()
        m, k, features = config.latent_channels, config.hyper_channels, config.context_channels
        levels = len(config.lambdas)
        self.register_buffer("latent_mean", torch.zeros(m))
        self.register_buffer("latent_std", torch.ones(m))
        self.log_gain = nn.Parameter(torch.zeros(levels, m))
        self.log_inverse_gain = nn.Parameter(torch.zeros(levels, m))
        self.hyper_analysis = nn.Sequential(
            nn.Conv2d(m, k, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(k, k, 3, padding=1, stride=2),
            nn.LeakyReLU(),
            nn.Conv2d(k, k, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(k, k, 3, padding=1, stride=2),
        )
        self.hyper_synthesis = nn.Sequential(
            nn.Conv2d(k, 4 * k, 3, padding=1),
            nn.PixelShuffle(2),
            nn.LeakyReLU(),
            nn.Conv2d(k, k, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(k, 4 * k, 3, padding=1),
            nn.PixelShuffle(2),
            nn.LeakyReLU(),
            nn.Conv2d(k, features, 3, padding=1),
        )
        self.bottleneck = compressai().entropy_models.EntropyBottleneck(k)
        self.context = MaskedContext(m, features)
        width = (2 * features + 2 * m) // 4
        # A fresh entropy model is one fixed Gaussian per channel: mean 0, deviation 1 of y_n.
        self.parameters_net = nn.Sequential(
            nn.Conv2d(2 * features + 1, width, 1),
            nn.LeakyReLU(),
            nn.Conv2d(width, width, 1),
            nn.LeakyReLU(),
            zeroed(nn.Conv2d(width, 2 * m, 1)),
        )
        self.start_gains(config)

    def start_gains(self, config: AinnConfig) -> None:
        """Set each gain so that the rounding step is the one its lambda asks for, given `latent_std`.

        At high rate dD/dR of a uniform quantiser gives step^2 = 36 / (lambda 255^2 2 ln 2) for an
        orthonormal transform of pixels in [0, 1]; the squeeze shrinks y by sqrt(768 / M) against it.
        """
        shrink = math.sqrt(TRANSFORM_CHANNELS / config.latent_channels)
        for level, value in enumerate(config.lambdas):
            step = math.sqrt(36 / (value * 255**2 * 2 * math.log(2)))
            self.log_gain.data[level] = torch.log(self.latent_std * shrink / step)
        self.log_inverse_gain.data = -self.log_gain.data

    def forward(self, y: Tensor, quality: Tensor, rounded: bool = False) -> Latent:
        """Training's view of coding y.

        The decoder's y_hat is always rounded. The rate is that of y with uniform noise, which tells the
        transform where bits go, or with `rounded` that of the very symbols that would be coded: exact
        for the entropy model, but deaf to small changes of y.
        """
        y_n = self.normalise(y.float())
        log_gain, inverse_gain = self.gains(quality)
        gain = log_gain.exp()

        z = self.hyper_analysis(y_n)
        z_hat = round_through(z)
        z_likelihood = self.z_likelihood(z_hat if rounded else z + torch.rand_like(z) - 0.5)
        hyper = self.hyper_features(z_hat, log_gain)
        # Decoding goes position by position, each from what was decoded before. Two passes come close:
        # the first, from noisy neighbours, only serves to show the second what decoded ones look like.
        with torch.no_grad():
            noisy = y_n + (torch.rand_like(y_n) - 0.5) / gain
            guess, _ = self.distribution(torch.cat((hyper, self.context(noisy)), dim=1))
            decoded = guess + ((y_n - guess) * gain).round() * inverse_gain
        decoded = decoded + (y_n - y_n.detach())
        mean, log_scale = self.distribution(torch.cat((hyper, self.context(decoded)), dim=1))

        residual = (y_n - mean) * gain
        symbols = residual.round()
        noise = (symbols - residual).detach() if rounded else torch.rand_like(residual) - 0.5
        y_bits = gaussian_bits(residual + noise, (log_scale + log_gain).exp())
        # Symbols stay what they are when the mean moves a little, so y_hat moves with the mean.
        y_hat = mean + symbols.detach() * inverse_gain + (y_n - y_n.detach())
        z_bits = -torch.log2(z_likelihood)
        return Latent(self.denormalise(y_hat), y_bits.sum((1, 2, 3)), z_bits.sum((1, 2, 3)))

    def z_likelihood(self, z: Tensor) -> Tensor:
        """Of z as given: the bottleneck itself would add noise, or round about its medians."""
        values = z.transpose(0, 1).flatten(1)[:, None]  # K, 1, N * H * W
        likelihood, _, _ = self.bottleneck._likelihood(values)
        n, k, h, w = z.shape
        bounded: Tensor = self.bottleneck.likelihood_lower_bound(likelihood)
        return bounded.view(k, n, h, w).transpose(0, 1)

    def latent_mse(self, y: Tensor, y_hat: Tensor) -> Tensor:
        """(N,): the error that y_hat brings into the pixels if the transform is orthonormal."""
        groups = TRANSFORM_CHANNELS / y.shape[1]  # the squeeze shrinks y by the root of this
        return (y - y_hat).square().sum(1).mean((1, 2)) * groups / TRANSFORM_CHANNELS

    def normalise(self, y: Tensor) -> Tensor:
        return (y - self.latent_mean[:, None, None]) / self.latent_std[:, None, None]

    def denormalise(self, y_n: Tensor) -> Tensor:
        return y_n * self.latent_std[:, None, None] + self.latent_mean[:, None, None]

    def gains(self, quality: Tensor) -> tuple[Tensor, Tensor]:
        """log-gain and inverse gain (N, M, 1, 1), interpolated between the lambdas on both sides."""
        last = self.log_gain.shape[0] - 1
        below = quality.floor().long().clamp(0, last)
        above = (below + 1).clamp(max=last)
        share = (quality - below)[:, None].to(self.log_gain.dtype)
        log_gain, log_inverse = (
            torch.lerp(table[below], table[above], share)[:, :, None, None]
            for table in (self.log_gain, self.log_inverse_gain)
        )
        return log_gain, log_inverse.exp()

    def hyper_features(self, z_hat: Tensor, log_gain: Tensor) -> Tensor:
        """(N, features + 1, H, W): what z_hat tells of y, and a plane that tells the rate."""
        psi = self.hyper_synthesis(z_hat)
        rate = log_gain.mean(1, keepdim=True).expand(-1, 1, *psi.shape[2:])
        return torch.cat((rate, psi), dim=1)

    def distribution(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-deviation (N, M, H, W) of y_n from the joined features (N, 1 + 2 * features, H, W)."""
        mean, log_scale = self.parameters_net(features).chunk(2, dim=1)
        return mean, log_scale


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
    scale = _LowerBound.apply(scale, SCALE_MIN)
    x = x.abs()
    likelihood = _phi((0.5 - x) / scale) - _phi((-0.5 - x) / scale)
    return -torch.log2(_LowerBound.apply(likelihood, 1e-9))


def round_through(x: Tensor) -> Tensor:
    """Rounded, with the gradient of the identity."""
    return x + (x.round() - x).detach()


def _phi(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(-x * math.sqrt(0.5))


class _LowerBound(torch.autograd.Function):
    """max(x, bound), whose gradient still lets x come back from below (compressai's and tfc's trick)."""

    @staticmethod
    def forward(ctx, x: Tensor, bound: float) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        return gradient * ((x >= ctx.bound) | (gradient < 0)), None
