"""Candidates for a band of a latent, coded side by side, to keep the best of them piece by piece.

Candidates lie side by side as segments (`coding_order.py`), which don't look into one another. So one
sweep codes all of them, and reads the weights once for all. Pieces follow one another: some wavefronts,
then the next. After each piece some candidates survive, and all go on from these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from bench.codecs.ainn.coding_order import CodingOrder
from bench.codecs.ainn.latent_coder import LatentCoder, SymbolChoice
from bench.codecs.ainn.sweep import Sweep
from bench.core.torch_threads import one_thread

PIECE = 12  # wavefronts; a multiple of 4, as `Sweep` adds neighbours to so many at once


class Piece(NamedTuple):
    """Of each of K candidates n positions of the band."""

    rows: Tensor  # n, in the band
    columns: Tensor  # n
    bits: Tensor  # K
    y_hat: Tensor  # K, M, n, float32


class Candidates:
    """K candidates for a band.

    Args:
        targets: (K, M, rows, W), normalised latents that are to be coded.
        hyper: of `LatentCoder.hyper_features`, for the band.
        level: position among the lambdas, 0 to L - 1, in whole thousandths.
        above: `last_rows` of the band above; None: there is none.
    """

    def __init__(
        self, coder: LatentCoder, targets: Tensor, hyper: Tensor, level: float, above: Tensor | None
    ) -> None:
        count, channels, height, width = targets.shape
        side_by_side = targets.permute(1, 2, 0, 3).reshape(channels, height, count * width)
        hyper = hyper.view(height, width, -1).repeat(1, count, 1).flatten(0, 1)
        order = CodingOrder(height, count * width, count)
        self._coder, self._level = coder, level
        self._sweep = Sweep(coder.exact, hyper, level, order, above)
        self._choice = SymbolChoice(coder, order.of_grid(side_by_side.double()), level)
        # K, rows, W: where a candidate's positions are in coding order.
        self._places = order.places.view(height, count, width).transpose(0, 1)
        self._coded = self._places[:, 0, :0]  # K, n: where those that are coded are

    def pieces(self) -> Iterator[Piece]:
        """Code all candidates, piece by piece. Before the next piece `keep` is called."""
        fronts = self._sweep.order.fronts
        # A last piece that is short joins the one before.
        starts = list(range(0, max(len(fronts) - PIECE // 2, 1), PIECE))
        for start, stop in zip(starts, [*starts[1:], len(fronts)], strict=True):
            with one_thread():
                self._sweep.go_on(self._choice.code, slice(start, stop))
            first = self._places[0]
            here = (first >= fronts[start].start) & (first < fronts[stop - 1].stop)
            places = self._places[:, here]
            self._coded = torch.cat((self._coded, places), 1)
            bits = self._coder.bits_of(self._choice.symbols[places], self._choice.tables[places])
            y_n = self._sweep.y_n[places].transpose(1, 2)[..., None]
            y_hat = self._coder.denormalised(y_n, self._level)[..., 0]
            rows, columns = here.nonzero(as_tuple=True)
            yield Piece(rows, columns, bits.sum((1, 2)), y_hat)

    def keep(self, survivors: Tensor) -> Tensor:
        """Candidates go on from what survives, in turn: the first from the first survivor, and so on.

        Args:
            survivors: S, indexes of candidates.

        Returns:
            Of each candidate which survivor it goes on from (K,).
        """
        origins = torch.arange(len(self._coded)) % len(survivors)
        self._sweep.copy(self._coded[survivors[origins]], self._coded)
        return origins

    @property
    def last_rows(self) -> Tensor:
        """What as many candidates for the band below take as `above`."""
        return self._sweep.last_rows
