"""BPG, intra frames of HEVC in a small container, by Fabrice Bellard's own programs (libbpg)."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.codecs import framing, pillow, program
from bench.codecs.base import RGB, Codec, CodecError
from bench.codecs.locate import Programs, Suite, files, locate, missing
from bench.codecs.parameters import Parameter

_LEAST_SIDE = 32  # bpgenc's x265 falls over with a width of 24


class Bpg(Codec):
    """Quality is the QP. The programs convert colours themselves, by default to BT.601 in full
    range, as the published curves have it."""

    name = "bpg"
    summary = "BPG by bpgenc with x265, 4:4:4, 8 bits, as the published curves are"
    qualities = (47, 42, 37, 32, 27, 22)
    quality_range = (0, 51)
    parameters = {
        "encoder": Parameter("x265", "or jctvc, HM's: slower and better", ("x265", "jctvc")),
        "chroma": Parameter(444, "4:4:4, 4:2:2 or 4:2:0", (444, 422, 420)),
        "bits": Parameter(8, "inside of the codec", (8, 10)),
        "colour": Parameter("ycbcr", "or ycbcr_bt709, rgb", ("ycbcr", "ycbcr_bt709", "rgb")),
        "effort": Parameter(8, "1 fastest to 9 best", between=(1, 9)),
    }

    suite = Suite("bpg", ("bpgenc",), ("bpgdec",), "build libbpg 0.9.8 from https://bellard.org/bpg/")

    @classmethod
    def missing(cls) -> str | None:
        return missing(cls.suite)

    def version(self) -> str:
        return f"{self._version}, {self.settings()}"

    def reads(self) -> list[Path]:
        return files(self.suite)

    def provenance(self) -> dict[str, Any]:
        commands = ("bpgenc", *self._encoding("{quality}")), ("bpgdec", *_DECODING)
        programs = self._programs.encoder, self._programs.decoder
        return super().provenance() | program.provenance_of(*commands, programs)

    def encode(self, image: RGB, quality: float) -> bytes:
        command = (str(self._programs.encoder), *self._encoding(str(int(quality))))
        least = _LEAST_SIDE if self.values["encoder"] == "x265" else 1
        framed, prefix = framing.frame(image, least=least)
        png = pillow.save(framed, "PNG", compress_level=1)
        try:
            return prefix + program.convert(command, ("input.png", png), "output.bpg").content
        except CodecError as error:
            if self.values["encoder"] == "jctvc" and "Could not open" in str(error):
                raise CodecError(f"{error}; its jctvc writes to /tmp, which --unconfined allows") from None
            raise

    def decode(self, bitstream: bytes) -> RGB:
        command = (str(self._programs.decoder), *_DECODING)
        stream, own_size = framing.split(bitstream)
        made = program.convert(command, ("input.bpg", stream), "output.ppm")
        return framing.cut(pillow.load(made.content, "PPM"), own_size)

    def _encoding(self, quality: str) -> tuple[str, ...]:
        values = {name: str(value) for name, value in self.values.items()}
        return (
            "-q", quality, "-f", values["chroma"], "-b", values["bits"], "-e", values["encoder"],
            "-c", values["colour"], "-m", values["effort"], "-o", "output.bpg", "input.png",
        )  # fmt: skip

    @cached_property
    def _programs(self) -> Programs:
        return locate(self.suite)[0]

    @cached_property
    def _version(self) -> str:
        banner = re.search(r"version ([\w.]+)", program.ask([str(self._programs.encoder), "-h"]))
        if banner is None:
            raise CodecError("bpgenc prints no version, as libbpg's bpgenc does; is it another program?")
        return f"libbpg {banner[1]}"


_DECODING = ("-o", "output.ppm", "input.bpg")
