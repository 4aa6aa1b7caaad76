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
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
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
