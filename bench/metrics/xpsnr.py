"""XPSNR (Helmrich, Bosse, Siekmann, Schwarz, Marpe, Wiegand 2020), by its authors' filter in imageio-ffmpeg's
ffmpeg."""

from __future__ import annotations

import math
import re

from bench.core.errors import BenchError
from bench.metrics import ffmpeg
from bench.metrics.base import RGB, Metric, Score

_LUMA = re.compile(r"^n: +2 +XPSNR y: +(\S+)", re.MULTILINE)


class Xpsnr(Metric):
    """XPSNR of luma in dB, infinity for equal pictures, to four decimals.

    The picture is taken for a video of two equal frames, whose second one counts: in the first frame the
    filter takes brightness for motion.
    """

    name = "xpsnr"
    title = "XPSNR (Y)"
    unit = "dB"
    library = "xpsnr in imageio-ffmpeg's ffmpeg; luma by BT.709, limited range"
    summary = "Squared error of luma, weighted down in blocks where texture hides it."
    min_side = 45  # with less, the filter has no block and may crash

    @classmethod
    def missing(cls) -> str | None:
        return ffmpeg.missing("xpsnr")

    def version(self) -> str:
        return f"second frame, {ffmpeg.package()}"

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float | None:
            return _xpsnr(original, decoded) if self.takes(original) else None

        return score

    def linear(self, value: float) -> float:
        """The weighted squared error / 255^2."""
        return 10 ** (-value / 10)

    def from_linear(self, mean: float) -> float:
        return -10 * math.log10(mean) if mean > 0 else math.inf


def _xpsnr(original: RGB, decoded: RGB) -> float:
    log = ffmpeg.compare(original, decoded, f"xpsnr=stats_file={ffmpeg.LOG}", frames=2)
    match = _LUMA.search(log)
    if match is None:
        raise BenchError("xpsnr failed: its log has no score")
    return float(match[1])
