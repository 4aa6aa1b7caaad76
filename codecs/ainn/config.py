"""What an A-INN is made of: one dataclass, and the configurations that have names."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from bench.core.errors import BenchError

if TYPE_CHECKING:
    from torch import Tensor

Lambda = TypeVar("Lambda", float, "Tensor")

MSE, MS_SSIM = "mse", "ms-ssim"  # the distortions that a model can be trained for
DISTORTIONS = (MSE, MS_SSIM)
# How many times the lambda of MSE that of MS-SSIM is, at about the same rate: CompressAI trains its models
# for 0.0018 and 2.40 up to 0.18 and 220 (https://interdigitalinc.github.io/CompressAI/zoo.html#training).
MS_SSIM_LAMBDA = 1280.0

# InvComp's range of lambdas for MSE (Xie 2021): about 0.1 to 1.1 bpp on Kodak.
LAMBDAS = (0.0016, 0.0032, 0.0065, 0.011, 0.018, 0.03, 0.048, 0.08)


def mse_weight(lambda_: Lambda) -> Lambda:
    """The weight w in the loss bpp + w * MSE, for an MSE of samples in [0, 1].

    A lambda weighs the MSE of 8-bit samples, as in CompressAI and Xie 2021; hence the 255 squared.

    >>> round(mse_weight(0.01), 2)
    650.25
    """
    return lambda_ * 255**2


def mse_lambda(lambda_: Lambda, distortion: str) -> Lambda:
    """The lambda of MSE that stands for one of this distortion, wherever squared errors are weighed.

    >>> mse_lambda(1280.0, "ms-ssim")
    1.0
    """
    return lambda_ / MS_SSIM_LAMBDA if distortion == MS_SSIM else lambda_


@dataclass(frozen=True)
class SubnetShape:
    """Shape of the subnets of one block's coupling layers: three convolutions, `width` channels between."""

    kernels: tuple[int, int, int]
    width: int


@dataclass(frozen=True)
class AinnConfig:
    """Everything that shapes an A-INN. Each of the paper's modules can be switched off.

    The defaults are the published shapes (Gao et al. 2025, arXiv 2408.17073).
    """

    name: str = "paper"
    latent_channels: int = 192  # M: channels of y; 768 / M must be whole
    hyper_channels: int = 192  # N: channels of z and inside the hyperprior
    context_channels: int = (
        384  # features that each of context and hyperprior hands to the entropy parameters
    )
    channel_groups: tuple[int, ...] = (
        192,
    )  # sizes of the groups of y's channels, each coded knowing those before
    parameters_width: int = 288  # channels inside the network that predicts y's Gaussians
    lambdas: tuple[float, ...] = (0.013,)  # weights of the distortion; several make one model for all rates
    # What the lambdas weigh: 255^2 MSE, or 1 - MS-SSIM. Steps of latents, the choice of symbols, the filter
    # and the search know squared errors alone, and go by `mse_lambdas`.
    distortion: str = MSE
    # The decoder's gain is one over the encoder's. Apart, their product drifts below one; then
    # y_hat = mean + product * (y - mean) is in proportion to y only where the mean is zero, and
    # predicting it doesn't pay.
    tied_gains: bool = True
    # For each rate and channel a factor and an offset for what the decoder's transform is given:
    # latents that it likes to see shrunk needn't be shrunk where they are predicted from one
    # another.
    decoder_scale: bool = True

    subnets: tuple[SubnetShape, ...] = (
        SubnetShape((5, 1, 5), 12),
        SubnetShape((5, 1, 5), 48),
        SubnetShape((3, 1, 3), 192),
        SubnetShape((3, 1, 3), 768),
    )
    split: bool = False  # InvComp's transform: one branch, whose halves couple; without FDSM, CFRM, PDM
    couplings: int = 3  # coupling layers per invertible block; 0 leaves the linear part of the transform
    joint_subnets: bool = False  # G and H of a coupling as one subnet with twice the outputs

    fdsm: bool = True  # frequency decomposition and synthesis around the invertible transform
    fdsm_widths: tuple[int, ...] = (32, 64, 128, 128)
    cfrm: bool = True  # channel feature recovery; off: the squeeze is only undone by copying
    cfrm_growth: int = 192  # channels that each of its dense layers adds
    ms_cfrm: bool = False  # feature recovery at a second scale
    pdm: bool = True  # progressive denoising between the inverse blocks
    pdm_widths: tuple[tuple[int, ...], ...] = ((48, 96, 192, 384), (96, 192, 384), (192, 384))
    unet_convs: int = 2  # 3x3 convolutions at each level of the UNets

    def __post_init__(self) -> None:
        if self.latent_channels < 1 or TRANSFORM_CHANNELS % self.latent_channels:
            raise BenchError(
                f"latent_channels={self.latent_channels} does not divide {TRANSFORM_CHANNELS}; "
                "take 96, 128, 192, 256, 384 or 768"
            )
        if sum(self.channel_groups) != self.latent_channels or min(self.channel_groups) < 1:
            raise BenchError(
                f"channel_groups={self.channel_groups} don't add up to latent_channels={self.latent_channels}"
            )
        if self.split and (self.fdsm or self.cfrm or self.ms_cfrm or self.pdm):
            raise BenchError("with split=True there is one branch: switch fdsm, cfrm, ms_cfrm and pdm off")
        if not self.lambdas or not all(0 < value < math.inf for value in self.lambdas):
            raise BenchError("lambdas must be one or more positive numbers, such as 0.013")
        if self.distortion not in DISTORTIONS:
            raise BenchError(f"a model is trained for {' or '.join(DISTORTIONS)}, not '{self.distortion}'")
        if not all(kernel % 2 for shape in self.subnets for kernel in shape.kernels):
            raise BenchError("the kernels of subnets have odd sides, or the sides of a picture change")
        widths = (self.fdsm_widths, *self.pdm_widths)
        if not all(map(len, widths)) or any(map(lambda a, most: len(a) > most, widths, _MOST_LEVELS)):
            raise BenchError(
                "fdsm_widths has 1 to 7 levels, pdm_widths 1 to 6, 5 and 4: each halves the sides"
            )

    @property
    def mse_lambdas(self) -> tuple[float, ...]:
        """For each lambda the one of MSE that stands for it."""
        return tuple(mse_lambda(value, self.distortion) for value in self.lambdas)

    def for_distortion(self, distortion: str) -> AinnConfig:
        """The same for another distortion, with lambdas of about the same rates.

        >>> COMPACT.for_distortion("ms-ssim").lambdas[-1]
        102.4
        """
        if distortion == self.distortion:
            return self
        scale = MS_SSIM_LAMBDA if distortion == MS_SSIM else 1.0
        lambdas = tuple(float(f"{scale * value:.9g}") for value in self.mse_lambdas)
        return replace(self, lambdas=lambdas, distortion=distortion)

    def with_options(self, **options: Any) -> AinnConfig:
        """A copy with fields replaced, as for an ablation: ``COMPACT.with_options(pdm=False)``."""
        known = {field.name for field in fields(self)}
        for name in options:
            if name not in known:
                raise BenchError(f"A-INN has no option '{name}'; it has {', '.join(sorted(known))}")
        return replace(self, **options)

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, for a weights file; `from_dict` is its inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AinnConfig:
        """The configuration of a weights file.

        Raises:
            BenchError: there is no such configuration.
        """
        # As it was before there was a choice.
        values = {"tied_gains": False, "decoder_scale": False} | values
        known = {field.name for field in fields(cls)}
        if values.keys() - known:
            raise BenchError("its configuration has an option that A-INN has not")
        return cls(**{name: _like(name, value, getattr(PAPER, name)) for name, value in values.items()})


BLOCK_CHANNELS = (12, 48, 192, 768)  # of each branch, after each invertible block
TRANSFORM_CHANNELS = BLOCK_CHANNELS[-1]
_MOST_LEVELS = (7, 6, 5, 4)  # of UNets, which halve sides of 64, 32, 16 and 8 pixels at least
_MOST_CHANNELS, _MOST_REPEATS, _MOST_VALUES = 1 << 16, 16, 1024  # in a file; real ones have far fewer

PAPER = AinnConfig()

# Almost all of the published size is block 4's full-width 3x3 convolutions; here it spends less
# there. More latent channels than published: with a transform that starts linear they set the
# ceiling of PSNR (of 16x16 blocks of photos, 192 components keep 32.9 dB, 384 keep 42.2 dB), and
# channels that a rate has no use for cost it next to nothing.
COMPACT = AinnConfig(
    name="compact",
    latent_channels=384,
    hyper_channels=96,
    context_channels=224,
    channel_groups=(8, 24, 64, 96, 192),
    parameters_width=304,
    lambdas=LAMBDAS,
    subnets=(
        SubnetShape((5, 1, 5), 12),
        SubnetShape((3, 1, 3), 48),
        SubnetShape((3, 1, 3), 64),
        SubnetShape((1, 3, 1), 128),
    ),
    joint_subnets=True,
    fdsm_widths=(8, 16, 24, 24),
    cfrm_growth=48,
    pdm_widths=((16, 24, 32, 48), (32, 48, 64), (48, 64)),
    unet_convs=1,
)

# InvComp (Xie et al. 2021), without its attention and enhancement: the invertible transform alone.
INVCOMP = COMPACT.with_options(name="invcomp", split=True, fdsm=False, cfrm=False, pdm=False)

CONFIGS = {config.name: config for config in (PAPER, COMPACT, INVCOMP)}


def _like(name: str, value: Any, example: Any) -> Any:
    """A value from a file, if its type is that of the example and its numbers are in reach."""
    if isinstance(example, SubnetShape) and isinstance(value, dict):
        kernels = _like(name, value.get("kernels"), example.kernels)
        return SubnetShape(kernels, _like(name, value.get("width"), example.width))
    if isinstance(example, tuple) and isinstance(value, list | tuple) and len(value) <= _MOST_VALUES:
        return tuple(_like(name, item, example[0]) for item in value)
    if type(value) is type(example) and not isinstance(example, tuple):
        least = 0 if name == "couplings" else 1
        most = _MOST_REPEATS if name in ("couplings", "unet_convs") else _MOST_CHANNELS
        if isinstance(value, bool | str | float) or least <= value <= most:
            return value
    raise BenchError(f"its configuration has a value that '{name}' can't have")
