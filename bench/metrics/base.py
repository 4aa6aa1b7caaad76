"""What a metric is to the harness: the original first, then pictures decoded from it; a number for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RGB: TypeAlias = "NDArray[np.uint8]"  # height x width x 3, sRGB, 0 to 255
Score: TypeAlias = "Callable[[RGB], float | None]"

USUAL = "usual"
BY_PIXELS = "by-pixels"
AVERAGES = (USUAL, "mean-of-db", "db-of-mean", BY_PIXELS)


class Metric(ABC):
    """A metric plugin. A metric knows nothing of codecs or rates.

    A subclass sets `name`, `title` and `library`, and any other of the class variables below whose default is
    wrong for it. It implements `version` and `against`. A metric with a scale of decibels also says how to
    get there (`in_db`, `from_db`), what to take a mean of (`linear`, `from_linear`) and which average papers
    take (`usual_average`).

    >>> class Darkness(Metric):
    ...     name, title, library = "darkness", "Darkness", "this docstring"
    ...     summary = "How far a picture's mean is from white."
    ...     higher_is_better = False
    ...     def version(self):
    ...         return "1"
    ...     def against(self, original):
    ...         return lambda decoded: 255 - float(decoded.mean())
    >>> Darkness().mean_in_db([100, 200])
    150.0
    """

    name: ClassVar[str]
    title: ClassVar[str]  # for axes and tables
    unit: ClassVar[str] = ""  # of the scale that curves are drawn and deltas taken on
    library: ClassVar[str]  # what computes the values: they differ between libraries
    summary: ClassVar[str] = ""  # what it measures, in a sentence
    higher_is_better: ClassVar[bool] = True  # on the scale of values and on that of curves
    min_side: ClassVar[int] = 1  # pixels: smaller pictures have no score
    device: ClassVar[str] = "cpu"  # what it computes on: "cpu" or "cuda"
    usual_average: ClassVar[str] = "mean-of-db"  # what papers take

    @classmethod
    def missing(cls) -> str | None:
        """What must be installed before the metric can run here, as a sentence; None: nothing."""
        return None

    @abstractmethod
    def version(self) -> str:
        """All that decides the values: versions of libraries and models.

        Rows that were scored by another version are measured anew, unless their values `stands`.
        """

    def stands(self, value: float | None, version: str) -> bool:
        """Whether a value that another version gave is what this one would give, but for noise.

        `bench run` keeps rows whose values stand. By default only those of this version do.
        """
        return version == self.version()

    @abstractmethod
    def against(self, original: RGB) -> Score:
        """A function that scores pictures decoded from `original`.

        What only the original decides is computed once, here.

        Args:
            original: uint8, height x width x 3.

        Returns:
            A function of a decoded picture (uint8, of the original's shape) that gives the score. Infinity is
            a score. None stands for pictures that the metric isn't defined on, such as too small ones.
        """

    def takes(self, picture: RGB) -> bool:
        """Whether a picture (height x width x 3) is large enough."""
        return min(picture.shape[:2]) >= self.min_side

    def in_db(self, value: float) -> float:
        """A value on the scale of curves; for most metrics the value itself."""
        return value

    def from_db(self, decibels: float) -> float:
        """The inverse of `in_db`."""
        return decibels

    def turned(self, value: float) -> float:
        """A value on the scale of curves, turned so that more is better: its negative where less is.

        All that compares curves works with turned values, so that nothing else need know the direction. What
        people see is turned back, by the same function.

        >>> from bench import metrics
        >>> metrics.get("psnr").turned(30.0), metrics.get("gmsd").turned(0.125)
        (30.0, -0.125)
        """
        return value if self.higher_is_better else -value

    def linear(self, value: float) -> float:
        """What the dB of the mean are taken over: for PSNR, a value proportional to the MSE."""
        return value

    def from_linear(self, mean: float) -> float:
        """The inverse of `linear`: the value that a mean stands for."""
        return mean

    def mean_in_db(
        self, values: Sequence[float], average: str = USUAL, weights: Sequence[float] | None = None
    ) -> float:
        """The mean of values on the scale of curves.

        Args:
            values: of single pictures, at least one.
            average: "mean-of-db" (of each picture's dB), "db-of-mean" (of a mean of `linear`), or "usual" and
                "by-pixels" (which of the two papers take).
            weights: of the pictures; None: all weigh the same.
        """
        if self.means_db(average):
            return fmean(map(self.in_db, values), weights)
        return self.in_db(self.from_linear(fmean(map(self.linear, values), weights)))

    def means_db(self, average: str) -> bool:
        """Whether an average of `AVERAGES` is a mean of dB, not the dB of a mean."""
        return (self.usual_average if average in (USUAL, BY_PIXELS) else average) == "mean-of-db"
