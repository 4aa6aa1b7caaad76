"""What the video encoders in FFmpeg have in common: a picture is a film of one frame, coded as intra.

FFmpeg is the program inside the package imageio-ffmpeg; the setting IMAGEIO_FFMPEG_EXE names
another. FFmpeg reads planes of YCbCr (`bench.codecs.colour`) and converts nothing itself. The
bitstream is the bare stream of the codec, without a container.
"""

from __future__ import annotations

import functools
import re
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from bench.codecs import framing, packages, planes, program
from bench.codecs.base import RGB, Codec, CodecError
from bench.codecs.colour import Format
from bench.core.images import MOST_PIXELS


class FfmpegCodec(Codec):
    """An encoder that FFmpeg brings; a subclass says which, and sets its options."""

    libraries: ClassVar[tuple[str, ...]]  # encoders that are needed, in FFmpeg's names
    muxer: ClassVar[str]  # of the bare stream, in FFmpeg's names
    demuxer: ClassVar[str]
    decoder_options: ClassVar[tuple[str, ...]] = ()
    least_side: ClassVar[int] = 16  # smaller pictures are made larger, and cut after decoding

    @classmethod
    def missing(cls) -> str | None:
        if absent := packages.missing("imageio_ffmpeg"):
            return absent
        try:
            known = _encoders()
        except (CodecError, RuntimeError) as error:
            return f"imageio-ffmpeg has no FFmpeg that runs here ({error})"
        absent = next((name for name in cls.libraries if not re.search(rf"\b{name}\b", known)), None)
        return f"this FFmpeg was built without {absent}; take imageio-ffmpeg's own" if absent else None

    @abstractmethod
    def options(self, quality: str) -> tuple[str, ...]:
        """FFmpeg's options for the encoder and its settings."""

    @property
    def chroma(self) -> int:
        """444 or 420."""
        return int(self.values["chroma"])

    def version(self) -> str:
        return f"FFmpeg {_ffmpeg_version()}, {self.settings()}"

    def reads(self) -> list[Path]:
        return [Path(_executable())]

    def provenance(self) -> dict[str, Any]:
        commands = (
            ("ffmpeg", *self._encoding("{width}", "{height}", "{quality}")),
            ("ffmpeg", *self._decoding()),
        )
        return super().provenance() | program.provenance_of(*commands, [Path(_executable())])

    def encode(self, image: RGB, quality: float) -> bytes:
        framed, prefix = framing.frame(image, 2 if self.chroma == 420 else 1, self.least_side)
        height, width = framed.shape[:2]
        command = (_executable(), *self._encoding(str(width), str(height), str(int(quality))))
        made = program.convert(command, ("input.yuv", planes.raw(framed, self._format)), "output.bin")
        self._refuse_another_format(made.output)
        return prefix + made.content

    def decode(self, bitstream: bytes) -> RGB:
        stream, own_size = framing.split(bitstream)
        command = (_executable(), *self._decoding())
        made = program.convert(command, ("input.bin", stream), "output.y4m")
        return framing.cut(planes.from_y4m(made.content, self._format.full), own_size)

    def _encoding(self, width: str, height: str, quality: str) -> tuple[str, ...]:
        return (
            *("-hide_banner", "-nostdin", "-f", "rawvideo", "-pix_fmt", self._pixel_format),
            *("-video_size", f"{width}x{height}", "-i", "input.yuv", "-frames:v", "1"),
            *("-threads", str(program.threads()), *self.options(quality)),
            *("-fps_mode", "passthrough", "-f", self.muxer, "output.bin"),
        )

    def _decoding(self) -> tuple[str, ...]:
        return (
            # By default FFmpeg paints over what it can't decode, and all seems well.
            *("-hide_banner", "-nostdin", "-loglevel", "error", "-xerror", "-err_detect", "explode"),
            *(
                "-max_pixels",
                str(MOST_PIXELS),
                *self.decoder_options,
                "-f",
                self.demuxer,
                "-i",
                "input.bin",
                "-frames:v",
                "1",
            ),
            *("-strict", "-1", "-f", "yuv4mpegpipe", "output.y4m"),
        )

    @property
    def _format(self) -> Format:
        return Format(10, self.chroma, full=True)

    @property
    def _pixel_format(self) -> str:
        return f"yuv{self.chroma}p10le"

    def _refuse_another_format(self, printed: str) -> None:
        """Where an encoder has no such pixel format, FFmpeg takes the next best and only warns."""
        output = re.search(r"Output #0.*?Video: \w+[^,]*, (\w+)", printed, re.DOTALL)
        if output is None or output[1] != self._pixel_format:
            instead = output[1] if output else "something unknown"
            raise CodecError(f"FFmpeg was to encode {self._pixel_format} and took {instead} instead")


@functools.cache
def _executable() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())


@functools.cache
def _encoders() -> str:
    return program.ask((_executable(), "-encoders"))


@functools.cache
def _ffmpeg_version() -> str:
    banner = re.search(r"ffmpeg version (\S+)", program.ask((_executable(), "-version")))
    return banner[1] if banner else "of unknown version"
