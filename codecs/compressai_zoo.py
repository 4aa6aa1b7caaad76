"""Models of CompressAI's zoo as codecs: their networks and entropy coders, our bitstream around them.

| bytes | what                                                                            |
| ----- | ------------------------------------------------------------------------------- |
| 1     | quality: every quality has weights of its own                                   |
| 4     | width and height, 16 bits each                                                  |
| 4     | bytes of y's string; not where it is the only one                               |
| ...   | the strings                                                                     |
| 4     | CRC-32 of the weights' identity and all before: of damage, and of other weights |

Numbers are little-endian. Weights are the published ones, downloaded at first use into the folder
where CompressAI keeps them too, or one's own, a file for each quality.
"""

from __future__ import annotations

import functools
import re
import struct
import zlib
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from bench.codecs import compressai_networks as networks
from bench.codecs.ainn.config import MS_SSIM, MSE
from bench.codecs.base import RGB, Codec, CodecError, ModelSize, MultiplyAdds
from bench.codecs.device import DEVICE, chosen, exact_floats
from bench.codecs.framing import check_size, frame
from bench.codecs.parameters import Parameter, Value
from bench.core import openmp
from bench.core.download import DownloadError, fetch_file
from bench.core.errors import BenchError, first_line
from bench.core.files import sha256_of

_HEADER = struct.Struct("<BHH")
_LENGTH = struct.Struct("<I")
_CHECKSUM = struct.Struct("<I")
_PUBLISHED_HASH = re.compile(r"-([0-9a-f]{8})\.pth\.tar$")  # the start of the SHA-256, by torch.hub's custom


class ZooModel(Codec):
    """A model of the zoo. Quality 1 is the lowest rate."""

    architecture: ClassVar[str]  # as compressai calls it

    qualities = tuple(range(1, 9))  # that there are published weights of
    quality_range = (1, 8)
    parameters = {
        "metric": Parameter("mse", "what the published weights are trained for", choices=(MSE, MS_SSIM)),
        "weights": Parameter(
            "",
            "a checkpoint of your own, or a folder of them, lowest rate first by name",
            path=True,
            folder=True,
        ),
        "device": DEVICE,
    }

    def __init__(self, **values: Value) -> None:
        super().__init__(**values)
        self.device = chosen(type(self).name, str(self.values["device"]))
        openmp.wait_passively()
        self._own = networks.checkpoints(Path(str(self.values["weights"]))) if self.values["weights"] else []
        if self._own:
            self.qualities = tuple(range(1, len(self._own) + 1))
            self.quality_range = (1, len(self._own))

    @classmethod
    def missing(cls) -> str | None:
        absent = [name for name in ("torch", "compressai") if find_spec(name) is None]
        return f"it needs {' and '.join(absent)}; set up with python3 tasks.py setup" if absent else None

    def version(self) -> str:
        weights = self._identity[:8] if self._own else f"published, {self.values['metric']}"
        # These models predict in floats: a bitstream of a GPU may derail on a CPU.
        on = "" if self.device == "cpu" else ", on a GPU"
        return f"compressai {version('compressai')}, weights {weights}{on}"

    def provenance(self) -> dict[str, Any]:
        names = [path.name for path in self._own] or [
            Path(url).name
            for _, url in sorted(networks.published_urls(self.architecture, self._metric).items())
        ]
        facts = super().provenance() | {"weights": names}
        trained_for = {networks.trained_for(path) for path in self._own}
        return facts | {"trained_for": MS_SSIM} if trained_for == {MS_SSIM} else facts

    def reads(self) -> list[Path]:
        return [*super().reads(), *self._own] if self._own else [networks.download_path("any").parent]

    def prepare(self, qualities: Sequence[float]) -> None:
        for quality in qualities:
            self._weights(int(quality))

    def encode(self, image: RGB, quality: float) -> bytes:
        import torch

        height, width = image.shape[:2]
        check_size(self.architecture, width, height)
        padded, _ = frame(image, networks.SIDE_MULTIPLE)
        with torch.inference_mode(), exact_floats(self.device):
            x = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255
            strings = [group[0] for group in self._model(int(quality)).compress(x.to(self.device))["strings"]]
        lengths = b"".join(_LENGTH.pack(len(string)) for string in strings[:-1])
        body = _HEADER.pack(int(quality), width, height) + lengths + b"".join(strings)
        return body + _CHECKSUM.pack(zlib.crc32(body, self._seed(int(quality))))

    def decode(self, bitstream: bytes) -> RGB:
        import torch

        content = self._unpack(bitstream)
        model = self._model(content.quality)
        rows, columns = (
            -(-side // networks.SIDE_MULTIPLE) * networks.SIDE_MULTIPLE // model.downsampling_factor
            for side in (content.height, content.width)
        )
        least = networks.least_bytes(model, (rows, columns))
        for string, (symbols, fewest) in zip(content.strings, least, strict=True):
            if len(string) < fewest:
                raise CodecError(
                    f"the {self.architecture} bitstream is damaged: for {content.width}x{content.height} "
                    f"pixels {symbols} symbols take at least {fewest} bytes, and there are {len(string)}"
                )
        # The range decoder doesn't look where its bytes end: zeros behind them end any misreading.
        room = bytes(16 * len(bitstream) + 4 * sum(symbols for symbols, _ in least) + 64)
        try:
            with torch.inference_mode(), exact_floats(self.device):
                x_hat = model.decompress([[string + room] for string in content.strings], (rows, columns))
        except (RuntimeError, ValueError, IndexError) as error:
            reason = first_line(error)[:120]
            raise CodecError(f"the {self.architecture} bitstream is damaged ({reason})") from error
        pixels = x_hat["x_hat"][0, :, : content.height, : content.width].mul(255).round_().clamp_(0, 255)
        return np.ascontiguousarray(pixels.byte().permute(1, 2, 0).cpu().numpy())

    def multiply_adds(self, height: int, width: int, quality: float) -> MultiplyAdds:
        tiles = -(-height // networks.SIDE_MULTIPLE) * -(-width // networks.SIDE_MULTIPLE)
        if self._own:
            encode, decode = networks.cost_of_tile(self._model(int(quality)))
        else:  # weights don't matter
            (encode, decode), _ = networks.published_cost(self.architecture, int(quality))
        return MultiplyAdds(tiles * encode, tiles * decode)

    def model_size(self, quality: float) -> ModelSize:
        if self._own:
            path = self._own[int(quality) - 1]
            return ModelSize(
                networks.count_parameters(self._model(int(quality))),
                path.stat().st_size,
                networks.trained_for(path),
            )
        path = networks.download_path(networks.published_urls(self.architecture, self._metric)[int(quality)])
        _, parameters = networks.published_cost(self.architecture, int(quality))
        return ModelSize(parameters, path.stat().st_size if path.is_file() else None, self._metric)

    @property
    def _metric(self) -> str:
        return str(self.values["metric"])

    @functools.cached_property
    def _hashes(self) -> list[str]:
        """SHA-256 of one's own weights, file by file."""
        return [sha256_of(path) for path in self._own]

    @property
    def _identity(self) -> str:
        """One hash for one's own weights: that of the file, or of the hashes of several files."""
        return (
            self._hashes[0] if len(self._hashes) == 1 else sha256("".join(self._hashes).encode()).hexdigest()
        )

    def _seed(self, quality: int) -> int:
        """The start of a checksum, which differs between weights."""
        if self._own:
            return zlib.crc32(bytes.fromhex(self._hashes[quality - 1]))
        return zlib.crc32(networks.published_urls(self.architecture, self._metric)[quality].encode())

    def _unpack(self, bitstream: bytes) -> _Content:
        strings = 1 if self.architecture == "bmshj2018-factorized" else 2
        start = _HEADER.size + (strings - 1) * _LENGTH.size
        if len(bitstream) < start + _CHECKSUM.size:
            raise CodecError(f"the {self.architecture} bitstream is cut off within its header")
        body, checksum = bitstream[: -_CHECKSUM.size], _CHECKSUM.unpack(bitstream[-_CHECKSUM.size :])[0]
        quality, width, height = _HEADER.unpack_from(body)
        if quality not in self.qualities:
            raise CodecError(
                f"the {self.architecture} bitstream is damaged; its header has quality {quality}"
            )
        if checksum != zlib.crc32(body, self._seed(quality)):
            raise CodecError(
                f"the {self.architecture} bitstream is damaged or cut off, or was written with "
                "other weights; its checksum doesn't fit"
            )
        check_size(self.architecture, width, height)
        first = len(body) - start if strings == 1 else _LENGTH.unpack_from(body, _HEADER.size)[0]
        parts = [body[start : start + first], body[start + first :]]
        return _Content(quality, width, height, parts[:strings])

    def _weights(self, quality: int) -> Path:
        """The file of a quality's weights; downloads published weights at first use.

        Raises:
            BenchError: the weights can't be downloaded, or the file isn't the published one.
        """
        if self._own:
            return self._own[quality - 1]
        url = networks.published_urls(self.architecture, self._metric)[quality]
        path = networks.download_path(url)
        if not path.is_file():
            try:
                fetch_file(url, path, None)
            except DownloadError as error:
                raise BenchError(
                    f"published weights of {self.architecture}, quality {quality}, can't be had ({error}); "
                    f"put {path.name} into {path.parent}, or give your own by {type(self).name}:weights=PATH"
                ) from None
        start = _PUBLISHED_HASH.search(path.name)
        if start and not sha256_of(path).startswith(start[1]):
            raise BenchError(f"{path} isn't the file that was published; delete it and run again")
        return path

    def _model(self, quality: int) -> Any:
        if quality not in self._models:
            model = networks.load_checkpoint(self.architecture, self._weights(quality))
            self._models[quality] = model.to(self.device)
        return self._models[quality]

    @functools.cached_property
    def _models(self) -> dict[int, Any]:
        return {}


class Factorized(ZooModel):
    name = architecture = "bmshj2018-factorized"
    summary = "Factorized prior (Balle et al. 2018), CompressAI"


class Hyperprior(ZooModel):
    name = architecture = "bmshj2018-hyperprior"
    summary = "Scale hyperprior (Balle et al. 2018), CompressAI"


class MeanScale(ZooModel):
    name = architecture = "mbt2018-mean"
    summary = "Mean and scale hyperprior (Minnen et al. 2018), CompressAI"


class Joint(ZooModel):
    name = architecture = "mbt2018"
    slow = 40.0
    summary = "Hyperprior and serial context model (Minnen et al. 2018), CompressAI"


class ChengAnchor(ZooModel):
    name = architecture = "cheng2020-anchor"
    summary = "Residual blocks, serial context model (Cheng et al. 2020), CompressAI"
    qualities = tuple(range(1, 7))
    quality_range = (1, 6)
    slow = 40.0


class ChengAttention(ChengAnchor):
    name = architecture = "cheng2020-attn"
    summary = "The same with attention (Cheng et al. 2020), CompressAI"


ARCHITECTURES = tuple(
    model.architecture for model in (Factorized, Hyperprior, MeanScale, Joint, ChengAnchor, ChengAttention)
)


class _Content(NamedTuple):
    quality: int
    width: int
    height: int
    strings: list[bytes]  # y, and z where there is a hyperprior
