"""What a codec is to the harness: pixels and a quality in, bytes out; bytes in, pixels out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.codecs.parameters import Parameter, Value, told
from bench.core.errors import BenchError

RGB = NDArray[np.uint8]  # height x width x 3, sRGB


class CodecError(BenchError):
    """A picture that can't be encoded, or a bitstream that can't be decoded: a sentence that says why."""


class Codec(ABC):
    """A codec plugin. It knows nothing of datasets, metrics or results.

    A subclass names itself, says which qualities draw its curve and which parameters it has, and implements
    `version`, `encode` and `decode`. On an object, `name` has the parameters that aren't at their default.
    One object codes many pictures; nothing of one may reach another, and `decode` may use only the bytes
    that it is given.
    """

    name: str
    summary: ClassVar[str] = ""  # one line for `bench list codecs`
    qualities: tuple[float, ...]  # that a curve is drawn from, lowest rate first
    quality_range: tuple[float, float]
    whole_qualities: ClassVar[bool] = True  # False: any number in the range is a quality
    slow: ClassVar[float] = 0.0  # seconds that a megapixel takes on two cores, if a run should say so first
    parameters: ClassVar[Mapping[str, Parameter]] = {}  # that `codec:name=value` sets

    def __init__(self, **values: Value) -> None:
        """With values of parameters, checked already; the others are at their defaults."""
        self.values = {name: parameter.default for name, parameter in self.parameters.items()} | values
        self.name = told(type(self).name, self.parameters, self.values)

    @classmethod
    def missing(cls) -> str | None:
        """What must be installed before it can run here, as a sentence; None if nothing is missing."""
        return None

    @abstractmethod
    def version(self) -> str:
        """All that decides what `encode` writes: versions of libraries and encoder, identity of weights,
        values of parameters."""

    def settings(self) -> str:
        """All parameters, as a version tells them: "chroma 444, effort 7"."""
        return ", ".join(f"{name} {value}" for name, value in self._told_values().items())

    def sampling(self) -> str | None:
        """How chroma is sampled, such as "4:2:0", which is told beside the codec's figures; None: it has all
        of its samples."""
        chroma = str(self.values.get("chroma", "444"))
        return None if chroma == "444" else ":".join(chroma)

    def provenance(self) -> dict[str, Any]:
        """What else another must know to get the same figures, as plain values: `parameters`, `chroma` (see
        `sampling`), `commands` (exact command lines), hashes of programs and weights, `model_parameters`,
        `model_bytes`. No path of this machine."""
        found: dict[str, Any] = {"parameters": self._told_values()} if self.values else {}
        return found | ({"chroma": sampling} if (sampling := self.sampling()) else {})

    def _told_values(self) -> dict[str, Value]:
        """Values of parameters, of a path only the file's name."""
        return {
            name: Path(str(value)).name if self.parameters[name].path else value
            for name, value in self.values.items()
        }

    def reads(self) -> Sequence[Path]:
        """Files and folders that coding needs to read, besides Python, its modules and the codec's package:
        weights, programs. In a run, nothing else on the disk is there for the codec. By default the values of
        parameters that are paths."""
        return [
            Path(str(value)) for name, value in self.values.items() if self.parameters[name].path and value
        ]

    def prepare(self, qualities: Sequence[float]) -> None:  # noqa: B027 - most need nothing
        """Fetch what coding at these qualities needs, such as weights: where pictures are coded, there may be
        no network.

        Raises:
            BenchError: it can't be had.
        """

    @abstractmethod
    def encode(self, image: RGB, quality: float) -> bytes:
        """The bitstream of an image (uint8, height x width x 3), all that `decode` needs in it.

        Raises:
            CodecError: the codec can't code this image.
        """

    @abstractmethod
    def decode(self, bitstream: bytes) -> RGB:
        """The image of a bitstream.

        Raises:
            CodecError: the bitstream is damaged or not this codec's.
        """

    def check_quality(self, quality: float) -> float:
        """The quality itself; raises BenchError if the codec has no such quality."""
        low, high = self.quality_range
        kind = "whole numbers" if self.whole_qualities else "numbers"
        if not low <= quality <= high or (self.whole_qualities and quality != int(quality)):
            raise BenchError(
                f"{type(self).name} takes qualities that are {kind} from {low:g} to {high:g}, not {quality:g}"
            )
        return quality
