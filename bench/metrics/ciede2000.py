"""The colour difference CIEDE2000 (CIE 142-2001; Sharma, Wu, Dalal 2005), by scikit-image.

Colours are CIELAB of sRGB under D65, as scikit-image converts them.
"""

from __future__ import annotations

import math
from importlib.metadata import version

from bench.metrics.base import RGB, Metric, Score
from bench.metrics.pair import check_pair

_STRIP = 64  # rows that are compared at once, to be sparing with memory


def mean_difference(original: RGB, decoded: RGB, kl: float = 1, kc: float = 1, kh: float = 1) -> float:
    """The mean CIEDE2000 difference (Delta E) over all pixels.

    Args:
        original, decoded: uint8, height x width x 3, sRGB.
        kl, kc, kh: what differences of lightness, chroma and hue are divided by.

    Returns:
        0 for equal pictures; about 1 is a difference that is just noticed; black and white differ by 100.

    Raises:
        BenchError: this is no pair of 8-bit pictures of one size.

    >>> import numpy as np
    >>> grey = np.full((8, 8, 3), 128, np.uint8)
    >>> round(mean_difference(grey, grey + 2), 3)
    0.753
    """
    from skimage.color import deltaE_ciede2000, rgb2lab

    check_pair(original, decoded)
    total = 0.0
    for top in range(0, len(original), _STRIP):
        strips = original[top : top + _STRIP], decoded[top : top + _STRIP]
        differs = (strips[0] != strips[1]).any(axis=2)  # of equal ones, rounding would make a difference
        if differs.any():
            first, second = (rgb2lab(strip[differs]) for strip in strips)
            total += float(deltaE_ciede2000(first, second, kL=kl, kC=kc, kH=kh).sum())
    return total / (original.shape[0] * original.shape[1])


class Ciede2000(Metric):
    """Mean CIEDE2000 difference (Delta E), 0 or more; lower is better. See `mean_difference`."""

    name = "ciede2000"
    title = "CIEDE2000"
    unit = "Delta E"
    library = "scikit-image; D65, kL = kC = kH = 1"
    summary = "Mean difference of colours as seen; 1 is just noticed."
    higher_is_better = False

    def version(self) -> str:
        return f"scikit-image {version('scikit-image')}"

    def against(self, original: RGB) -> Score:
        return lambda decoded: mean_difference(original, decoded)


class Ciede2000Db(Ciede2000):
    """45 - 20 log10 of the mean difference with kL = 0.65, kC = 1, kH = 4, in dB, as Daala and av-metrics
    report it (weights by Yang, Ming, Yu 2012); infinity for equal pictures."""

    name = "ciede2000_db"
    title = "CIEDE2000 (dB)"
    unit = "dB"
    library = "scikit-image; 45 - 20 log10 Delta E, kL = 0.65, kC = 1, kH = 4, as in Daala"
    summary = "Mean difference of colours, lightness weighted up and hue down, on a scale of decibels."
    higher_is_better = True

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float:
            difference = mean_difference(original, decoded, kl=0.65, kh=4)
            return 45 - 20 * math.log10(difference) if difference else math.inf

        return score

    def linear(self, value: float) -> float:
        """The mean difference."""
        return 10 ** ((45 - value) / 20)

    def from_linear(self, mean: float) -> float:
        return 45 - 20 * math.log10(mean) if mean > 0 else math.inf
