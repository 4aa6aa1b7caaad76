"""Through a latent wavefront by wavefront, group by group: predict, code (or read), reconstruct.

Encoder and decoder take the very same steps, in whole numbers (`fixed_point.py`). Only what happens to a
symbol differs: the encoder chooses it, the decoder reads it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.codecs.ainn.channel_groups import Span
from bench.codecs.ainn.coding_order import CodingOrder
from bench.codecs.ainn.fixed_point import LARGEST, FixedPointEntropy, add_symbols, known, table_indexes

# Neighbours, of `CONTEXT_OFFSETS`, that are decoded at least so many wavefronts ahead. They are added to
# as many wavefronts at once: fewer products, and larger ones, read the weights less often.
_AHEAD = ((slice(0, 7), 4), (slice(7, 9), 2), (slice(9, 12), 1))

# Takes positions in coding order, channels, means and indexes of tables; returns symbols.
Code = Callable[[slice, Span, Tensor, Tensor], Tensor]


class Sweep:
    """How far a latent is coded.

    Args:
        hyper: (H * W, features), in scan order: what the hyperprior adds, as `LatentCoder.hyper_features`.
        level: position among the lambdas, 0 to L - 1, in whole thousandths.
        above: `last_rows` of the band above; None: there is none.
    """

    def __init__(
        self,
        exact: FixedPointEntropy,
        hyper: Tensor,
        level: float,
        order: CodingOrder,
        above: Tensor | None = None,
    ) -> None:
        self.order, self._exact = order, exact
        self._log_gain, self._inverse_gain = exact.gains(level)
        self._hyper = hyper[order.positions]
        self.y_n = torch.empty(len(hyper), len(self._log_gain), dtype=torch.float64)  # in coding order
        # Decoded y_n within bounds, with a margin of zeros that the window may look into.
        self._grid = torch.zeros(order.margined_size, len(self._log_gain), dtype=torch.float64)
        if above is not None:
            self._grid[: len(above)] = above
        self._context = exact.start_context(len(hyper))

    @property
    def last_rows(self) -> Tensor:
        """Decoded y_n of the last rows, with its margin at the sides: what a sweep below takes as `above`."""
        return self._grid[-self.order.margin_size :].clone()

    def go_on(self, code: Code, fronts: slice = slice(None)) -> None:
        """Code some wavefronts, from where the sweep has come to."""
        order, exact, context, grid = self.order, self._exact, self._context, self._grid
        to_come = order.fronts[fronts]
        channels = len(self._log_gain)
        for index, front in enumerate(to_come):
            for taps, ahead in _AHEAD:
                if index % ahead == 0:
                    last = to_come[min(index + ahead, len(to_come)) - 1]
                    positions = slice(front.start, last.stop)
                    exact.add_context(context[positions], grid[order.windows[positions, taps]], taps)
            features = exact.features(self._hyper[front], context[front])
            before = torch.empty(len(features), 2 * channels, dtype=torch.float64)
            for group, span in enumerate(exact.spans):
                part = slice(span.start, span.stop)
                mean, log_scale = exact.distribution(group, features, before[:, : 2 * span.start])
                symbols = code(front, span, mean, table_indexes(log_scale + self._log_gain[part]))
                self.y_n[front, part] = add_symbols(mean, symbols, self._inverse_gain[part])
                before[:, 2 * span.start : 2 * span.stop] = known(self.y_n[front, part])
            grid[order.margined[front]] = self.y_n[front].clamp(-LARGEST, LARGEST)

    def copy(self, here: Tensor, there: Tensor) -> None:
        """Decoded y_n of positions `here` to positions `there`, both in coding order."""
        self.y_n[there] = self.y_n[here]
        self._grid[self.order.margined[there]] = self._grid[self.order.margined[here]]
