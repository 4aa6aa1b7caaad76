"""A-INN as a codec plugin: a picture to a bitstream and back, on the CPU or with a GPU's help."""

from __future__ import annotations

import copy
import functools
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.codecs.ainn import container
from bench.codecs.ainn.config import MSE
from bench.codecs.base import RGB, Codec, CodecError, ModelSize, MultiplyAdds
from bench.codecs.device import DEVICE, chosen, exact_floats
from bench.codecs.framing import MAX_PIXELS, check_size
from bench.codecs.parameters import Parameter
from bench.core import openmp
from bench.core.errors import BenchError
from bench.core.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

    from bench.codecs.ainn.filter_correction import Correction
    from bench.codecs.ainn.latent_coder import ChosenSymbols, LatentCoder
    from bench.codecs.ainn.model import Ainn

WEIGHTS = Path(str(files("bench.codecs.ainn"))) / "compact.pt"
TILE = 2048  # side of the tiles of a picture that is too large to be coded whole


class AinnCodec(Codec):
    """A-INN. Quality 1 codes at the first of the lambdas that the model was trained for, quality 8
    at the last. Any number between is a quality too, as the gains are interpolated.

    Pictures over `MAX_PIXELS` are coded in tiles, so that memory doesn't grow with the picture.

    Args:
        weights: a file that `bench train` wrote; by default the one that ships with the package.
        tile: side of tiles in pixels, for pictures that are larger than one; 0: `TILE`, and only for
            pictures over `MAX_PIXELS`.
        search: effort with which the encoder looks for a latent of less rate and distortion (`search.py`).
        fit: 1: the encoder fits the decoder's filter to each picture (`filter_correction.py`).
        device: "cpu", "cuda", or "auto": a GPU if there is one. A GPU computes the transforms and the filter,
            in floats. What bitstreams are read by stays on the CPU, in whole numbers, and so does a search.
    """

    name = "ainn"
    summary = "A-INN (Gao et al. 2025), compact, one model for all rates"
    qualities = (1, 2, 3, 4, 5, 6, 7, 8)
    quality_range = (1, 8)
    whole_qualities = False
    parameters = {
        "weights": Parameter("", "a file that `bench train` wrote; without, what ships", path=True),
        "tile": Parameter(
            0, f"side of tiles; 0: {TILE}, and none up to {MAX_PIXELS} pixels", (0, 128, 256, 512, 1024, 2048)
        ),
        "search": Parameter(0, "effort of the encoder's search, some ten encodings each", between=(0, 200)),
        "fit": Parameter(0, "1: the decoder's filter is fitted to each picture, and sent with it", (0, 1)),
        "device": DEVICE,
    }

    def __init__(
        self, weights: Path | str = "", tile: int = 0, search: int = 0, fit: int = 0, device: str = "cpu"
    ) -> None:
        super().__init__(weights=str(weights), tile=tile, search=search, fit=fit, device=device)
        for name, value in (("search", search), ("fit", fit)):
            if tile and value:
                raise BenchError(f"ainn's {name} is for whole pictures; give it {name} or tile, not both")
        self.device = chosen(type(self).name, device)
        openmp.wait_passively()
        self.search, self.fit = search, bool(fit)
        self.weights = Path(weights) if weights else WEIGHTS
        self.tile = tile

    @classmethod
    def missing(cls) -> str | None:
        absent = [name for name in ("torch", "compressai") if find_spec(name) is None]
        if absent:
            return f"it needs {' and '.join(absent)}; set up with python3 tasks.py setup"
        if not WEIGHTS.is_file():
            return f"its weights are missing at {WEIGHTS}; train some with `bench train`"
        return None

    @functools.cached_property
    def weights_id(self) -> str:
        """SHA-256 of the weights, hexadecimal."""
        return sha256_of(self.weights)

    def version(self) -> str:
        tiles = f", tiles of {self.tile}" if self.tile else ""
        search = f", search {self.search} by survivors" if self.search else ""
        fit = ", filter fitted" if self.fit else ""
        return f"container {container.VERSION}, weights {self.weights_id[:8]}{tiles}{search}{fit}"

    def provenance(self) -> dict[str, Any]:
        size = self.model_size(self.qualities[0])
        return {
            "parameters": {"configuration": self._model.config.name}
            | ({"trained_for": size.trained_for} if size.trained_for != MSE else {}),
            "weights_sha256": self.weights_id,
            "model_parameters": size.parameters,
            "model_bytes": size.bytes,
        }

    def encode(self, image: RGB, quality: float) -> bytes:
        import torch

        height, width = image.shape[:2]
        side = self._tile_side(height, width)
        check_size(container.NAME, width, height, container.MAX_TILED_PIXELS if side else MAX_PIXELS)
        quality = round(quality, 3)  # as the container keeps it
        level = self._level(quality)
        if side and (self.search or self.fit):
            option = "search" if self.search else "fit"
            raise CodecError(
                f"ainn:{option}={int(getattr(self, option))} takes pictures of up to {MAX_PIXELS} pixels; "
                f"this one has {height * width}, so encode it without {option}"
            )
        thin = not side and _is_thin(height, width)
        if thin and height > width:
            image = _turned(image)
        corrected = False
        if self.search:
            payload, corrected = self._searched(image, level)  # by gradients, which inference mode forbids
        else:
            with torch.inference_mode():
                if side:
                    from bench.codecs.ainn import tiles

                    payload = tiles.encode(image, level, side, self._analyse, self._coder)
                elif self.fit:
                    payload, corrected = self._fitted(image, level)
                else:
                    payload = self._coder.encode(self._analyse(image), level).payload
        identity = bytes.fromhex(self.weights_id[:8])
        content = container.Container(width, height, quality, identity, payload, bool(side), corrected, thin)
        return container.pack(content)

    def decode(self, bitstream: bytes) -> RGB:
        import torch

        from bench.codecs.ainn.coding_order import CodingOrder, segments_of

        content = container.unpack(bitstream)
        if content.weights.hex() != self.weights_id[:8]:
            raise CodecError(
                f"the A-INN bitstream was written with weights {content.weights.hex()}, "
                f"and these are {self.weights_id[:8]}; decode it with the weights it was written with"
            )
        payload, height, width = content.payload, content.height, content.width
        lying = content.thin and height > width
        if lying:
            height, width = width, height
        latent_size = _latent_size(height, width)
        if len(payload) < (least := self._coder.least_bytes(latent_size)):
            raise CodecError(
                f"the A-INN bitstream is damaged: a picture of {content.width}x{content.height} pixels takes "
                f"at least {least} bytes, and there are {len(payload)}"
            )
        level = self._level(content.quality)
        synthesise = functools.partial(self._synthesise, level=level)
        with torch.inference_mode():
            if content.tiled:
                from bench.codecs.ainn import tiles

                return tiles.decode(payload, height, width, level, self._coder, synthesise)
            cut = segments_of(*latent_size) if content.thin else 1
            order = CodingOrder(*latent_size, cut)
            if content.corrected:
                from bench.codecs.ainn.filter_correction import LENGTHS, Correction

                latent = self._coder.decode(payload, latent_size, level, LENGTHS, order)
                correction = Correction.of_blocks(latent.aside).coefficients()
                picture = synthesise(latent.y_hat, height, width, correction=correction)
            else:
                latent = self._coder.decode(payload, latent_size, level, order=order)
                picture = synthesise(latent.y_hat, height, width)
            return _turned(picture) if lying else picture

    def _searched(self, image: RGB, level: float) -> tuple[bytes, bool]:
        """The payload of a picture, of the best symbols that a search finds; and as `_fitted`."""
        from bench.codecs.ainn.search import search

        size = image.shape[0], image.shape[1]
        searched = search(self._model, self._coder, _pad(image), size, level, self.search, self.fit)
        return self._written(searched.z, searched.chosen, searched.correction)

    def _fitted(self, image: RGB, level: float) -> tuple[bytes, bool]:
        """The payload of a picture, and whether it begins with what the picture changes in the filter."""
        from bench.codecs.ainn.filter_correction import fit

        coder, entropy = self._coder, self._model.entropy
        y = self._analyse(image)
        z = coder.analyse(y)
        chosen = coder.choose(entropy.normalise(y.float()), coder.hyper_features(z, level), level)
        with exact_floats(self.device):
            x_hat = self._transforms.decode(chosen.y_hat.to(self.device)).cpu()
        here = (..., slice(image.shape[0]), slice(image.shape[1]))
        weight = entropy.error_weight(level)
        correction = fit(
            self._model.picture_filter, _pad(image)[here], x_hat[here], level, weight, coder.aside_costs
        )
        return self._written(z, chosen, correction)

    def _written(self, z: Tensor, chosen: ChosenSymbols, correction: Correction) -> tuple[bytes, bool]:
        corrected = bool(correction.values.any())
        aside = correction.blocks() if corrected else []
        return self._coder.write(z, chosen, aside).payload, corrected

    def _tile_side(self, height: int, width: int) -> int:
        """Side of the tiles that a picture is coded in, 0: whole."""
        if self.tile:
            return self.tile if max(height, width) > self.tile else 0
        return TILE if height * width > MAX_PIXELS else 0

    def _analyse(self, image: RGB) -> Tensor:
        """The latent (1, M, H/16, W/16) of a picture, its sides filled up."""
        with exact_floats(self.device):
            return self._transforms.encode(_pad(image).to(self.device)).cpu()

    def _synthesise(
        self, y_hat: Tensor, height: int, width: int, level: float, correction: Tensor | None = None
    ) -> RGB:
        """The picture of a latent, cut to its own size."""
        return np.ascontiguousarray(self._pixels(y_hat, height, width, level, correction).numpy())

    def _pixels(
        self, y_hat: Tensor, height: int, width: int, level: float, correction: Tensor | None
    ) -> Tensor:
        """Samples (height, width, 3), uint8, on the CPU."""
        model = self._transforms
        with exact_floats(self.device):
            x_hat = model.decode(y_hat.to(self.device))[:, :, :height, :width]
            x_hat = model.picture_filter(x_hat, level, correction)[0]
            pixels: Tensor = x_hat.mul(255).round_().clamp_(0, 255).byte().permute(1, 2, 0)
            return pixels.cpu()

    def multiply_adds(self, height: int, width: int, quality: float) -> MultiplyAdds:
        from bench.codecs.ainn.model import SIDE_MULTIPLE
        from bench.codecs.ainn.multiply_adds import of_tile

        tiles = -(-height // SIDE_MULTIPLE) * -(-width // SIDE_MULTIPLE)
        encode, decode = of_tile(self._model)
        return MultiplyAdds(tiles * encode, tiles * decode)

    def model_size(self, quality: float) -> ModelSize:
        parameters = sum(parameter.numel() for parameter in self._model.parameters())
        return ModelSize(parameters, self.weights.stat().st_size, self._model.config.distortion)

    @functools.cached_property
    def _model(self) -> Ainn:
        import torch

        from bench.codecs.ainn.weights import load_weights

        model = load_weights(self.weights)
        try:
            model.transform.freeze()
        except RuntimeError:  # torch's LinAlgError
            raise BenchError(
                f"{self.weights} is not a readable file of A-INN weights (a 1x1 convolution has no inverse)"
            ) from None
        return model.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    @functools.cached_property
    def _transforms(self) -> Ainn:
        """The model whose transforms and filter compute, on the device."""
        return self._model if self.device == "cpu" else copy.deepcopy(self._model).to(self.device)

    @functools.cached_property
    def _coder(self) -> LatentCoder:
        from bench.codecs.ainn.latent_coder import LatentCoder

        return LatentCoder(self._model.entropy)  # on the CPU always

    def _level(self, quality: float) -> float:
        """The position of a quality (1 to 8) among the lambdas: 0 to L - 1."""
        return min(max(quality - 1, 0), len(self._model.config.lambdas) - 1)


def _latent_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the latent of a picture."""
    multiple = _side_multiple()
    rows, columns = (-(-side // multiple) * multiple // 16 for side in (height, width))
    return rows, columns


def _is_thin(height: int, width: int) -> bool:
    """Whether a picture is coded as a thin one, which is laid down if it is tall."""
    from bench.codecs.ainn.coding_order import is_thin

    return is_thin(*_latent_size(height, width))


def _turned(picture: RGB) -> RGB:
    """A tall picture laid down, or the other way: rows become columns."""
    return np.ascontiguousarray(picture.transpose(1, 0, 2))


def _pad(image: RGB) -> Tensor:
    """(1, 3, H, W) in [0, 1], sides filled up to multiples by repeating the edge: zeros would cost bits."""
    import torch

    multiple = _side_multiple()
    bottom, right = (-side % multiple for side in image.shape[:2])
    padded = np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="edge")
    x = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255
    return x.contiguous(memory_format=torch.channels_last)


def _side_multiple() -> int:
    from bench.codecs.ainn.model import SIDE_MULTIPLE

    return SIDE_MULTIPLE
