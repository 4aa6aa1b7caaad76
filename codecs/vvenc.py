"""VVC intra by VVenC, the fast encoder of Fraunhofer HHI. It codes 4:2:0 and can't do otherwise."""

from __future__ import annotations

from bench.codecs.ffmpeg import FfmpegCodec
from bench.codecs.parameters import Parameter


class VVenC(FfmpegCodec):
    """Quality is the QP."""

    name = "vvenc"
    summary = "VVC intra by VVenC, always 4:2:0, 10 bits, without its tuning for the eye"
    qualities = (47, 42, 37, 32, 27, 22, 17)
    quality_range = (0, 63)
    parameters = {
        "chroma": Parameter(420, "4:2:0, as VVenC has no other", (420,)),
        "preset": Parameter("medium", "faster to slower", ("faster", "fast", "medium", "slow", "slower")),
        "qpa": Parameter(0, "1: tuned for the eye", (0, 1)),
    }
    libraries = ("libvvenc",)
    muxer = demuxer = "vvc"
    # Threads of FFmpeg's VVC decoder race: now and then a picture would come back wrong.
    decoder_options = ("-threads", "1")
    least_side = 32

    def options(self, quality: str) -> tuple[str, ...]:
        preset, qpa = str(self.values["preset"]), str(self.values["qpa"])
        bare = ("-vvenc-params", "AccessUnitDelimiter=0")  # 7 bytes that a single picture has no use for
        return ("-c:v", "libvvenc", "-preset", preset, "-qp", quality, "-qpa", qpa, *bare)
