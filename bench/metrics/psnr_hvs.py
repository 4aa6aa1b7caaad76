"""PSNR-HVS and PSNR-HVS-M: PSNR of luma, weighted as the eye sees frequencies, without and with masking.

Egiazarian, Astola, Ponomarenko, Lukin, Battisti, Carli 2006, "New full-reference quality metrics based on
HVS"; Ponomarenko, Silvestri, Egiazarian, Carli, Astola, Lukin 2007, "On between-coefficient contrast masking
of DCT basis functions".

Errors are those of the DCT of blocks of 8 x 8 pixels that don't overlap. Rows and columns beyond the last
whole block don't count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair
from bench.metrics.peak_signal_to_noise import LUMA, PEAK

BLOCK = 8
_STRIP = 128  # blocks' rows that are compared at once, to be sparing with memory

# The quantisation of luma in JPEG (Recommendation ITU-T T.81, table K.1): the finer, the better seen.
_QUANTISATION = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
_SENSITIVITY = 25.73509 / _QUANTISATION
_MASKING = (10 / _QUANTISATION) ** 2

_Blocks = NDArray[np.float64]  # number x 8 x 8


def psnr_hvs(original: RGB, decoded: RGB) -> tuple[float, float] | None:
    """PSNR-HVS and PSNR-HVS-M of luma (BT.709, full range, not rounded).

    Args:
        original, decoded: uint8, height x width x 3.

    Returns:
        Both in dB, infinity where nothing differs (HVS) or can be seen to differ (HVS-M); None for a picture
        of less than 8 pixels in height or width.

    Raises:
        BenchError: this is no pair of 8-bit pictures of one size.

    >>> grey = np.full((64, 64, 3), 128, np.uint8)
    >>> [round(value, 3) for value in psnr_hvs(grey, grey + 2)]
    [37.982, 37.982]
    """
    check_pair(original, decoded)
    if min(original.shape[:2]) < BLOCK:
        return None
    errors = np.zeros(2)
    height, width = (side // BLOCK * BLOCK for side in original.shape[:2])
    for top in range(0, height, _STRIP):
        rows = slice(top, min(top + _STRIP, height))
        errors += _errors(_blocks(original[rows, :width]), _blocks(decoded[rows, :width]))
    hvs, hvs_m = (
        10 * math.log10(PEAK**2 * height * width / error) if error else math.inf for error in errors
    )
    return hvs, hvs_m


class PsnrHvs(Metric):
    """PSNR-HVS in dB; see `psnr_hvs`."""

    name = "psnr_hvs"
    title = "PSNR-HVS (Y)"
    unit = "dB"
    library = "numpy and scipy, as the authors' psnrhvsm.m"
    summary = "Squared error of luma, each frequency weighted as the eye sees it."
    min_side = BLOCK

    def version(self) -> str:
        return "1"

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float | None:
            values = psnr_hvs(original, decoded)
            return values and values[0]

        return score

    def linear(self, value: float) -> float:
        """The weighted squared error / 255^2."""
        return 10 ** (-value / 10)

    def from_linear(self, mean: float) -> float:
        return -10 * math.log10(mean) if mean > 0 else math.inf


class PsnrHvsM(PsnrHvs):
    """PSNR-HVS-M in dB; see `psnr_hvs`."""

    name = "psnr_hvs_m"
    title = "PSNR-HVS-M (Y)"
    summary = "The same as PSNR-HVS, less the errors that texture hides."

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float | None:
            values = psnr_hvs(original, decoded)
            return values and values[1]

        return score


def _blocks(picture: RGB) -> _Blocks:
    luma = picture @ np.array(LUMA)
    height, width = luma.shape
    tiles = luma.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).swapaxes(1, 2)
    blocks: _Blocks = tiles.reshape(-1, BLOCK, BLOCK)
    return blocks


def _errors(x: _Blocks, y: _Blocks) -> NDArray[Any]:
    """Sums of squared, weighted errors: without and with masking."""
    from scipy.fft import dctn

    transformed_x, transformed_y = (dctn(blocks, axes=(1, 2), norm="ortho") for blocks in (x, y))
    hidden = np.maximum(_masking(x, transformed_x), _masking(y, transformed_y))[:, None, None] / _MASKING
    hidden[:, 0, 0] = 0  # nothing masks the mean of a block
    difference = np.abs(transformed_x - transformed_y)
    visible = np.maximum(difference - hidden, 0)
    return np.array([np.sum(np.square(errors * _SENSITIVITY)) for errors in (difference, visible)])


def _masking(blocks: _Blocks, transformed: _Blocks) -> NDArray[np.float64]:
    """How much each block hides: its contrast, less where its quarters differ, as along an edge."""
    energy = np.square(transformed) * _MASKING
    contrast = energy.sum(axis=(1, 2)) - energy[:, 0, 0]
    quarters = [blocks[:, top : top + 4, left : left + 4] for top in (0, 4) for left in (0, 4)]
    inside = np.sum([_variation(quarter) for quarter in quarters], axis=0)
    whole = _variation(blocks)
    evenness = np.divide(inside, whole, out=np.zeros_like(whole), where=whole > 0)
    strength: NDArray[np.float64] = np.sqrt(contrast * evenness) / 32
    return strength


def _variation(blocks: _Blocks) -> NDArray[np.float64]:
    """The number of samples times their variance."""
    variation: NDArray[np.float64] = blocks.var(axis=(1, 2), ddof=1) * (blocks.shape[1] * blocks.shape[2])
    return variation
