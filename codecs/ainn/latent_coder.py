"""Latent to bytes and back: z by its tables, then y by the tables that context and hyperprior point to.

Positions are coded wavefront by wavefront (`coding_order.py`), with the same result as one by one.

Encoder and decoder run the very same steps in whole numbers (`fixed_point.py`), so that a stream
decodes to the same latent on any machine. What the encoder alone decides, it may decide in floating
point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.codecs import range_coder
from bench.codecs.ainn import side_information
from bench.codecs.ainn.channel_groups import Span
from bench.codecs.ainn.coding_order import CodingOrder
from bench.codecs.ainn.entropy import EntropyModel
from bench.codecs.ainn.fixed_point import FRACTION, FixedPointEntropy
from bench.codecs.ainn.quantise import choose_symbols
from bench.codecs.ainn.sweep import Sweep
from bench.codecs.ainn.symbol_tables import split_tables, symbol_bits
from bench.codecs.base import CodecError
from bench.core.torch_threads import one_thread

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
    aside: list[side_information.Block]  # what was sent ahead of the latent


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

    def only(self, indexes: list[int]) -> _Tables:
        """With empty tables where there is none of these indexes: a call copies all that it is given."""
        used = set(indexes)
        cdfs = [cdf if index in used else [] for index, cdf in enumerate(self.cdfs[: max(used) + 1])]
        return _Tables(cdfs, self.sizes[: len(cdfs)], self.offsets[: len(cdfs)])


class ChosenSymbols(NamedTuple):
    """What is coded of a latent, in coding order: (H * W, M)."""

    order: CodingOrder
    symbols: Tensor
    tables: Tensor  # indexes of those that code the symbols
    bits: Tensor  # of each symbol, by its table
    y_hat: Tensor  # 1, M, H, W, float32: as the decoder's transform is given it
    last_rows: Tensor  # what a band below takes as `above`


class _Reader:
    """Symbols out of bytes.

    Args:
        most: so many symbols will be read.
    """

    def __init__(self, payload: bytes, most: int) -> None:
        self._decoder = range_coder.decoder()
        # The range decoder doesn't look where its bytes end: zeros behind them end any misreading.
        self._decoder.set_stream(payload + bytes(16 * len(payload) + 8 * most + 64))

    def numbers(self, indexes: list[int], *tables: Any) -> list[int]:
        used = _Tables(*tables).only(indexes)
        return self._decoder.decode_stream(indexes, *used)  # type: ignore[no-any-return]

    def read(self, shape: tuple[int, ...], indexes: list[int], tables: _Tables) -> Tensor:
        decoded = self.numbers(indexes, *tables)
        return torch.from_numpy(np.array(decoded, np.float64)).view(shape)


class LatentCoder:
    """Codes latents with a trained entropy model, as `load_weights` gives it."""

    def __init__(self, entropy: EntropyModel) -> None:
        self.model = entropy
        self.exact = FixedPointEntropy(entropy)
        self._z_tables = _Tables(*entropy.bottleneck.tables())
        self._y_tables = _Tables(*split_tables(entropy.symbol_tables))
        bits = symbol_bits(self._y_tables.cdfs)
        self._bits = torch.from_numpy(bits)
        self.aside_costs = side_information.bits_by_table(bits, self._y_tables.offsets)
        self._first_symbols = torch.tensor(self._y_tables.offsets)

    @property
    def channels(self) -> int:
        """M, of y."""
        return self.exact.spans[-1].stop

    def least_bytes(self, size: tuple[int, int], parts: str = "yz") -> int:
        """The fewest bytes of a payload for a latent of this size: of one whose symbols are the cheapest.

        Args:
            size: H and W.
            parts: which of y and z the payload holds.
        """
        positions, channels = size[0] * size[1], self.channels
        of_y = positions * channels * min(range_coder.least_bits(*self._y_tables[:2]))
        of_z = positions // 16 * sum(range_coder.least_bits(*self._z_tables[:2]))
        return range_coder.least_bytes(("y" in parts) * of_y + ("z" in parts) * of_z)

    @torch.no_grad()
    def encode(self, y: Tensor, level: float) -> CodedLatent:
        """y (1, M, H, W), H and W multiples of 4, to bytes.

        Args:
            level: position among the lambdas, 0 to L - 1, in whole thousandths.
        """
        z = self.analyse(y)
        return self.write(
            z, self.choose(self.model.normalise(y.float()), self.hyper_features(z, level), level)
        )

    @torch.no_grad()
    def write(
        self, z: Tensor, chosen: ChosenSymbols, aside: Sequence[side_information.Block] = ()
    ) -> CodedLatent:
        """z of `analyse`, and the symbols that were chosen with it, to bytes; numbers `aside` go ahead."""
        encoder = range_coder.encoder()
        side_information.put(aside, self.aside_costs, encoder, self._y_tables)
        self._put_z(z, encoder)
        self._put_y(chosen, encoder)
        bits = float(chosen.bits.sum())
        bits -= float(torch.log2(self.model.bottleneck.likelihood(z[None].float())).sum())
        return CodedLatent(encoder.flush(), chosen.y_hat, chosen.order.scan(chosen.symbols), bits)

    @torch.no_grad()
    def decode(
        self,
        payload: bytes,
        size: tuple[int, int],
        level: float,
        aside: Sequence[int] = (),
        order: CodingOrder | None = None,
    ) -> DecodedLatent:
        """Bytes to y_hat (1, M, H, W).

        Args:
            size: H and W.
            level: the one that `encode` was given.
            aside: lengths of the blocks that were sent ahead.
            order: by default that in which `encode` writes.

        Raises:
            CodecError: the bytes are damaged, as far as that shows.
        """
        most = self.channels * size[0] * size[1] + 2 * sum(aside)  # z's are far fewer
        reader = _Reader(payload, most)
        ahead = side_information.read(aside, reader.numbers, self._y_tables)
        z = self._read_z(size, reader)
        order = order or CodingOrder.of_picture(*size)
        sweep, symbols = self._read_y(self.hyper_features(z, level), order, level, None, reader)
        return DecodedLatent(self._y_hat(sweep, level), symbols, ahead)

    @torch.no_grad()
    def analyse(self, y: Tensor) -> Tensor:
        """z (K, H/4, W/4), whole numbers, of y (1, M, H, W)."""
        y_n = self.model.normalise(y.float())
        z: Tensor = self.model.hyper_analysis(y_n)[0]
        _check_finite(y_n)
        _check_finite(z)
        return z.round().clamp(-_LARGEST_SYMBOL, _LARGEST_SYMBOL).double()

    def hyper_features(self, z: Tensor, level: float) -> Tensor:
        """Sums (H * W, features) of z (K, H/4, W/4), to which context is added."""
        return self.exact.hyper_sums(z, self.exact.gains(level)[0])

    def encode_z(self, z: Tensor) -> bytes:
        """z (K, H/4, W/4) alone."""
        encoder = range_coder.encoder()
        self._put_z(z, encoder)
        return encoder.flush()  # type: ignore[no-any-return]

    def decode_z(self, payload: bytes, size: tuple[int, int]) -> Tensor:
        """Inverse of `encode_z`, given H and W."""
        most = len(self._z_tables.sizes) * size[0] * size[1] // 16
        return self._read_z(size, _Reader(payload, most))

    @torch.no_grad()
    def encode_y(self, y: Tensor, hyper: Tensor, level: float, above: Tensor | None) -> CodedBand:
        """A band of y (1, M, rows, W) alone.

        Args:
            hyper: of `hyper_features`, for the band.
            above: `last_rows` of the band above; None: there is none.
        """
        encoder = range_coder.encoder()
        order = CodingOrder(*y.shape[2:])
        chosen = self.choose(self.model.normalise(y.float()), hyper, level, order, above)
        self._put_y(chosen, encoder)
        return CodedBand(encoder.flush(), chosen.last_rows)

    @torch.no_grad()
    def decode_y(
        self, payload: bytes, hyper: Tensor, size: tuple[int, int], level: float, above: Tensor | None
    ) -> DecodedBand:
        """Inverse of `encode_y`, given the number of rows and W."""
        reader = _Reader(payload, self.channels * size[0] * size[1])
        sweep, _ = self._read_y(hyper, CodingOrder(*size), level, above, reader)
        return DecodedBand(self._y_hat(sweep, level), sweep.last_rows)

    def _put_z(self, z: Tensor, encoder: Any) -> None:
        encoder.encode_with_indexes(_integers(z), _z_indexes(z.shape), *self._z_tables)

    def _read_z(self, size: tuple[int, int], reader: _Reader) -> Tensor:
        shape = (len(self._z_tables.sizes), size[0] // 4, size[1] // 4)
        z = reader.read(shape, _z_indexes(shape), self._z_tables)
        _check_range(z)
        return z

    @torch.no_grad()
    def choose(
        self,
        y_n: Tensor,
        hyper: Tensor,
        level: float,
        order: CodingOrder | None = None,
        above: Tensor | None = None,
    ) -> ChosenSymbols:
        """The symbols that code a normalised latent y_n (1, M, H, W).

        Args:
            hyper: of `hyper_features`.
            order: by default that of a whole picture.
            above: `last_rows` of the band above; None: there is none.
        """
        order = order or CodingOrder.of_picture(*y_n.shape[2:])
        choice = SymbolChoice(self, order.of_grid(y_n[0].double()), level)
        sweep = Sweep(self.exact, hyper, level, order, above)
        with one_thread():
            sweep.go_on(choice.code)
        symbols, tables = choice.symbols, choice.tables
        _check_finite(symbols)
        bits = self.bits_of(symbols, tables)
        return ChosenSymbols(order, symbols, tables, bits, self._y_hat(sweep, level), sweep.last_rows)

    def _put_y(self, chosen: ChosenSymbols, encoder: Any) -> None:
        encoder.encode_with_indexes(
            _integers(chosen.order.stream(chosen.symbols, self.exact.spans)),
            _integers(chosen.order.stream(chosen.tables, self.exact.spans)),
            *self._y_tables,
        )

    def _read_y(
        self, hyper: Tensor, order: CodingOrder, level: float, above: Tensor | None, reader: _Reader
    ) -> tuple[Sweep, Tensor]:
        """Decode y; gives the symbols, too."""
        symbols = torch.zeros(len(order.positions), self.channels, dtype=torch.float64)

        def code(positions: slice, span: Span, mean: Tensor, indexes: Tensor) -> Tensor:
            decoded = reader.read(tuple(mean.shape), _integers(indexes), self._y_tables)
            symbols[positions, span.start : span.stop] = decoded
            return decoded

        sweep = Sweep(self.exact, hyper, level, order, above)
        with one_thread():
            sweep.go_on(code)
        _check_range(symbols)
        return sweep, order.scan(symbols)

    def denormalised(self, y_n: Tensor, level: float) -> Tensor:
        """Fixed point y_n (N, M, H, W) to y_hat, float32, as the decoder's transform is given it."""
        return self.model.denormalise(y_n / _ONE, _of_one_picture(level)).float()

    def _y_hat(self, sweep: Sweep, level: float) -> Tensor:
        """(1, M, H, W) of a sweep that is through."""
        return self.denormalised(sweep.order.grid(sweep.y_n)[None], level)

    def bits_of(self, symbols: Tensor, tables: Tensor) -> Tensor:
        """Bits of symbols by their tables; of those beyond a table, what the escape alone costs."""
        table = tables.long()
        first = self._first_symbols[table]
        escape = 1 - 2 * first
        entry = symbols.long() - first
        return self._bits[table, torch.where((entry < 0) | (entry > escape), escape, entry)]


class SymbolChoice:
    """Chooses the symbols that code a normalised latent (H * W, M), in coding order, as a sweep goes by."""

    def __init__(self, coder: LatentCoder, target: Tensor, level: float) -> None:
        self.symbols, self.tables = torch.zeros_like(target), torch.zeros(target.shape, dtype=torch.int32)
        self._coder, self._target = coder, target
        levels = _of_one_picture(level)
        gain, inverse_gain = (gain.flatten().double() for gain in coder.model.gains(levels))
        self._gain, self._inverse_gain = gain.exp(), inverse_gain
        self._weight = coder.model.distortion_weight(levels).flatten().double()

    def code(self, positions: slice, span: Span, mean: Tensor, indexes: Tensor) -> Tensor:
        """As `Sweep` takes it."""
        here = slice(span.start, span.stop)
        chosen = choose_symbols(
            self._target[positions, here] - mean / _ONE,
            self._gain[here], self._inverse_gain[here], self._weight[here],
            lambda values, which: self._coder.bits_of(values, indexes[which]),
        ).clamp_(-_LARGEST_SYMBOL, _LARGEST_SYMBOL)  # fmt: skip
        self.symbols[positions, here] = chosen
        self.tables[positions, here] = indexes
        return chosen


def _check_range(symbols: Tensor) -> None:
    if symbols.abs().max() > _LARGEST_SYMBOL:
        raise CodecError("the A-INN bitstream is damaged; it decodes to values out of range")


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
