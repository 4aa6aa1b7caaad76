"""AV1 intra by libaom or SVT-AV1, tuned for PSNR."""

from __future__ import annotations

from bench.codecs.ffmpeg import FfmpegCodec
from bench.codecs.parameters import Parameter, Value
from bench.core.errors import BenchError


class Av1(FfmpegCodec):
    """Quality is the quantiser of constant quality, 0 (best) to 63."""

    name = "av1"
    summary = "AV1 intra by libaom, 4:4:4, 10 bits, tuned for PSNR; or by SVT-AV1, 4:2:0"
    qualities = (63, 58, 52, 45, 38, 30, 22, 14, 7)
    quality_range = (0, 63)
    parameters = {
        "encoder": Parameter("libaom", "or svt, which has 4:2:0 only", ("libaom", "svt")),
        "chroma": Parameter(444, "4:4:4 or 4:2:0", (444, 420)),
        "speed": Parameter(3, "0 slowest and best to 8 fastest", between=(0, 8)),
    }
    libraries = ("libaom-av1", "libsvtav1")
    muxer = demuxer = "obu"

    def __init__(self, **values: Value) -> None:
        super().__init__(**values)
        if self.values["encoder"] == "svt" and self.chroma != 420:
            raise BenchError("SVT-AV1 codes 4:2:0 only; write av1:encoder=svt,chroma=420")

    def options(self, quality: str) -> tuple[str, ...]:
        speed = str(self.values["speed"])
        if self.values["encoder"] == "svt":
            return ("-c:v", "libsvtav1", "-preset", speed, "-crf", quality, "-svtav1-params", "tune=1:avif=1")
        # Usage "good", which is the default: at equal time it needs some 3 % less rate than
        # "allintra".
        still = ("-still-picture", "1", "-cpu-used", speed)
        return ("-c:v", "libaom-av1", *still, "-crf", quality, "-b:v", "0", "-aom-params", "tune=psnr")
