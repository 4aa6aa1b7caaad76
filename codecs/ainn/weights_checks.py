"""What weights must hold besides tensors of the right shapes: coding ends then, and nothing crashes."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.codecs import range_coder
from bench.codecs.ainn.fixed_point import FRACTION, LARGEST
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.picture_filter import CLASSES, FEATURES
from bench.codecs.ainn.symbol_tables import TABLE_SIZES, split_tables


def check_exported(model: Ainn) -> None:
    """Check the tables and constants that a model for coding brings.

    Raises:
        ValueError: the model was never exported, or one of them can't be.
    """
    entropy, bottleneck = model.entropy, model.entropy.bottleneck
    levels, channels = entropy.log_gain.shape
    _check(entropy.latent_std > 0, "a latent's deviation isn't positive")
    # As all that the entropy model computes with, or nothing that it predicts were a number.
    _check(entropy.log_gain.abs() < LARGEST / 2**FRACTION, "a gain is too large")
    _check_whole("symbol_tables", entropy.symbol_tables, (sum(TABLE_SIZES),))
    cdfs, sizes, first_symbols = split_tables(entropy.symbol_tables)
    if tuple(sizes) != TABLE_SIZES:
        raise ValueError("its tables of symbols have other sizes than A-INN's")
    range_coder.check_tables(cdfs, sizes, first_symbols)
    _check_whole("fixed_inverse_gain", entropy.fixed_inverse_gain, (levels, channels))
    _check(entropy.fixed_inverse_gain >= 1, "an inverse gain isn't positive")

    of_z = (model.config.hyper_channels,)
    cdf, length, offset = bottleneck._quantized_cdf, bottleneck._cdf_length, bottleneck._offset
    _check_whole("_quantized_cdf", cdf, (*of_z, *cdf.shape[1:2]))
    _check_whole("_cdf_length", length, of_z)
    _check_whole("_offset", offset, of_z)
    range_coder.check_tables(*bottleneck.tables())

    fitted = model.picture_filter
    if len(fitted.deviations) or len(fitted.coefficients):
        if fitted.coefficients.shape != (levels, CLASSES, FEATURES, 3) or fitted.deviations.shape != (
            levels,
        ):
            raise ValueError("its picture filter has another shape than its lambdas ask for")
        _check(fitted.deviations > 0, "a deviation of its picture filter isn't positive")


def _check(fits: Tensor, otherwise: str) -> None:
    if not fits.all():
        raise ValueError(otherwise)


def _check_whole(name: str, numbers: Tensor, shape: tuple[int, ...]) -> None:
    if numbers.dtype != torch.int32 or numbers.shape != shape:
        raise ValueError(f"{name} isn't whole numbers of the shape that its configuration asks for")
