"""The one place where compressai is imported.

compressai imports torchvision, of which there is no CPU build on PyPI: beside a CPU build of torch,
``import torchvision`` fails with "operator torchvision::nms does not exist". compressai uses none of
torchvision's operators, so declaring the two missing ones is enough. With a working torchvision
nothing is touched.
"""

from __future__ import annotations

import functools
import importlib
import sys
from types import ModuleType
from typing import Any

_NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_kept_alive: list[Any] = []  # torch.library drops its definitions when the Library object is collected


@functools.cache
def compressai() -> ModuleType:
    """Import compressai with its entropy models and return it.

    Raises:
        ImportError: compressai (or what it needs) is not installed.
    """
    _make_torchvision_importable()
    importlib.import_module("compressai.ans")
    importlib.import_module("compressai.entropy_models")
    return importlib.import_module("compressai")


def _make_torchvision_importable() -> None:
    import torch

    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")
        library.define("nms" + _NMS)
        library.define("qnms" + _NMS)
        _kept_alive.append(library)
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        importlib.import_module("torchvision")
