"""Cumulative distributions of y's symbols for the range coder, one for each of the deviations of SCALES.

The entropy model predicts the deviation of a Gaussian. How symbols are really distributed at that
deviation is measured on training photos when weights are exported: tails are heavier, and zeros are
more, as the encoder prefers zeros. Tables are whole numbers and travel with the weights: computed
anew, a table might come out different on another machine.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.codecs import range_coder
from bench.codecs.ainn.entropy import SCALE_COUNT, SCALE_MAX, SCALE_MIN

LOG_STEP = math.log(SCALE_MAX / SCALE_MIN) / (SCALE_COUNT - 1)
SCALES = SCALE_MIN * np.exp(LOG_STEP * np.arange(SCALE_COUNT))

_REACHES = np.maximum(np.ceil(6.2 * SCALES).astype(int), 3)  # largest symbol of each table; others escape
TABLE_SIZES = tuple((2 * _REACHES + 3).tolist())  # entries: of each symbol, of the escape, and the end
_LARGEST = int(_REACHES[-1])
_PRIOR = 100.0  # symbols' worth of trust in the Gaussian


def count_symbols(symbols: Tensor, log_scales: Tensor) -> Tensor:
    """Count symbols by the table that codes them: (SCALE_COUNT, 2 * largest + 1), int64.

    Args:
        symbols: whole numbers, of any shape.
        log_scales: of the deviations predicted for them, in steps of the quantiser; the same shape.
    """
    width = 2 * _LARGEST + 1
    tables = ((log_scales - math.log(SCALE_MIN)) / LOG_STEP).round().clamp(0, SCALE_COUNT - 1)
    entries = tables.long() * width + symbols.long().clamp(-_LARGEST, _LARGEST) + _LARGEST
    return torch.bincount(entries.flatten(), minlength=SCALE_COUNT * width).view(SCALE_COUNT, width)


def symbol_tables(counts: Tensor | None = None) -> Tensor:
    """Cumulative distributions in units of 2^-16, int32, one table behind the other.

    A table holds the symbols from -reach to reach, then the escape for those beyond. `split_tables`
    takes the tables apart.

    Args:
        counts: of `count_symbols`; without, the tables are those of Gaussians.
    """
    rows = []
    for table, reach in enumerate(_REACHES):
        pmf = _gaussian(SCALES[table], reach)
        if counts is not None:
            pmf = _measured(counts[table].numpy(), reach, pmf)
        rows += range_coder.quantized_cdf(pmf.tolist())
    return torch.tensor(rows, dtype=torch.int32)


def split_tables(tables: Tensor) -> tuple[list[list[int]], list[int], list[int]]:
    """Take `symbol_tables` apart for the range coder: cdfs, their sizes, their first symbols."""
    flat = tables.tolist()
    starts = [index for index, value in enumerate(flat) if value == 0]
    rows = [flat[start:stop] for start, stop in zip(starts, [*starts[1:], len(flat)], strict=True)]
    return rows, list(map(len, rows)), [-(len(row) // 2 - 1) for row in rows]


def symbol_bits(cdfs: list[list[int]]) -> NDArray[np.float64]:
    """Bits (SCALE_COUNT, longest - 1) of each table's entries: its symbols in order, the escape, zeros."""
    bits = np.zeros((len(cdfs), max(map(len, cdfs)) - 1))
    for table, row in enumerate(cdfs):
        bits[table, : len(row) - 1] = range_coder.PRECISION - np.log2(np.diff(row))
    return bits


def _gaussian(scale: float, reach: int) -> NDArray[np.float64]:
    """Probabilities of -reach to reach, and of all others."""
    from scipy.special import erfc  # when weights are exported; coding starts without

    edges = (np.arange(-reach, reach + 2) - 0.5) / scale
    cumulative = 0.5 * erfc(-edges / math.sqrt(2))
    return np.append(np.diff(cumulative), 2 * cumulative[0])


def _measured(counts: NDArray[np.int64], reach: int, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same of what was counted, alike to both sides, with the prior standing in where little was."""
    both = (counts + counts[::-1]) / 2
    inside = both[_LARGEST - reach : _LARGEST + reach + 1]
    pmf = np.append(inside, both.sum() - inside.sum()) + _PRIOR * prior
    measured: NDArray[np.float64] = pmf / pmf.sum()
    return measured
