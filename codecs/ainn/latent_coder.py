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
from bench.codecs.ainn.fixed_point import FRACTION, REACH, FixedPointEntropy, add_symbols, table_indexes
from bench.codecs.ainn.quantise import choose_symbols
from bench.codecs.ainn.symbol_tables import split_tables, symbol_bits
from bench.codecs.base import CodecError

_LARGEST_SYMBOL = 1 << 15
_ONE = 2.0**FRACTION


class CodedLatent(NamedTuple):
    payload: bytes
    y_hat: Tensor  # 1, M, H, W, float32
    symbols: Tensor  # H * W, M: the integers that were coded
    estimated_bits: float  # of y and z, by the model's likelihoods


class DecodedLatent(NamedTuple):
    y_hat: Tensor
    symbols: Tensor


class CodedBand(NamedTuple):
    """As many rows of a latent as are coded at once; for `bench.codecs.ainn.tiles`."""

    payload: bytes
    last_rows: Tensor  # what the next band needs of this one


class DecodedBand(NamedTuple):
    y_hat: Tensor  # 1, M, rows, W
    last_rows: Tensor


class _Tables(NamedTuple):
    """Quantised cumulative distributions as the range coder takes them."""

    cdfs: list[list[int]]
    sizes: list[int]
    offsets: list[int]

    def up_to(self, indexes: list[int]) -> _Tables:
        """The tables up to the last of these indexes; a call copies all, and the last are the largest."""
        last = max(indexes, default=0) + 1
        return _Tables(self.cdfs[:last], self.sizes[:last], self.offsets[:last])


class _Swept(NamedTuple):
    y_hat: Tensor  # 1, M, H, W, float32
    last_rows: Tensor  # decoded y_n, with its margin at the sides: what a sweep below takes as `above`


class _Reader:
    """Symbols out of bytes.

    Args:
        most: so many symbols will be read of y.
    """

    def __init__(self, payload: bytes, most: int) -> None:
        self._decoder = range_coder.decoder()
        # The range decoder doesn't look where its bytes end: zeros behind them end any misreading.
        self._decoder.set_stream(payload + bytes(16 * len(payload) + 8 * most + 64))

    def read(self, shape: tuple[int, ...], indexes: list[int], tables: _Tables) -> Tensor:
        decoded = self._decoder.decode_stream(indexes, *tables.up_to(indexes))
        values = torch.tensor(decoded, dtype=torch.float64)
        if values.abs().max() > _LARGEST_SYMBOL:
            raise CodecError("the A-INN bitstream is damaged; it decodes to values out of range")
        return values.view(shape)


class LatentCoder:
    """Codes latents with a trained entropy model, as `load_weights` gives it."""

    def __init__(self, entropy: EntropyModel) -> None:
        self.model = entropy
        self.exact = FixedPointEntropy(entropy)
        self._z_tables = _Tables(*entropy.bottleneck.tables())
        self._y_tables = _Tables(*split_tables(entropy.symbol_tables))
        self._bits = torch.from_numpy(symbol_bits(self._y_tables.cdfs))
        self._first_symbols = torch.tensor(self._y_tables.offsets)

    @property
    def channels(self) -> int:
        """M, of y."""
        return self.exact.spans[-1].stop

    def least_bytes(self, size: tuple[int, int]) -> int:
        """The fewest bytes of a payload for a latent of this size: of one whose symbols are the cheapest.

        Args:
            size: H and W.
        """
        positions, channels = size[0] * size[1], self.channels
        of_y = positions * channels * min(range_coder.least_bits(*self._y_tables[:2]))
        of_z = positions // 16 * sum(range_coder.least_bits(*self._z_tables[:2]))
        return range_coder.least_bytes(of_y + of_z)

    @torch.no_grad()
    def encode(self, y: Tensor, level: float) -> CodedLatent:
        """y (1, M, H, W), H and W multiples of 4, to bytes.

        Args:
            level: position among the lambdas, 0 to L - 1, in whole thousandths.
        """
        encoder = range_coder.encoder()
        z = self.analyse(y)
        self._put_z(z, encoder)
        swept, symbols, bits = self._put_y(y, self.hyper_features(z, level), level, None, encoder)
        bits -= float(torch.log2(self.model.bottleneck.likelihood(z[None].float())).sum())
        return CodedLatent(encoder.flush(), swept.y_hat, symbols, bits)

    @torch.no_grad()
    def decode(self, payload: bytes, size: tuple[int, int], level: float) -> DecodedLatent:
        """Bytes to y_hat (1, M, H, W).

        Args:
            size: H and W.
            level: the one that `encode` was given.

        Raises:
            CodecError: the bytes are damaged, as far as that shows.
        """
        reader = _Reader(payload, self.channels * size[0] * size[1])
        z = self._read_z(size, reader)
        swept, symbols = self._read_y(self.hyper_features(z, level), size, level, None, reader)
        return DecodedLatent(swept.y_hat, symbols)

    @torch.no_grad()
    def analyse(self, y: Tensor) -> Tensor:
        """z (K, H/4, W/4), whole numbers, of y (1, M, H, W)."""
        y_n = self.model.normalise(y.float())
        z: Tensor = self.model.hyper_analysis(y_n)[0]
        _check_finite(y_n)
        _check_finite(z)
        return z.round().clamp(-_LARGEST_SYMBOL, _LARGEST_SYMBOL).double()

    def hyper_features(self, z: Tensor, level: float) -> Tensor:
        """Features (H * W, features) of z (K, H/4, W/4)."""
        return self.exact.hyper_features(z, self.exact.gains(level)[0])

    def encode_z(self, z: Tensor) -> bytes:
        """z (K, H/4, W/4) alone."""
        encoder = range_coder.encoder()
        self._put_z(z, encoder)
        return encoder.flush()  # type: ignore[no-any-return]

    def decode_z(self, payload: bytes, size: tuple[int, int]) -> Tensor:
        """Inverse of `encode_z`, given H and W."""
        return self._read_z(size, _Reader(payload, self.channels * size[0] * size[1]))

    @torch.no_grad()
    def encode_y(self, y: Tensor, hyper: Tensor, level: float, above: Tensor | None) -> CodedBand:
        """A band of y (1, M, rows, W) alone.

        Args:
            hyper: of `hyper_features`, for the band.
            above: `last_rows` of the band above; None: there is none.
        """
        encoder = range_coder.encoder()
        swept, _, _ = self._put_y(y, hyper, level, above, encoder)
        return CodedBand(encoder.flush(), swept.last_rows)

    @torch.no_grad()
    def decode_y(
        self, payload: bytes, hyper: Tensor, size: tuple[int, int], level: float, above: Tensor | None
    ) -> DecodedBand:
        """Inverse of `encode_y`, given the number of rows and W."""
        reader = _Reader(payload, self.channels * size[0] * size[1])
        swept, _ = self._read_y(hyper, size, level, above, reader)
        return DecodedBand(swept.y_hat, swept.last_rows)

    def _put_z(self, z: Tensor, encoder: Any) -> None:
        encoder.encode_with_indexes(_integers(z), _z_indexes(z.shape), *self._z_tables)

    def _read_z(self, size: tuple[int, int], reader: _Reader) -> Tensor:
        shape = (len(self._z_tables.sizes), size[0] // 4, size[1] // 4)
        return reader.read(shape, _z_indexes(shape), self._z_tables)

    def _put_y(
        self, y: Tensor, hyper: Tensor, level: float, above: Tensor | None, encoder: Any
    ) -> tuple[_Swept, Tensor, float]:
        """Encode y; gives what the decoder will have, the symbols, and their bits by the tables."""
        queue: tuple[list[int], list[int]] = ([], [])  # symbols of y, and which tables they are coded by
        height, width = y.shape[2:]
        target = self.model.normalise(y.float())[0].double().permute(1, 2, 0).reshape(height * width, -1)
        symbols = torch.zeros_like(target)
        levels = _of_one_picture(level)
        gain, inverse_gain = (gain.flatten().double() for gain in self.model.gains(levels))
        gain = gain.exp()
        weight = self.model.distortion_weight(levels).flatten().double()
        bits = torch.zeros((), dtype=torch.float64)

        def code(positions: Tensor, span: Span, mean: Tensor, tables: Tensor) -> Tensor:
            here = slice(span.start, span.stop)
            residual = target[positions, here] - mean / _ONE
            chosen = choose_symbols(
                residual, gain[here], inverse_gain[here], weight[here],
                lambda values, index: self._bits_of(values, tables[index]),
            ).clamp_(-_LARGEST_SYMBOL, _LARGEST_SYMBOL)  # fmt: skip
            queue[0].extend(_integers(chosen))
            queue[1].extend(_integers(tables))
            symbols[positions, here] = chosen
            bits.add_(self._bits_of(chosen, tables).sum())
            return chosen

        swept = self._sweep(hyper, level, (height, width), code, above)
        _check_finite(symbols)
        encoder.encode_with_indexes(*queue, *self._y_tables)
        return swept, symbols, float(bits)

    def _read_y(
        self, hyper: Tensor, size: tuple[int, int], level: float, above: Tensor | None, reader: _Reader
    ) -> tuple[_Swept, Tensor]:
        """Decode y; gives the symbols, too."""
        symbols = torch.zeros(size[0] * size[1], self.channels, dtype=torch.float64)

        def code(positions: Tensor, span: Span, mean: Tensor, tables: Tensor) -> Tensor:
            decoded = reader.read(tuple(mean.shape), _integers(tables), self._y_tables)
            symbols[positions, span.start : span.stop] = decoded
            return decoded

        return self._sweep(hyper, level, size, code, above), symbols

    def _sweep(
        self,
        hyper: Tensor,
        level: float,
        size: tuple[int, int],
        code: Callable[[Tensor, Span, Tensor, Tensor], Tensor],
        above: Tensor | None,
    ) -> _Swept:
        """Wavefront by wavefront, group by group: predict, code (or read), reconstruct."""
        height, width = size
        exact = self.exact
        log_gain, inverse_gain = exact.gains(level)
        stride = width + 2 * REACH
        taps = torch.tensor([dy * stride + dx for dy, dx in CONTEXT_OFFSETS])
        # Decoded y_n, with a margin of zeros that the window may look into.
        decoded = torch.zeros((height + REACH) * stride, len(log_gain), dtype=torch.float64)
        if above is not None:
            decoded[: REACH * stride] = above
        for rows, columns in _wavefronts(height, width):
            positions = rows * width + columns
            margined = (rows + REACH) * stride + columns + REACH
            features = exact.features(hyper[positions], decoded[margined[:, None] + taps])
            here = torch.empty(len(positions), len(log_gain), dtype=torch.float64)
            for group, span in enumerate(exact.spans):
                part = slice(span.start, span.stop)
                mean, log_scale = exact.distribution(group, features, here[:, : span.start])
                symbols = code(positions, span, mean, table_indexes(log_scale + log_gain[part]))
                here[:, part] = add_symbols(mean, symbols, inverse_gain[part])
            decoded[margined] = here
        grid = decoded.view(height + REACH, stride, -1)[REACH:, REACH : REACH + width]
        y_n = (grid / _ONE).permute(2, 0, 1)[None]
        y_hat = self.model.denormalise(y_n, _of_one_picture(level)).float()
        return _Swept(y_hat, decoded[-REACH * stride :].clone())

    def _bits_of(self, symbols: Tensor, tables: Tensor) -> Tensor:
        """Bits of symbols by their tables; of those beyond a table, what the escape alone costs."""
        table = tables.long()
        first = self._first_symbols[table]
        escape = 1 - 2 * first
        entry = symbols.long() - first
        return self._bits[table, torch.where((entry < 0) | (entry > escape), escape, entry)]


def _wavefronts(height: int, width: int) -> list[tuple[Tensor, Tensor]]:
    """Rows and columns of the positions with the same ``column + 3 * row``, in order."""
    fronts = []
    for front in range(width + 3 * (height - 1)):
        rows = torch.arange(max(0, -((width - 1 - front) // 3)), min(height - 1, front // 3) + 1)
        fronts.append((rows, front - 3 * rows))
    return fronts


def _check_finite(values: Tensor) -> None:
    """NaN would be coded without end."""
    if not torch.isfinite(values).all():
        raise CodecError("the A-INN weights give a latent that can't be coded; train them anew")


def _of_one_picture(level: float) -> Tensor:
    """A level as `EntropyModel` takes levels."""
    return torch.tensor([level], dtype=torch.float32)


def _z_indexes(shape: Any) -> list[int]:
    """Which table of z: that of the channel."""
    channels, height, width = shape
    return np.repeat(np.arange(channels), height * width).tolist()  # type: ignore[no-any-return]


def _integers(values: Tensor) -> list[int]:
    return values.flatten().to(torch.int32).tolist()  # type: ignore[no-any-return]
