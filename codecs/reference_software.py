"""What VTM and HM have in common: the experts' reference encoders, run as the experts run them.

The encoder reads planes of YCbCr (`bench.codecs.colour`), by default 4:4:4 with 10 bits in full
range, and codes a single intra frame by the software's own configuration for intra frames.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from bench.codecs import framing, planes, program
from bench.codecs.base import RGB, Codec
from bench.codecs.colour import Format
from bench.codecs.locate import Programs, Suite, files, locate, missing
from bench.codecs.parameters import Parameter
from bench.core.errors import BenchError


class ReferenceSoftware(Codec):
    """An encoder of the JVET or JCT-VC and its decoder; a subclass says which. Quality is the QP."""

    suite: ClassVar[Suite]
    config: ClassVar[str]  # file of settings for intra frames, in the software's cfg/
    options: ClassVar[tuple[str, ...]] = ()  # more options of the encoder

    qualities = (47, 42, 37, 32, 27, 22)
    quality_range = (0, 51)
    parameters = {
        "chroma": Parameter(444, "4:4:4, or 4:2:0, for which odd sizes are padded", (444, 420)),
        "bits": Parameter(10, "of the samples that go in and come out", (8, 10)),
        "range": Parameter("full", "of the samples", ("full", "limited")),
        "cfg": Parameter("", "a configuration of your own instead of the software's", path=True),
        "version": Parameter("", "that is to be used, of several"),
    }

    @abstractmethod
    def size(self, stream: bytes) -> tuple[int, int]:
        """Height and width of the picture in a stream."""

    @classmethod
    def missing(cls) -> str | None:
        return missing(cls.suite)

    def version(self) -> str:
        from bench.core.files import sha256_of

        samples = f"{self.values['chroma']}, {self.values['bits']} bits, {self.values['range']} range"
        return f"{self._located[1]}, {self._config.name} {sha256_of(self._config)[:10]}, chroma {samples}"

    def reads(self) -> list[Path]:
        return [*super().reads(), *files(self.suite), self._config]

    def provenance(self) -> dict[str, Any]:
        encoder, decoder = self._programs.encoder, self._programs.decoder
        commands = (
            (encoder.name, *self._encoding("{quality}", "{width}", "{height}")),
            (decoder.name, *self._decoding()),
        )
        return super().provenance() | program.provenance_of(*commands, (encoder, decoder, self._config))

    def encode(self, image: RGB, quality: float) -> bytes:
        framed, prefix = framing.frame(image, multiple=2 if self.values["chroma"] == 420 else 1)
        height, width = framed.shape[:2]
        words = self._encoding(str(int(quality)), str(width), str(height))
        command = (str(self._programs.encoder), *words[:1], str(self._config), *words[2:])
        yuv = planes.raw(framed, self._format)
        return prefix + program.convert(command, ("input.yuv", yuv), "output.bin").content

    def decode(self, bitstream: bytes) -> RGB:
        stream, own_size = framing.split(bitstream)
        height, width = self.size(stream)
        command = (str(self._programs.decoder), *self._decoding())
        made = program.convert(command, ("input.bin", stream), "output.yuv")
        return framing.cut(planes.from_raw(made.content, height, width, self._format), own_size)

    def _encoding(self, quality: str, width: str, height: str) -> tuple[str, ...]:
        return (
            "-c", self._config.name, "-i", "input.yuv", "-b", "output.bin", "-o", "/dev/null",
            "-q", quality, "-wdt", width, "-hgt", height, "-fr", "1", "-f", "1",
            f"--InputChromaFormat={self.values['chroma']}", f"--InputBitDepth={self.values['bits']}",
            "--ConformanceWindowMode=1", *self.options,
        )  # fmt: skip

    def _decoding(self) -> tuple[str, ...]:
        return "-b", "input.bin", "-o", "output.yuv", "-d", str(self.values["bits"])

    @property
    def _format(self) -> Format:
        return Format(int(self.values["bits"]), int(self.values["chroma"]), self.values["range"] == "full")

    @property
    def _programs(self) -> Programs:
        return self._located[0]

    @cached_property
    def _located(self) -> tuple[Programs, str]:
        """The programs of the version that is asked for, and title and number that they print."""
        wanted = str(self.values["version"])
        versions = []
        for programs in locate(self.suite):
            title, number = self._banner(programs)
            if wanted in ("", number):
                return programs, f"{title} {number}"
            versions.append(number)
        name, there = type(self).name, ", ".join(versions) or "nothing"
        raise BenchError(
            f"{name} {wanted} isn't there, only {there}; add the folder of {wanted} to {self.suite.setting}"
        )

    def _banner(self, programs: Programs) -> tuple[str, str]:
        """Title and number of the encoder, such as VTM and 12.1, which it prints before its help."""
        printed = program.ask([str(programs.encoder), "--help"])
        if banner := re.search(r"\b(VTM|HM) (?:software: )?Encoder Version \[?([\w.+-]+)", printed):
            return banner[1], banner[2]
        raise BenchError(
            f"{programs.encoder.name} prints no version, as {type(self).name}'s does; is it another program?"
        )

    @cached_property
    def _config(self) -> Path:
        if own := self.values["cfg"]:
            return Path(str(own))
        if config := self._programs.beside(self.config):
            return config
        raise BenchError(
            f"{type(self).name} needs {self.config} from the cfg/ of its source; put it beside the programs, "
            f"or name it as {type(self).name}:cfg=PATH"
        )
