"""Latent to bytes and back: z by its tables, then y by the tables that context and hyperprior point to.

The context model looks at a 5x5 causal window, so a position needs its neighbours above up to two
columns to the right: all positions with the same ``column + 3 * row`` can be coded at once. A
picture of H x W latents takes W + 3 (H - 1) such wavefronts, with the same result as position by
position.

Encoder and decoder run the very same steps in whole numbers (`fixed_point.py`), so that a stream
decodes to the same latent on any machine. What the encoder alone decides, it may decide in floating
point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.codecs import range_coder
from bench.codecs.ainn.channel_groups import Span
from bench.codecs.ainn.entropy import CONTEXT_OFFSETS, EntropyModel
from bench.codecs.ainn.fixed_point import (
    FRACTION,
    LARGEST,
    REACH,
    FixedPointEntropy,
    add_symbols,
    known,
    table_indexes,
)
from bench.codecs.ainn.quantise import choose_symbols
from bench.codecs.ainn.symbol_tables import split_tables, symbol_bits
from bench.codecs.base import CodecError

_LARGEST_SYMBOL = 1 << 15
_ONE = 2.0**FRACTION
# Neighbours, of `CONTEXT_OFFSETS`, that are decoded at least so many wavefronts ahead. They are added to
# as many wavefronts at once: fewer products, and larger ones, read the weights less often.
_AHEAD = ((slice(0, 7), 4), (slice(7, 9), 2), (slice(9, 12), 1))


class CodedLatent(NamedTuple):
    payload: bytes
    y_hat: Tensor  # 1, M, H, W, float32
    symbols: Tensor  # H * W, M: the integers that were coded
    estimated_bits: float  # of y and z, by the model's likelihoods


class DecodedLatent(NamedTuple):
    y_hat: Tensor
    symbols: Tensor


class _Tables(NamedTuple):
    """Quantised cumulative distributions as the range coder takes them."""

    cdfs: list[list[int]]
    sizes: list[int]
    offsets: list[int]

    def only(self, indexes: list[int]) -> _Tables:
        """With empty tables where there is none of these indexes: a call copies all that it is given."""
        used = set(indexes)
        cdfs = [cdf if index in used else [] for index, cdf in enumerate(self.cdfs[: max(used) + 1])]
        return _Tables(cdfs, self.sizes[: len(cdfs)], self.offsets[: len(cdfs)])


class LatentCoder:
    """Codes latents with a trained entropy model, as `load_weights` gives it."""

    def __init__(self, entropy: EntropyModel) -> None:
        self.model = entropy
        self.exact = FixedPointEntropy(entropy)
        self._z_tables = _Tables(*entropy.bottleneck.tables())
        self._y_tables = _Tables(*split_tables(entropy.symbol_tables))
        self._bits = torch.from_numpy(symbol_bits(self._y_tables.cdfs))
        self._first_symbols = torch.tensor(self._y_tables.offsets)

    @torch.no_grad()
    def encode(self, y: Tensor, level: float) -> CodedLatent:
        """y (1, M, H, W), H and W multiples of 4, to bytes.

        Args:
            level: position among the lambdas, 0 to L - 1, in whole thousandths.
        """
        encoder = range_coder.encoder()
        y_n = self.model.normalise(y.float())
        z = self.model.hyper_analysis(y_n)[0].round().clamp(-_LARGEST_SYMBOL, _LARGEST_SYMBOL).double()
        encoder.encode_with_indexes(_integers(z), _z_indexes(z.shape), *self._z_tables)
        order = _CodingOrder(*y.shape[2:])
        target = order.of_grid(y_n[0].double())
        symbols, tables = torch.zeros_like(target), torch.zeros(target.shape, dtype=torch.int32)
        levels = _of_one_picture(level)
        gain, inverse_gain = (gain.flatten().double() for gain in self.model.gains(levels))
        gain = gain.exp()
        weight = self.model.distortion_weight(levels).flatten().double()

        def code(positions: slice, span: Span, mean: Tensor, indexes: Tensor) -> Tensor:
            here = slice(span.start, span.stop)
            chosen = choose_symbols(
                target[positions, here] - mean / _ONE, gain[here], inverse_gain[here], weight[here],
                lambda values, which: self._bits_of(values, indexes[which]),
            ).clamp_(-_LARGEST_SYMBOL, _LARGEST_SYMBOL)  # fmt: skip
            symbols[positions, here] = chosen
            tables[positions, here] = indexes
            return chosen

        y_hat = self._sweep(z, level, order, code)
        encoder.encode_with_indexes(
            _integers(order.stream(symbols, self.exact.spans)),
            _integers(order.stream(tables, self.exact.spans)),
            *self._y_tables,
        )
        bits = self._bits_of(symbols, tables).sum()
        bits -= torch.log2(self.model.bottleneck.likelihood(z[None].float())).sum()
        return CodedLatent(encoder.flush(), y_hat, order.scan(symbols), float(bits))

    @torch.no_grad()
    def decode(self, payload: bytes, size: tuple[int, int], level: float) -> DecodedLatent:
        """Bytes to y_hat (1, M, H, W).

        Args:
            size: H and W.
            level: the one that `encode` was given.

        Raises:
            CodecError: the bytes are damaged, as far as that shows.
        """
        height, width = size
        channels = self.exact.spans[-1].stop
        decoder = range_coder.decoder()
        # The range decoder doesn't look where its bytes end: zeros behind them end any misreading.
        decoder.set_stream(payload + bytes(16 * len(payload) + 8 * channels * height * width + 64))

        def read(shape: tuple[int, ...], indexes: list[int], tables: _Tables) -> Tensor:
            values = np.array(decoder.decode_stream(indexes, *tables.only(indexes)), np.float64)
            return torch.from_numpy(values).view(shape)

        z_shape = (len(self._z_tables.sizes), height // 4, width // 4)
        z = read(z_shape, _z_indexes(z_shape), self._z_tables)
        order = _CodingOrder(height, width)
        symbols = torch.zeros(height * width, channels, dtype=torch.float64)

        def code(positions: slice, span: Span, mean: Tensor, indexes: Tensor) -> Tensor:
            decoded = read(tuple(mean.shape), _integers(indexes), self._y_tables)
            symbols[positions, span.start : span.stop] = decoded
            return decoded

        y_hat = self._sweep(z, level, order, code)
        if max(z.abs().max(), symbols.abs().max()) > _LARGEST_SYMBOL:
            raise CodecError("the A-INN bitstream is damaged; it decodes to values out of range")
        return DecodedLatent(y_hat, order.scan(symbols))

    def _sweep(
        self,
        z_hat: Tensor,
        level: float,
        order: _CodingOrder,
        code: Callable[[slice, Span, Tensor, Tensor], Tensor],
    ) -> Tensor:
        """Wavefront by wavefront, group by group: predict, code (or read), reconstruct. Returns y_hat.

        Args:
            code: takes positions in coding order, channels, means and indexes of tables; returns symbols.
        """
        exact = self.exact
        log_gain, inverse_gain = exact.gains(level)
        hyper = exact.hyper_sums(z_hat, log_gain)[order.positions]
        y_n = torch.empty(len(hyper), len(log_gain), dtype=torch.float64)
        # Decoded y_n within bounds, with a margin of zeros that the window may look into.
        grid = torch.zeros(order.margined_size, len(log_gain), dtype=torch.float64)
        context = exact.start_context(len(hyper))
        for index, front in enumerate(order.fronts):
            for taps, ahead in _AHEAD:
                if index % ahead == 0:
                    last = order.fronts[min(index + ahead, len(order.fronts)) - 1]
                    positions = slice(front.start, last.stop)
                    exact.add_context(context[positions], grid[order.windows[positions, taps]], taps)
            features = exact.features(hyper[front], context[front])
            before = torch.empty(len(features), 2 * len(log_gain), dtype=torch.float64)
            for group, span in enumerate(exact.spans):
                part = slice(span.start, span.stop)
                mean, log_scale = exact.distribution(group, features, before[:, : 2 * span.start])
                symbols = code(front, span, mean, table_indexes(log_scale + log_gain[part]))
                y_n[front, part] = add_symbols(mean, symbols, inverse_gain[part])
                before[:, 2 * span.start : 2 * span.stop] = known(y_n[front, part])
            grid[order.margined[front]] = y_n[front].clamp(-LARGEST, LARGEST)
        y_n = order.grid(y_n / _ONE)[None]
        return self.model.denormalise(y_n, _of_one_picture(level)).float()

    def _bits_of(self, symbols: Tensor, tables: Tensor) -> Tensor:
        """Bits of symbols by their tables; of those beyond a table, what the escape alone costs."""
        table = tables.long()
        first = self._first_symbols[table]
        escape = 1 - 2 * first
        entry = symbols.long() - first
        return self._bits[table, torch.where((entry < 0) | (entry > escape), escape, entry)]


class _CodingOrder:
    """Positions by wavefronts: those with the same ``column + 3 * row`` next to one another.

    Tensors in coding order are (H * W, channels).
    """

    def __init__(self, height: int, width: int) -> None:
        self._size = height, width
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        fronts = (columns + 3 * rows).flatten()
        self.positions = fronts.argsort(stable=True)  # H * W: in scan order
        self._places = self.positions.argsort()
        stops = fronts.bincount().cumsum(0).tolist()
        self.fronts = [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]
        # Of a grid with a margin on the left, on the right and above, in scan order.
        stride = width + 2 * REACH
        self.margined_size = (height + REACH) * stride
        margined = (rows + REACH) * stride + columns + REACH
        self.margined = margined.flatten()[self.positions]
        taps = torch.tensor([dy * stride + dx for dy, dx in CONTEXT_OFFSETS])
        self.windows = self.margined[:, None] + taps  # H * W, taps

    def of_grid(self, x: Tensor) -> Tensor:
        """(C, H, W) to coding order."""
        return x.flatten(1).T[self.positions]

    def scan(self, x: Tensor) -> Tensor:
        """Coding order to scan order."""
        return x[self._places]

    def grid(self, x: Tensor) -> Tensor:
        """Coding order to (C, H, W)."""
        return self.scan(x).view(*self._size, -1).permute(2, 0, 1)

    def stream(self, x: Tensor, spans: list[Span]) -> Tensor:
        """Coding order to that of the bitstream, in which a wavefront goes group by group."""
        parts = [x[front, span.start : span.stop].flatten() for front in self.fronts for span in spans]
        return torch.cat(parts)


def _of_one_picture(level: float) -> Tensor:
    """A level as `EntropyModel` takes levels."""
    return torch.tensor([level], dtype=torch.float32)


def _z_indexes(shape: Any) -> list[int]:
    """Which table of z: that of the channel."""
    channels, height, width = shape
    return np.repeat(np.arange(channels), height * width).tolist()  # type: ignore[no-any-return]


def _integers(values: Tensor) -> list[int]:
    return values.flatten().to(torch.int32).tolist()  # type: ignore[no-any-return]
