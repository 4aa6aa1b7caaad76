"""When a training has gone astray: invertible networks blow up now and then, and don't come back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

FAR = 5.0  # times the usual loss
PATIENCE = 10  # steps in a row that are bad, after which training steps back
MAX_STEPS_BACK = 4
_MEMORY = 0.98  # of the usual loss
_SETTLED = 20  # steps after which there is a usual loss


@dataclass
class Watch:
    """Counts bad steps: those without a finite gradient, or with a loss of over `FAR` times the usual one."""

    skipped: int = 0  # bad steps, which are not taken
    steps_back: int = 0
    in_a_row: int = 0
    usual: float = 0.0
    seen: int = 0  # steps that the usual loss is of

    def good(self, loss: float, gradient_norm: float) -> bool:
        """Judge a step by its loss and the norm of its gradient; True: take the step."""
        if self.bad(torch.tensor(loss), torch.tensor(gradient_norm)):
            self.skipped += 1
            self.in_a_row += 1
            return False
        self.in_a_row = 0
        memory = min(_MEMORY, self.seen / (self.seen + 1))
        self.usual = memory * self.usual + (1 - memory) * loss
        self.seen += 1
        return True

    def bad(self, loss: Tensor, gradient_norm: Tensor) -> Tensor:
        """The answer of `good` to these two numbers, on their device: 0 for a good step, 1 for a bad one."""
        limit = FAR * self.usual if self.seen >= _SETTLED else math.inf
        good = torch.isfinite(gradient_norm) & torch.isfinite(loss) & (loss <= limit)
        return (~good).float()

    @property
    def astray(self) -> bool:
        return self.in_a_row >= PATIENCE

    def stepped_back(self) -> None:
        self.steps_back += 1
        self.forget()

    def forget(self) -> None:
        """Another phase has another usual loss."""
        self.in_a_row, self.seen, self.usual = 0, 0, 0.0

    @property
    def rate_factor(self) -> float:
        """Each step back halves the learning rates."""
        return 0.5**self.steps_back

    def to_dict(self) -> dict[str, Any]:
        return vars(self).copy()
