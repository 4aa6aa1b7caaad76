"""What a metric is to the harness: the original first, then pictures decoded from it; a number for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]  # height x width x 3, sRGB
Score = Callable[[RGB], "float | None"]

USUAL = "usual"
AVERAGES = (USUAL, "mean-of-db", "db-of-mean")


class Metric(ABC):
    """A metric plugin: higher is better, and it knows nothing of codecs or rates.

    A subclass names itself and implements `against`. Where the metric has a scale of decibels, it says
    how to get there (`in_db`) and back to what adds up (`linear`), and which average papers take.
    """

    name: ClassVar[str]
    title: ClassVar[str]  # for axes and tables
    unit: ClassVar[str] = ""  # of the scale that curves are drawn and deltas taken on
    library: ClassVar[str]  # who computes it: values differ between libraries
    usual_average: ClassVar[str] = "mean-of-db"  # what papers take

    @classmethod
    def missing(cls) -> str | None:
        """What must be installed before it can run here, as a sentence; None if nothing is missing."""
        return None

    @abstractmethod
    def version(self) -> str:
        """All that decides its values: versions of libraries and models."""

    @abstractmethod
    def against(self, original: RGB) -> Score:
        """What scores pictures decoded from `original` (uint8, height x width x 3): what only the original
        decides is computed once. A score is None for pictures that the metric isn't defined on; inf is a
        score."""

    def in_db(self, value: float) -> float:
        """A value on the scale of curves; for most metrics the value itself."""
        return value

    def from_db(self, decibels: float) -> float:
        """The inverse of `in_db`."""
        return decibels

    def linear(self, value: float) -> float:
        """What to take the mean of for the dB of the mean (for PSNR, a value proportional to MSE)."""
        return value

    def from_linear(self, mean: float) -> float:
        """The value that such a mean stands for; the inverse of `linear`."""
        return mean

    def mean_in_db(self, values: Sequence[float], average: str = USUAL) -> float:
        """The mean of values on the scale of curves: the mean of their dB, or the dB of their mean."""
        average = self.usual_average if average == USUAL else average
        if average == "mean-of-db":
            return fmean(self.in_db(value) for value in values)
        return self.in_db(self.from_linear(fmean(self.linear(value) for value in values)))
