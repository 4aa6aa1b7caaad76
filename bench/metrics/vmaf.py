"""VMAF (Netflix), by libvmaf in the ffmpeg of imageio-ffmpeg."""

from __future__ import annotations

import json
from typing import ClassVar

from bench.core.errors import BenchError
from bench.metrics import ffmpeg
from bench.metrics.base import RGB, Metric, Score


class Vmaf(Metric):
    """VMAF, model vmaf_v0.6.1, of a picture taken for a video of one frame: 0 to 100, about 97 for an equal
    picture. The model looks at luma only and is made of videos in BT.709."""

    name = "vmaf"
    title = "VMAF"
    library = "libvmaf (vmaf_v0.6.1) in imageio-ffmpeg's ffmpeg; luma by BT.709, limited range"
    summary = "What viewers of videos on a TV screen would say, learnt from their scores."
    min_side = 17  # with less, libvmaf crashes
    model: ClassVar[str] = "vmaf_v0.6.1"

    @classmethod
    def missing(cls) -> str | None:
        return ffmpeg.missing("libvmaf")

    def version(self) -> str:
        return f"{self.model}, {ffmpeg.package()}"

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float | None:
            return _vmaf(original, decoded, self.model) if self.takes(original) else None

        return score


class VmafNeg(Vmaf):
    """VMAF NEG ("no enhancement gain"), model vmaf_v0.6.1neg: 0 to 100, about 97 for an equal picture."""

    name = "vmaf_neg"
    title = "VMAF NEG"
    library = "libvmaf (vmaf_v0.6.1neg) in imageio-ffmpeg's ffmpeg; luma by BT.709, limited range"
    summary = "VMAF without a bonus for sharpening or more contrast than the original's."
    model = "vmaf_v0.6.1neg"


def _vmaf(original: RGB, decoded: RGB, model: str) -> float:
    options = f"libvmaf=model=version={model}:log_fmt=json:log_path={ffmpeg.LOG}"
    log = ffmpeg.compare(decoded, original, options)
    try:
        return float(json.loads(log)["pooled_metrics"]["vmaf"]["mean"])
    except (ValueError, KeyError):
        raise BenchError("libvmaf failed: its log has no score") from None
