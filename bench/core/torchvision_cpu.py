"""torchvision beside a CPU build of torch.

There is no CPU build of torchvision on PyPI, and the one that is there fails at import beside a CPU build of
torch: "operator torchvision::nms does not exist". What imports torchvision here uses none of its operators,
so declaring the two missing ones is enough.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_NMS = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_kept_alive: list[Any] = []  # torch.library drops its definitions when the Library object is collected


def make_importable() -> None:
    """Call before importing a package that imports torchvision. A torchvision that works is left alone.

    Raises:
        ImportError: torch or torchvision isn't installed.
    """
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
