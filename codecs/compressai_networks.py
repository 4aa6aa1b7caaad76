"""Networks of CompressAI's zoo: made, loaded and checked, and what they cost."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from bench.codecs import range_coder
from bench.codecs.ainn.config import MSE
from bench.codecs.base import CodecError, MultiplyAdds
from bench.codecs.counting import count
from bench.core.errors import BenchError, first_line

SIDE_MULTIPLE = 64  # of the pictures that networks take
_LARGEST_QUANTILE = 1 << 12  # tables between quantiles take this many numbers for each channel
_LARGEST_OUTPUT = 2.0**24


def widths(architecture: str) -> tuple[int, ...]:
    """The widths, N and M, that an architecture has at its lower qualities."""
    return tuple(_zoo().cfgs[architecture][1])


def network(architecture: str, widths: tuple[int, ...]) -> Any:
    """A model with fresh weights."""
    return _zoo().model_architectures[architecture](*widths)


@functools.cache
def published_cost(architecture: str, quality: int) -> tuple[MultiplyAdds, int]:
    """`cost_of_tile` and parameters of an architecture as its published model of that quality has it."""
    model = network(architecture, tuple(_zoo().cfgs[architecture][quality]))
    return cost_of_tile(model), count_parameters(model)


def count_parameters(model: Any) -> int:
    """How many parameters a model has."""
    return sum(parameter.numel() for parameter in model.parameters())


def cost_of_tile(model: Any) -> MultiplyAdds:
    """Multiply-adds of a model for SIDE_MULTIPLE x SIDE_MULTIPLE pixels: every pixel costs the same."""
    import torch

    model.requires_grad_(False)  # torch's counter stumbles over weights that want gradients
    device = next(model.parameters()).device
    x = torch.zeros(1, 3, SIDE_MULTIPLE, SIDE_MULTIPLE, device=device)
    y = torch.zeros_like(model.g_a(x))
    analysis, synthesis = count(lambda: model.g_a(x)), count(lambda: model.g_s(y))
    if not hasattr(model, "h_a"):
        return MultiplyAdds(analysis, synthesis)
    z = torch.zeros_like(model.h_a(y))
    # Both sides predict y: the encoder codes by the same distributions that the decoder reads by.
    prediction = count(lambda: model.h_s(z))
    if hasattr(model, "context_prediction"):
        prediction += count(lambda: _predicted(model, y))
    return MultiplyAdds(analysis + count(lambda: model.h_a(y)) + prediction, prediction + synthesis)


def _predicted(model: Any, y: Any) -> Any:
    """What the context model makes of y, without the hyperprior's own part."""
    import torch

    features = model.context_prediction(y)
    # The hyperprior's features are as many as those of the context.
    return model.entropy_parameters(torch.cat((features, torch.zeros_like(features)), dim=1))


def load_checkpoint(architecture: str, path: Path) -> Any:
    """A model that is ready to code, from a file of weights or a checkpoint of CompressAI's training example.

    Raises:
        BenchError: the file can't be read, holds another architecture, or what can't be coded with.
    """
    from bench.core import torch_file

    zoo = _zoo()
    try:
        state = torch_file.read(path)
        state = zoo.load_pretrained(state.get("state_dict", state))
        torch_file.check_finite(state)
        with torch_file.WithinWeights(state):
            model = zoo.model_architectures[architecture].from_state_dict(state).eval()
        if float(model.entropy_bottleneck.quantiles.detach().abs().max()) > _LARGEST_QUANTILE:
            raise ValueError("its quantiles are so far apart that no table holds the symbols between them")
        model.update()  # makes the tables of a checkpoint that has none yet
        for coder in _coders(model):
            range_coder.check_tables(*_tables(coder))
        _check_scales(model)
    except Exception as error:  # torch raises many kinds for a file that is something else
        reason = first_line(error)[:120]
        raise BenchError(f"{path} is not a readable file of weights of {architecture} ({reason})") from error
    for name in ("g_a", "h_a", "h_s", "entropy_parameters"):
        if hasattr(model, name):
            getattr(model, name).register_forward_hook(_check_output)
    return model


def trained_for(path: Path) -> str | None:
    """The distortion that a file of `bench train` names; None for other files."""
    from bench.core import torch_file

    content = torch_file.read(path)
    training = content.get("training")
    model = training.get("model") if isinstance(training, dict) else None
    return str(model.get("distortion", MSE)) if isinstance(model, dict) else None


def download_path(url: str) -> Path:
    """The file that weights published at an address are downloaded to, in torch's folder of checkpoints."""
    import torch

    return Path(torch.hub.get_dir(), "checkpoints", Path(url).name)


def checkpoints(path: Path) -> list[Path]:
    """A file of weights, or those of a folder, by name."""
    if path.is_file():
        return [path]
    files = sorted(file for file in path.iterdir() if file.name.endswith((".pth.tar", ".pth", ".pt")))
    if not files:
        raise BenchError(f"{path} holds no weights; they are files named .pth.tar, .pth or .pt")
    return files


def published_urls(architecture: str, metric: str) -> dict[int, str]:
    """Addresses of an architecture's weights by quality."""
    urls: dict[int, str] = _zoo().model_urls[architecture][metric]
    return urls


def _coders(model: Any) -> list[Any]:
    """The entropy models of y and of z, in the order of the strings."""
    return [getattr(model, "gaussian_conditional", model.entropy_bottleneck), *_coders_of_z(model)]


def _coders_of_z(model: Any) -> list[Any]:
    return [model.entropy_bottleneck] if hasattr(model, "gaussian_conditional") else []


def _tables(coder: Any) -> tuple[list[list[int]], list[int], list[int]]:
    """What the range coder takes: cdfs, their sizes, their first symbols."""
    tables = coder.quantized_cdf, coder.cdf_length, coder.offset
    if any(table.dtype != tables[0].dtype or table.is_floating_point() for table in tables):
        raise ValueError("its tables of probabilities aren't whole numbers")
    return tuple(table.tolist() for table in tables)  # type: ignore[return-value]


def _check_scales(model: Any) -> None:
    """Scales point to tables, which must be as many; channels of the bottleneck, likewise."""
    if len(model.entropy_bottleneck.offset) != model.entropy_bottleneck.channels:
        raise ValueError("its bottleneck has tables for another number of channels")
    if hasattr(model, "gaussian_conditional"):
        scales = model.gaussian_conditional.scale_table
        if scales.shape != model.gaussian_conditional.offset.shape:
            raise ValueError("it has scales for another number of tables")


def least_bytes(model: Any, shape: tuple[int, int]) -> list[tuple[int, int]]:
    """For each string the number of its symbols, and the fewest bytes that the coder writes for them.

    Args:
        shape: height and width of the last latent, which is z where there is a hyperprior.
    """
    cheapest = [range_coder.least_bits(*_tables(coder)[:2]) for coder in _coders(model)]
    positions = shape[0] * shape[1]
    counted = [(len(cheapest[-1]) * positions, sum(cheapest[-1]) * positions)]
    if len(cheapest) == 2:  # y has 4 x 4 positions for one of z
        symbols = 16 * positions * int(model.M)
        counted.insert(0, (symbols, symbols * min(cheapest[0])))
    return [(symbols, range_coder.least_bytes(bits)) for symbols, bits in counted]


def _check_output(module: Any, inputs: Any, output: Any) -> None:
    """CompressAI codes NaN without end."""
    if not bool((output.abs() < _LARGEST_OUTPUT).all()):
        raise CodecError("a latent can't be coded; the weights or the bitstream are damaged")


def _zoo() -> Any:
    import importlib

    from bench.codecs.compressai_import import compressai

    compressai()
    return importlib.import_module("compressai.zoo.image")
