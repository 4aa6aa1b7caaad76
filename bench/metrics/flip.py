"""FLIP (Andersson, Nilsson, Akenine-Moller and others, NVIDIA, HPG 2020), by its authors' flip-evaluator."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from bench.metrics.base import RGB, Metric, Score


class Flip(Metric):
    """Mean of LDR-FLIP's map of errors, 0 to 1; 0 for equal pictures, lower is better.

    The map says how visible a difference is to someone who alternates between the two pictures, at 67 pixels
    a degree: a screen of 3840 pixels and 0.7 m of width, seen from 0.7 m.
    """

    name = "flip"
    title = "FLIP"
    library = "flip-evaluator, LDR, 67 pixels a degree; mean of the map"
    summary = "How visible differences are to someone who alternates between both pictures."
    higher_is_better = False

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("flip_evaluator") else "it needs flip-evaluator; pip install flip-evaluator"

    def version(self) -> str:
        return f"flip-evaluator {version('flip-evaluator')}, mean in float64"

    def against(self, original: RGB) -> Score:
        import flip_evaluator

        reference = _unit(original)

        def score(decoded: RGB) -> float:
            # The package's own mean is summed in float32, which costs up to 5e-6 on a photo of 512 x 512.
            errors, *_ = flip_evaluator.evaluate(
                reference, _unit(decoded), "LDR", applyMagma=False, computeMeanError=False
            )
            return float(np.mean(errors, dtype=np.float64))

        return score


def _unit(picture: RGB) -> NDArray[np.float32]:
    """sRGB as numbers from 0 to 1."""
    return picture.astype(np.float32) / np.float32(255)
