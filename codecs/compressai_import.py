"""The one place where compressai is imported, as that takes some help beside a CPU build of torch."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType

from bench.core import torchvision_cpu


@functools.cache
def compressai() -> ModuleType:
    """Import compressai with its entropy models and return it.

    Raises:
        ImportError: compressai (or what it needs) is not installed.
    """
    torchvision_cpu.make_importable()
    importlib.import_module("compressai.ans")
    importlib.import_module("compressai.entropy_models")
    return importlib.import_module("compressai")
