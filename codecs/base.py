"""The interface of a codec: pixels and a quality to bytes, and bytes to pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.codecs.parameters import Parameter, Value, named_with
from bench.core.errors import BenchError

RGB = NDArray[np.uint8]  # height x width x 3, sRGB


LOSSLESS = 100.0  # the one quality of a lossless codec

# For codecs that can be either: `codec:lossless=1`.
LOSSLESS_PARAMETER = Parameter(0, "1: every sample comes back, at the one quality 100", (0, 1), silent=True)


class CodecError(BenchError):
    """Why a picture can't be encoded, or a bitstream can't be decoded, in one sentence."""


class MultiplyAdds(NamedTuple):
    """How many multiplications, each with an addition, networks take for a picture."""

    encode: int
    decode: int


class ModelSize(NamedTuple):
    """How large the networks of a codec are.

    bytes: of the file of weights; None: the file isn't here. trained_for: "mse" or "ms-ssim"; None: the
        weights don't say.
    """

    parameters: int
    bytes: int | None
    trained_for: str | None = None


class Codec(ABC):
    """A codec plugin. Knows nothing of datasets, metrics or results.

    Derive a class, set its attributes, and write `version`, `encode` and `decode`:

    >>> class Raw(Codec):
    ...     name = "raw"
    ...     qualities = (1,)
    ...     quality_range = (1, 1)
    ...
    ...     def version(self):
    ...         return "1.0"
    ...
    ...     def encode(self, image, quality):
    ...         return bytes(image.shape[:2]) + image.tobytes()
    ...
    ...     def decode(self, bitstream):
    ...         return np.frombuffer(bitstream, np.uint8, offset=2).reshape(*bitstream[:2], 3)
    >>> raw = Raw()
    >>> raw.decode(raw.encode(np.zeros((2, 5, 3), np.uint8), 1)).shape
    (2, 5, 3)

    One object codes many pictures, and nothing of a picture may reach the next. `decode` may use
    only the bytes that it takes.

    Attributes:
        name: as users write it. The name of an object also has the parameters that aren't at their
            defaults, as in "jpeg:chroma=444".
        summary: one line for `bench list codecs`.
        qualities: of a curve, lowest rate first.
        quality_range: lowest and highest quality, in numbers.
        whole_qualities: False: any number in the range is a quality.
        slow: seconds for a megapixel on two cores, if a run should announce that; else 0.
        parameters: what `codec:name=value` sets.
        values: of the parameters of this object.
        lossless: whether every sample comes back; a run checks that.
    """

    name: str
    summary: ClassVar[str] = ""
    qualities: tuple[float, ...]
    quality_range: tuple[float, float]
    whole_qualities: ClassVar[bool] = True
    slow: ClassVar[float] = 0.0
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    lossless: bool = False

    def __init__(self, **values: Value) -> None:
        """Take values of parameters, which `parameters.read` has checked; the others keep their defaults."""
        self.values = {name: parameter.default for name, parameter in self.parameters.items()} | values
        self.name = named_with(type(self).name, self.parameters, self.values)
        if self.values.get("lossless") == 1:
            self.lossless = True
            self.qualities, self.quality_range = (LOSSLESS,), (LOSSLESS, LOSSLESS)

    @classmethod
    def missing(cls) -> str | None:
        """What to install before the codec can run here, as a sentence; None if nothing is missing."""
        return None

    @abstractmethod
    def version(self) -> str:
        """Everything that decides what `encode` writes: versions of libraries and encoder, identity
        of weights, values of parameters."""

    def settings(self) -> str:
        """All parameters, as part of a version: "chroma 444, effort 7"."""
        return ", ".join(f"{name} {value}" for name, value in self._published_values().items())

    def sampling(self) -> str | None:
        """How chroma is sampled, such as "4:2:0", to be shown beside the codec's figures; None: 4:4:4."""
        if self.lossless:
            return None
        chroma = str(self.values.get("chroma", "444"))
        return None if chroma == "444" else ":".join(chroma)

    def provenance(self) -> dict[str, Any]:
        """What another needs beside the version to get the same figures, as plain values.

        Keys: `parameters`, `chroma` (see `sampling`), `commands` (exact command lines), hashes of
        programs and weights, `model_parameters`, `model_bytes`. No path of this machine.
        """
        facts: dict[str, Any] = {"parameters": values} if (values := self._published_values()) else {}
        return facts | ({"chroma": sampling} if (sampling := self.sampling()) else {})

    def _published_values(self) -> dict[str, Value]:
        """Values of parameters; of a path only the file's name."""
        return {
            name: Path(str(value)).name if self.parameters[name].path else value
            for name, value in self.values.items()
            if not self.parameters[name].setup
            and not (self.parameters[name].silent and value == self.parameters[name].default)
        }

    def multiply_adds(self, height: int, width: int, quality: float) -> MultiplyAdds | None:
        """Multiply-adds of convolutions and matrix products for a picture of that size; None, as of
        programs: not counted.

        Counted as papers do: what entropy coding asks of networks counts, on either side; range coding,
        activations and additions don't. No picture is coded for it, and no trained weights are needed.
        """
        return None

    def model_size(self, quality: float) -> ModelSize | None:
        """Parameters and weights of the networks that code at a quality; None, as of programs: there are no
        networks. No trained weights are needed."""
        return None

    def reads(self) -> Sequence[Path]:
        """Files and folders that coding needs to read, besides Python, its modules and the codec's package:
        weights, programs. In a run, nothing else on the disk is there for the codec. By default the values of
        parameters that are paths."""
        return [
            Path(str(value)) for name, value in self.values.items() if self.parameters[name].path and value
        ]

    def prepare(self, qualities: Sequence[float]) -> None:  # noqa: B027 - most need nothing
        """Fetch what coding at these qualities needs, such as weights: there may be no network
        where pictures are coded.

        Raises:
            BenchError: a file can't be fetched.
        """

    @abstractmethod
    def encode(self, image: RGB, quality: float) -> bytes:
        """The bitstream of an image; `decode` needs nothing else.

        Args:
            image: uint8, height x width x 3, sRGB. Leave it as it is.
            quality: one that `check_quality` lets pass.

        Raises:
            CodecError: the codec can't code this image.
        """

    @abstractmethod
    def decode(self, bitstream: bytes) -> RGB:
        """The image of a bitstream: uint8, height x width x 3, of the size that was encoded.

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
