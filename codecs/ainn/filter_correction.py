"""What one picture changes in the decoder's filter: the encoder fits it, and sends it ahead of the latent.

`picture_filter` has weights that are the best over many photos. A picture's own best weights differ, most
where its colours do. The correction is one for all kinds of places: it is added to the weights of each.

The error of a picture is fitted along three axes of colour, brightness first. Along each, the features
of the filter have a weight each, a whole number of steps. Features of one kind are a block of
`side_information`. The weights are those of the least J = bits + lambda 255^2 MSE: least squares, rounded
one by one while those to come make good what rounding cost (Frantar et al. 2022, arXiv 2210.17323), then
moved one by one wherever J falls.

Weights for one picture are what VVC's adaptive loop filter sends (Karczewicz et al. 2021, doi
10.1109/TCSVT.2021.3072297).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs.ainn.picture_filter import (
    CHROMA_CLIPS,
    CHROMA_OFFSETS,
    FEATURES,
    LUMA_CLIPS,
    LUMA_OFFSETS,
    RGB_OFFSETS,
    PictureFilter,
)
from bench.codecs.ainn.side_information import CHOICE_BITS, LARGEST, Block, best_table
from bench.codecs.base import CodecError

Costs = NDArray[np.float64]

# Orthonormal, so that the error of a picture is the sum of those along its axes.
_AXES = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
# Which kind a feature is of, in the order of `picture_filter`: colours, brightness by clip, chroma by clip,
# and the constant; and what a step of the kind is worth, as large features need finer weights.
_KINDS = np.array(
    [0] * (3 * len(RGB_OFFSETS))
    + [1, 2, 3] * len(LUMA_OFFSETS)
    + [4, 4, 5, 5] * len(CHROMA_OFFSETS)
    + [6],
)  # fmt: skip
_STEPS = np.array([0.25, 0.25, 0.5, 1.5, 0.5, 1.5, 1.0])[_KINDS]
_OF_KIND = [np.flatnonzero(kind == _KINDS) for kind in range(7)]
assert len(LUMA_CLIPS) == 3 and len(CHROMA_CLIPS) == 2 and len(_KINDS) == FEATURES

_FINENESS = range(3, 7)  # that the encoder tries: steps are 2^-fineness of `_STEPS`
_FINEST = 15
_SPREAD = 9.0  # deviation of weights in steps that rounding takes for likely
_SWEEPS = 6
# Lengths of the blocks: the fineness, then for each axis each kind of features.
LENGTHS = (1, *(len(members) for _ in range(3) for members in _OF_KIND))


class Correction(NamedTuple):
    fineness: int
    values: NDArray[np.int64]  # (3, FEATURES): weights in steps, for each axis

    def blocks(self) -> list[Block]:
        """As `side_information` takes them."""
        of_features = (row[members] for row in self.values for members in _OF_KIND)
        return [np.array([self.fineness]), *of_features]

    @classmethod
    def of_blocks(cls, blocks: list[Block]) -> Correction:
        """The inverse of `blocks`.

        Raises:
            CodecError: no encoder writes such numbers.
        """
        fineness, rest = int(blocks[0][0]), blocks[1:]
        if not 0 <= fineness <= _FINEST or max(int(np.abs(block).max()) for block in rest) > LARGEST:
            raise CodecError("the A-INN bitstream is damaged; what it changes in the filter is out of range")
        values = np.zeros((3, FEATURES), np.int64)
        for index, block in enumerate(rest):
            axis, kind = divmod(index, len(_OF_KIND))
            values[axis, _OF_KIND[kind]] = block
        return cls(fineness, values)

    def coefficients(self) -> Tensor:
        """(FEATURES, 3): what is added to the filter's coefficients, for R, G and B."""
        weights = self.values * _steps(self.fineness)
        return torch.from_numpy(weights.T @ _AXES).float()


NOTHING = Correction(0, np.zeros((3, FEATURES), np.int64))


def fit(
    filter_: PictureFilter, x: Tensor, x_hat: Tensor, level: float, weight: float, costs: Costs
) -> Correction:
    """The correction that costs least, `NOTHING` if none pays.

    Args:
        x: (1, 3, H, W) in [0, 1], the picture. x_hat: the same, of the decoder, not filtered yet.
        level: position among the lambdas.
        weight: of the squared error of a sample, in bits. costs: of `side_information.bits_by_table`.
    """
    if not len(filter_.deviations):
        return NOTHING
    axes = torch.from_numpy(_AXES).float()
    products, moments = filter_.moments(x, x_hat, level, axes)
    worth = weight * filter_.deviation(level) ** 2
    best, least = NOTHING, 0.0
    for fineness in _FINENESS:
        steps = _steps(fineness)
        curvature = worth * products * np.outer(steps, steps)
        slopes = worth * moments * steps
        fitted = [_least_cost(curvature, slope, costs) for slope in slopes]
        cost = sum(cost for _, cost in fitted)
        if cost < least:
            best, least = Correction(fineness, np.stack([values for values, _ in fitted])), cost
    return best


def _steps(fineness: int) -> NDArray[np.float64]:
    steps: NDArray[np.float64] = _STEPS * 2.0**-fineness
    return steps


def _least_cost(
    curvature: NDArray[np.float64], slope: NDArray[np.float64], costs: Costs
) -> tuple[NDArray[np.int64], float]:
    """Whole numbers q of little bits + q' curvature q - 2 slope' q, and that sum, bits of all blocks' tables
    included."""
    starts = (_rounded(curvature, slope), np.zeros(len(slope)))
    return min((_descended(start, curvature, slope, costs) for start in starts), key=lambda found: found[1])


def _rounded(curvature: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares in whole numbers: each is rounded, and those behind it are solved anew."""
    likely = np.eye(len(slope)) / (2 * np.log(2) * _SPREAD**2)
    inverse = np.linalg.inv(curvature + likely)
    factor = np.linalg.cholesky((inverse + inverse.T) / 2).T
    solution = inverse @ slope
    rounded = np.zeros(len(slope))
    for i in range(len(slope)):
        rounded[i] = np.clip(np.round(solution[i]), -LARGEST, LARGEST)
        solution[i:] -= (solution[i] - rounded[i]) / factor[i, i] * factor[i, i:]
    return rounded


def _descended(
    values: NDArray[np.float64], curvature: NDArray[np.float64], slope: NDArray[np.float64], costs: Costs
) -> tuple[NDArray[np.int64], float]:
    """Numbers moved one by one while that lowers the cost; and the cost."""
    values = values.copy()
    tables = np.maximum(_tables(values, costs), 4)  # so that zeros may become numbers
    residual = slope - curvature @ values
    for sweep in range(_SWEEPS):
        moved = False
        for i, kind in enumerate(_KINDS):
            best = values[i] + residual[i] / max(curvature[i, i], 1e-9)
            tried = np.array([values[i], 0.0, np.floor(best), np.ceil(best), np.round(best / 2)])
            tried = tried.clip(-LARGEST, LARGEST)
            move = tried - values[i]
            bits = costs[tables[kind], tried.astype(int) + LARGEST]
            choice = int((curvature[i, i] * move**2 - 2 * residual[i] * move + bits).argmin())
            if move[choice]:
                residual -= curvature[:, i] * move[choice]
                values[i], moved = tried[choice], True
        tables = np.maximum(_tables(values, costs), 2 if sweep < 2 else 0)
        if not moved:
            break
    tables = _tables(values, costs)
    whole = values.astype(np.int64)
    bits = float(costs[tables[_KINDS], whole + LARGEST].sum()) + CHOICE_BITS * len(_OF_KIND)
    return whole, bits + float(values @ curvature @ values - 2 * slope @ values)


def _tables(values: NDArray[np.float64], costs: Costs) -> NDArray[np.int64]:
    return np.array([best_table(values[members].astype(np.int64), costs) for members in _OF_KIND])
