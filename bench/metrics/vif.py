"""Visual information fidelity in the pixel domain (Sheikh, Bovik 2006), by the package piq."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from bench.core import torchvision_cpu
from bench.metrics.base import RGB, Metric, Score

if TYPE_CHECKING:
    from torch import Tensor

MIN_SIDE = 41  # piq's, for its four scales


class Vif(Metric):
    """0 for a picture without any of the original's information, 1 for an equal one; above 1 where contrast
    is higher than the original's."""

    name = "vif"
    title = "VIF (luma)"
    library = "piq, vif_p; of BT.601 luma"

    @classmethod
    def missing(cls) -> str | None:
        absent = [name for name in ("torch", "torchvision", "piq") if find_spec(name) is None]
        return f"it needs {' and '.join(absent)}; pip install piq" if absent else None

    def version(self) -> str:
        return f"piq {version('piq')}, float64"

    def against(self, original: RGB) -> Score:
        torchvision_cpu.make_importable()
        import torch
        from piq import vif_p

        reference = _tensor(original)

        def score(decoded: RGB) -> float | None:
            if min(original.shape[:2]) < MIN_SIDE:
                return None
            with torch.inference_mode():
                return float(vif_p(_tensor(decoded), reference, data_range=255))

        return score


def _tensor(picture: RGB) -> Tensor:
    """(1, 3, height, width), 0 to 255; in float32, VIF is off by up to 6e-4."""
    import torch

    return torch.from_numpy(np.array(picture.transpose(2, 0, 1), np.float64))[None]
