"""Whole numbers that a picture sends ahead of its latent, in blocks that are coded by one table each.

The tables are some of those that code the latent's symbols. A block tells its table, 16 to choose from,
and its numbers follow. By the first table all numbers of a block are zero, and none is coded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TABLES = range(0, 96, 6)  # of `symbol_tables`, for a block to choose from; the first stands for zeros
LARGEST = 255  # magnitude of a number that can be sent
CHOICE_BITS = 4.0  # what the choice of a table costs
# Alike for all choices; the last entry is the escape, which never is one.
_CHOICE = [*range(0, 4095 * len(TABLES) + 1, 4095), 1 << 16]
_CHOICES = [_CHOICE], [len(_CHOICE)], [0]

Block = NDArray[np.int64]


def bits_by_table(bits: NDArray[np.float64], first_symbols: Sequence[int]) -> NDArray[np.float64]:
    """Bits (16, 2 * LARGEST + 1) of the numbers -LARGEST to LARGEST by each of the tables.

    Args:
        bits: of `symbol_bits`. first_symbols: of the same tables.
    """
    numbers = np.arange(-LARGEST, LARGEST + 1)
    rows = []
    for table in TABLES:
        entries, escape = numbers - first_symbols[table], 1 - 2 * first_symbols[table]
        inside = (entries >= 0) & (entries < escape)
        # Beyond a table stands the escape, and the number by some four bits for each of its digits.
        beyond = bits[table, escape] + 8 + 4 * (np.log2(np.abs(numbers) + 1) // 4)
        rows.append(np.where(inside, bits[table, np.where(inside, entries, 0)], beyond))
    rows[0] = np.where(numbers == 0, 0.0, np.inf)
    return np.stack(rows)


def best_table(block: Block, costs: NDArray[np.float64]) -> int:
    """Which of `TABLES` codes a block in the fewest bits, by `bits_by_table`."""
    return int(costs[:, block + LARGEST].sum(1).argmin())


def put(blocks: Sequence[Block], costs: NDArray[np.float64], encoder: Any, tables: Any) -> None:
    """Blocks to the range encoder.

    Args:
        costs: of `bits_by_table`. tables: those of the latent's symbols, as the range coder takes them.
    """
    for block in blocks:
        choice = best_table(block, costs)
        encoder.encode_with_indexes([choice], [0], *_CHOICES)
        if choice:
            encoder.encode_with_indexes(block.tolist(), [TABLES[choice]] * len(block), *tables)


def read(
    lengths: Sequence[int],
    decode: Callable[..., list[int]],
    tables: Any,
) -> list[Block]:
    """Blocks of these lengths.

    Args:
        decode: of the range decoder: takes indexes of tables, and the tables.
    """
    blocks = []
    for length in lengths:
        choice = decode([0], *_CHOICES)[0]
        table = TABLES[min(max(choice, 0), len(TABLES) - 1)]
        numbers = decode([table] * length, *tables) if table else [0] * length
        blocks.append(np.array(numbers, np.int64))
    return blocks
