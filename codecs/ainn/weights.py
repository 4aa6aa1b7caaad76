"""Weights on disk: float16, one file per model, with everything that decoding needs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.codecs.ainn.bottleneck import TABLES
from bench.codecs.ainn.config import AinnConfig
from bench.codecs.ainn.entropy import EXPORTED
from bench.codecs.ainn.fixed_point import fixed_inverse_gains
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.picture_filter import FITTED, PictureFilter
from bench.codecs.ainn.symbol_tables import symbol_tables
from bench.codecs.ainn.uninitialised import Uninitialised
from bench.codecs.ainn.weights_checks import check_exported
from bench.core import torch_file
from bench.core.errors import BenchError, first_line

FORMAT = "ainn-weights-2"


def save_weights(
    model: Ainn,
    path: Path,
    training: dict[str, Any],
    symbol_counts: Tensor | None = None,
    picture_filter: PictureFilter | None = None,
) -> None:
    """Write a model as a codec takes it: float16 weights, and in whole numbers what streams depend on.

    Args:
        training: how it was trained, in plain types; kept for readers of the file. symbol_counts:
        of `count_symbols` on training photos; without, symbols are taken to be Gaussian.
        picture_filter: fitted to what the model decodes; without, the model keeps the one that it
        has.
    """
    model = copy.deepcopy(model)
    model.picture_filter = copy.deepcopy(picture_filter or model.picture_filter)
    model = model.cpu().half().float()
    entropy = model.entropy
    entropy.bottleneck.set_quantiles()
    entropy.bottleneck.make_tables()
    entropy.symbol_tables = symbol_tables(symbol_counts)
    entropy.fixed_inverse_gain = fixed_inverse_gains(entropy.log_steps)
    state = {
        name: value.half() if value.is_floating_point() else value.to(torch.int32)
        for name, value in model.state_dict().items()
    }
    payload = {
        "format": FORMAT,
        "config": model.config.to_dict(),
        "training": training,
        "state": {name: value.contiguous() for name, value in state.items()},
    }
    torch_file.write(path, payload)


def load_weights(path: Path) -> Ainn:
    """The model of a weights file, in float32, ready to code and to train on.

    Raises:
        BenchError: no such file, or it is not an A-INN's weights.
    """
    if not path.is_file():
        raise BenchError(f"no A-INN weights at {path}; train some with `bench train`, or give the right path")
    try:
        payload = torch_file.read(path)
        if payload["format"] != FORMAT:
            raise ValueError(f"its format isn't {FORMAT}")
        model = build(payload["config"], payload["state"])
        check_exported(model)
    except Exception as error:  # torch raises many kinds for a file that is something else
        reason = first_line(error)
        raise BenchError(f"{path} is not a readable file of A-INN weights ({reason[:120]})") from error
    return model.eval()


def build(config: dict[str, Any], state: dict[str, Tensor]) -> Ainn:
    """A model of this configuration (`AinnConfig.to_dict`) and state (`state_dict`), in float32.

    Raises:
        BenchError, ValueError, RuntimeError: they don't fit together, or not all of the state is numbers.
    """
    if not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError("its state isn't made of tensors")
    with torch_file.WithinWeights(state), Uninitialised():
        model = Ainn(AinnConfig.from_dict(config))
    if not any(name.startswith("picture_filter.") for name in state):  # from before there was one
        state = state | {f"picture_filter.{name}": torch.empty(0) for name in FITTED}
    state = {name: _copied(value) for name, value in state.items()}
    # Empty in a model that was never exported.
    for module, prefix, names in (
        (model.entropy.bottleneck, "entropy.bottleneck", TABLES),
        (model.entropy, "entropy", EXPORTED),
        (model.picture_filter, "picture_filter", FITTED),
    ):
        for name in names:
            module.register_buffer(name, state[f"{prefix}.{name}"])
    model.load_state_dict(state, assign=True)
    torch_file.check_finite(state)
    return model


def _copied(value: Tensor) -> Tensor:
    return value.to(torch.float32 if value.is_floating_point() else value.dtype, copy=True)
