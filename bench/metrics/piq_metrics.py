"""Metrics that the package piq computes: VIF, FSIM, IW-SSIM, GMSD and HaarPSI.

All is computed in float64: in float32, VIF is off by up to 6e-4. Luma is that of YIQ, of gamma-coded R, G and
B (0.299 R + 0.587 G + 0.114 B).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bench.core import torchvision_cpu
from bench.metrics.base import RGB, Metric, Score

if TYPE_CHECKING:
    from torch import Tensor


class PiqMetric(Metric):
    """A metric that is a function of piq. A subclass says which, in `value`."""

    perfect: ClassVar[float] = 1.0  # of equal pictures

    @classmethod
    def missing(cls) -> str | None:
        absent = [name for name in ("torch", "torchvision", "piq") if find_spec(name) is None]
        return f"it needs {' and '.join(absent)}; pip install piq" if absent else None

    def version(self) -> str:
        return f"piq {version('piq')}, float64"

    def against(self, original: RGB) -> Score:
        torchvision_cpu.make_importable()
        import piq
        import torch

        reference = _tensor(original)

        def score(decoded: RGB) -> float | None:
            if not self.takes(original):
                return None
            if np.array_equal(decoded, original):
                return self.perfect  # which rounding would miss; of black, some functions make no number
            try:
                with torch.inference_mode():
                    value = float(self.value(piq, _tensor(decoded), reference))
            except torch.linalg.LinAlgError:  # type: ignore[attr-defined]  # IW-SSIM of a flat picture
                return None
            return value if math.isfinite(value) else None

        return score

    @abstractmethod
    def value(self, piq: Any, decoded: Tensor, original: Tensor) -> Tensor:
        """The score of a decoded picture; both are 1 x 3 x height x width, 0 to 255."""


class Vif(PiqMetric):
    """Visual information fidelity in the pixel domain (Sheikh, Bovik 2006).

    0 for a picture without any of the original's information, 1 for an equal one; above 1 where contrast is
    higher than the original's.
    """

    name = "vif"
    title = "VIF (luma)"
    library = "piq, vif_p; luma of YIQ"
    summary = "How much of the original's information, as the eye takes it up, is left."
    min_side = 41  # for its four scales

    def value(self, piq: Any, decoded: Tensor, original: Tensor) -> Tensor:
        value: Tensor = piq.vif_p(decoded, original, data_range=255)
        return value


class Fsim(PiqMetric):
    """Feature similarity with colour, FSIMc (Zhang, Zhang, Mou, Zhang 2011): 0 to 1, which is equal."""

    name = "fsim"
    title = "FSIMc"
    library = "piq, fsim with chroma"
    summary = "Similarity of edges (phase congruency, gradients) and of chroma, weighted by the edges."
    min_side = 16

    def value(self, piq: Any, decoded: Tensor, original: Tensor) -> Tensor:
        value: Tensor = piq.fsim(decoded, original, data_range=255, chromatic=True)
        return value


class IwSsim(PiqMetric):
    """Information-weighted SSIM (Wang, Li 2011): 0 to 1, which is equal; none for a picture that is flat."""

    name = "iw_ssim"
    title = "IW-SSIM (luma)"
    library = "piq, information_weighted_ssim; luma of YIQ"
    summary = "MS-SSIM of luma, weighted by where a picture has most information."
    min_side = 176

    def value(self, piq: Any, decoded: Tensor, original: Tensor) -> Tensor:
        value: Tensor = piq.information_weighted_ssim(decoded, original, data_range=255)
        return value


class Gmsd(PiqMetric):
    """Gradient magnitude similarity deviation (Xue, Zhang, Mou, Bovik 2014).

    0 for an equal picture, seldom more than 0.35; lower is better.
    """

    name = "gmsd"
    title = "GMSD (luma)"
    library = "piq, gmsd; luma of YIQ"
    summary = "How unevenly gradients of luma were changed; 0 for an equal picture."
    higher_is_better = False
    perfect = 0.0
    min_side = 8

    def value(self, piq: Any, decoded: Tensor, original: Tensor) -> Tensor:
        value: Tensor = piq.gmsd(decoded, original, data_range=255)
        return value


class HaarPsi(PiqMetric):
    """Haar wavelet-based perceptual similarity index (Reisenhofer, Bosse, Kutyniok, Wiegand 2018).

    0 to 1, which is equal.
    """

    name = "haarpsi"
    title = "HaarPSI"
    library = "piq, haarpsi"
    summary = "Similarity of Haar wavelets' coefficients of luma and of chroma."
    min_side = 16

    def value(self, piq: Any, decoded: Tensor, original: Tensor) -> Tensor:
        value: Tensor = piq.haarpsi(decoded, original, data_range=255)
        return value


def _tensor(picture: RGB) -> Tensor:
    """1 x 3 x height x width, 0 to 255."""
    import torch

    return torch.from_numpy(np.array(picture.transpose(2, 0, 1), np.float64))[None]
