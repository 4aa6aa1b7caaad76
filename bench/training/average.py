"""The moving average of a model's weights: what a training validates, exports, and steps back to."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Holds the average of all of a model's weights. `train_only` says which of them move.

    >>> model = nn.Linear(1, 1)
    >>> average = Average(model)
    >>> average.train_only(["weight"])
    >>> with torch.no_grad():
    ...     _ = model.weight.fill_(8), average.weights["weight"].fill_(0)
    >>> average.follow(0.75)
    >>> float(average.weights["weight"])
    2.0
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.weights = {name: value.clone() for name, value in model.state_dict().items()}

    def update(self, weights: dict[str, Tensor]) -> None:
        """Take these, of a checkpoint. One from before there was a picture filter has none of it."""
        self.weights |= {name: value.to(self.weights[name].device) for name, value in weights.items()}

    def train_only(self, names: Collection[str]) -> None:
        """From now on only these parameters are trained."""
        for name, parameter in self._model.named_parameters():
            parameter.requires_grad_(name in names)
        trained = {name: p.detach() for name, p in self._model.named_parameters() if p.requires_grad}
        self._trained = list(trained.values())
        self._averages = [self.weights[name] for name in trained]

    def follow(self, decay: float) -> None:
        """Go a step towards the model's weights: `decay` is the share that stays, 0 to 1."""
        torch._foreach_lerp_(self._averages, self._trained, 1 - decay)

    def lie_as_the_model(self) -> None:
        """Lie in memory as the model's weights do; `train_only` has to follow."""
        state = self._model.state_dict()
        self.weights = {name: laid_out(value, state[name]) for name, value in self.weights.items()}

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averaged weights in the place of the current ones meanwhile.

        Random numbers drawn meanwhile don't count: validating more or less often changes nothing.
        """
        current = {name: value.clone() for name, value in self._model.state_dict().items()}
        device = next(iter(current.values())).device
        self._model.load_state_dict(self.weights)
        try:
            with same_random_numbers(device):
                yield
        finally:
            self._model.load_state_dict(current)


def laid_out(value: Tensor, like: Tensor) -> Tensor:
    """The same values, in memory as another tensor's."""
    return value if value.stride() == like.stride() else torch.empty_like(like).copy_(value)


@contextmanager
def same_random_numbers(device: torch.device) -> Iterator[None]:
    """Let random numbers go on afterwards as if none had been drawn, those of a GPU, too."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
