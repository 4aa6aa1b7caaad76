"""HEVC intra by x265, by default tuned for PSNR."""

from __future__ import annotations

from bench.codecs.ffmpeg import FfmpegCodec
from bench.codecs.parameters import Parameter

_FAST = ("ultrafast", "superfast", "veryfast", "faster", "fast")
_SLOW = ("medium", "slow", "slower", "veryslow", "placebo")


class Hevc(FfmpegCodec):
    """Quality is the QP of the picture."""

    name = "hevc"
    summary = "HEVC intra by x265, 4:4:4, 10 bits, tuned for PSNR"
    qualities = (47, 42, 37, 32, 27, 22, 17)
    quality_range = (0, 51)
    parameters = {
        "chroma": Parameter(444, "4:4:4 or 4:2:0", (444, 420)),
        "preset": Parameter("slower", "ultrafast to placebo", _FAST + _SLOW),
        "tune": Parameter("psnr", "or none: for the eye", ("psnr", "none")),
    }
    libraries = ("libx265",)
    muxer = demuxer = "hevc"

    def options(self, quality: str) -> tuple[str, ...]:
        tune = () if self.values["tune"] == "none" else ("-tune", str(self.values["tune"]))
        # Without ipratio=1, the QP of intra frames is 3 below the QP set. Without info=0, x265
        # writes its settings into the stream, 2 kB of text.
        settings = f"qp={quality}:ipratio=1:keyint=1:info=0:log-level=error"
        return ("-c:v", "libx265", "-preset", str(self.values["preset"]), *tune, "-x265-params", settings)
