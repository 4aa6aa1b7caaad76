"""CompressAI's range coder, without CompressAI.

Importing CompressAI takes seconds, as it imports torchvision, torch_geometric and pandas. The range coder
is an extension inside it that needs nothing of that, so this module loads the extension alone. What is
coded is the same, to the byte.

>>> cdf = quantized_cdf([0.5, 0.25, 0.25])  # of the symbols 0 and 1, and of the escape
>>> tables = [cdf], [len(cdf)], [0]
>>> coder = encoder()
>>> coder.encode_with_indexes([0, 1, 7], [0, 0, 0], *tables)
>>> reader = decoder()
>>> reader.set_stream(coder.flush())
>>> reader.decode_stream([0, 0, 0], *tables)
[0, 1, 7]
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from itertools import pairwise
from typing import Any

PRECISION = 16  # bits of the probabilities


def encoder() -> Any:
    """A new `BufferedRansEncoder`: collects symbols, and gives the bytes at the end (`flush`)."""
    return _extension("ans").BufferedRansEncoder()


def decoder() -> Any:
    """A new `RansDecoder`."""
    return _extension("ans").RansDecoder()


def quantized_cdf(pmf: Sequence[float]) -> list[int]:
    """A cumulative distribution in units of 2^-16, from 0 to 2^16, in which no symbol has zero width.

    Args:
        pmf: probabilities of the symbols, and of the escape at the end.
    """
    return list(_extension("_CXX").pmf_to_quantized_cdf(list(pmf), PRECISION))


def check_tables(cdfs: Sequence[Sequence[int]], sizes: Sequence[int], offsets: Sequence[int]) -> None:
    """Check tables from a file: the coder trusts them, and crashes or never ends on others.

    Args:
        cdfs: a table each, of which `sizes` entries count.
        offsets: the first symbol of each; 0 is a symbol, or the escape, of every table.

    Raises:
        ValueError: a table isn't what `quantized_cdf` gives, or its symbols lie elsewhere.
    """
    if not len(cdfs) == len(sizes) == len(offsets) > 0:
        raise ValueError("its tables of probabilities are of different numbers, or none")
    for cdf, size, offset in zip(cdfs, sizes, offsets, strict=True):
        row = cdf[:size] if 0 < size <= len(cdf) else []
        rising = all(low < high for low, high in pairwise(row))
        if len(row) < 3 or row[0] != 0 or row[-1] != 1 << PRECISION or not rising:
            raise ValueError("a table of probabilities doesn't rise from 0 to 1 over its symbols")
        if not 0 <= -offset <= size - 2:
            raise ValueError("a table of probabilities begins at a symbol out of range")


def least_bits(cdfs: Sequence[Sequence[int]], sizes: Sequence[int]) -> list[float]:
    """Bits of the cheapest symbol of each table.

    >>> least_bits([[0, 1 << 15, 3 << 14, 1 << 16]], [4])
    [1.0]
    """
    widest = (
        max(high - low for low, high in pairwise(row[:size])) for row, size in zip(cdfs, sizes, strict=True)
    )
    return [PRECISION - math.log2(width) for width in widest]


def least_bytes(bits: float) -> int:
    """The fewest bytes that the coder writes for symbols of so many bits.

    The coder's state has 31 bits at first, and 63 at most when it is written, in 8 bytes. The rest has
    gone out by words of 4 bytes. Rounding takes less than a thousandth.
    """
    return 8 + 4 * max(0, math.ceil((bits * 0.999 - 32) / 32))


@functools.cache
def _extension(name: str) -> Any:
    """An extension of the package compressai.

    Raises:
        ImportError: compressai isn't installed.
    """
    full = f"compressai.{name}"
    if "compressai" in sys.modules:
        return import_module(full)
    package = find_spec("compressai")
    spec = PathFinder.find_spec(full, package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no {full}; install compressai")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    # Some extensions enter themselves here. A later `import compressai` is to import this one as part
    # of the package; Python then makes the same functions and classes of it.
    sys.modules.pop(full, None)
    return module
