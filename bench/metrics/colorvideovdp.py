"""ColorVideoVDP (Mantiuk, Hanji, Ashraf, Asano, Chapiro, SIGGRAPH 2024), by its authors' package cvvdp."""

from __future__ import annotations

import logging
import sys
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np

from bench.core import torchvision_cpu
from bench.metrics.base import RGB, Metric, Score

DISPLAY = "standard_4k"  # 30 inches, 200 cd/m^2 in an office, seen from 0.75 m: 75 pixels a degree


class ColorVideoVdp(Metric):
    """ColorVideoVDP of a still picture on the display "standard_4k": to 10, which is no visible difference.

    A loss of 1 (just-objectionable difference, JOD) is one that three of four viewers see as worse. Flat
    pictures all score 10: the metric looks at contrast.
    """

    name = "cvvdp"
    title = "ColorVideoVDP"
    unit = "JOD"
    library = f"cvvdp, display {DISPLAY}, on the CPU"
    summary = "What viewers of a 4K screen in an office would say, by a model of contrast vision."
    min_side = 8

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("pycvvdp") else "it needs cvvdp; pip install 'codec-bench[cvvdp]'"

    def version(self) -> str:
        return f"cvvdp {version('cvvdp')}, {DISPLAY}"

    def against(self, original: RGB) -> Score:
        import torch

        model = _model()
        reference = _tensor(original)

        def score(decoded: RGB) -> float | None:
            if not self.takes(original):
                return None
            with torch.inference_mode():
                jod, _ = model.predict(_tensor(decoded), reference, dim_order="BCFHW")
            return float(jod)

        return score


@lru_cache(maxsize=1)
def _model() -> Any:
    torchvision_cpu.make_importable()
    path = list(sys.path)
    import pycvvdp
    import torch

    sys.path[:] = path  # the package adds its own folder, whose `utils` and the like would be found by others
    logging.getLogger().addFilter(_is_no_warning_of_darkness)
    return pycvvdp.cvvdp(display_name=DISPLAY, device=torch.device("cpu"), quiet=True)


def _is_no_warning_of_darkness(record: logging.LogRecord) -> bool:
    """The package warns of black pictures that they may be scaled wrongly."""
    return "mean color value is less than 1" not in record.getMessage()


def _tensor(picture: RGB) -> Any:
    """uint8, 1 x 3 x 1 frame x height x width."""
    import torch

    return torch.from_numpy(np.array(picture.transpose(2, 0, 1)))[None, :, None]
