"""Streams that decode anywhere: predictions in whole numbers, the same whatever computes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from places import DATA
from tiny import TINY, latent, photo_tensor, tiny_model

from bench.codecs.ainn.coding_order import CodingOrder
from bench.codecs.ainn.config import AinnConfig
from bench.codecs.ainn.entropy import SCALE_COUNT, SCALE_MAX, SCALE_MIN, EntropyModel
from bench.codecs.ainn.fixed_point import (
    FRACTION,
    LARGEST,
    FixedPointEntropy,
    Linear,
    add_symbols,
    fixed_inverse_gains,
    table_indexes,
)
from bench.codecs.ainn.latent_coder import LatentCoder
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.symbol_tables import (
    SCALES,
    count_symbols,
    split_tables,
    symbol_bits,
    symbol_tables,
)
from bench.codecs.ainn.weights import build, load_weights, save_weights
from bench.core.errors import BenchError

GOLDEN = DATA / "golden_latent.pt"
GOLDEN_THIN = DATA / "golden_thin_latents.pt"  # by the entropy model of the other
ONE = 2.0**FRACTION


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    return photo_tensor(128, 192)


@contextmanager
def computing(threads: int, mkldnn: bool) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.backends.mkldnn.set_flags(_enabled=mkldnn)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.backends.mkldnn.set_flags(_enabled=True)


# Arithmetic.


@pytest.mark.parametrize("shape", [(7, 300, 20), (1, 4608, 5)], ids=str)
def test_a_layer_is_that_of_integers(shape: tuple[int, int, int]) -> None:
    rows, inputs, outputs = shape
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(inputs, outputs)) / 10, rng.normal(size=outputs) * 3
    x = rng.integers(-(1 << 22), 1 << 22, size=(rows, inputs))
    layer = Linear(torch.from_numpy(weight), torch.from_numpy(bias))

    whole = np.floor(weight * ONE + 0.5).astype(np.int64)
    sums = x @ whole + (np.floor(bias * ONE + 0.5).astype(np.int64) << FRACTION)
    wanted = np.clip((sums + (1 << (FRACTION - 1))) >> FRACTION, -int(LARGEST), int(LARGEST))
    assert np.array_equal(layer(torch.from_numpy(x).double()).numpy(), wanted)
    assert len(np.unique(np.abs(wanted))) > rows * outputs / 2


def test_a_layer_whose_sums_might_not_be_exact_is_refused() -> None:
    weight = torch.full((4096, 2), 1.9)
    Linear(weight, torch.zeros(2))
    with pytest.raises(BenchError, match="too large to be exact"):
        Linear(weight * 2.2, torch.zeros(2))


def test_numbers_in_a_layer_end_at_bounds() -> None:
    layer = Linear(torch.tensor([[100.0, -100.0, 1.0]]), torch.zeros(3))
    assert layer(torch.tensor([[5 * ONE]], dtype=torch.float64)).tolist() == [[LARGEST, -LARGEST, 5 * ONE]]


def test_table_indexes_are_those_of_the_nearest_deviation() -> None:
    assert table_indexes(torch.from_numpy(np.log(SCALES)) * ONE).tolist() == list(range(SCALE_COUNT))
    ends = torch.tensor([SCALE_MIN / 5, SCALE_MAX * 5], dtype=torch.float64).log() * ONE
    assert table_indexes(ends).tolist() == [0, SCALE_COUNT - 1]


def test_symbols_are_added_to_the_mean_in_steps_of_the_inverse_gain() -> None:
    log_inverse_gain = torch.tensor([-5.0, 0.0, 3.0])
    symbols = torch.tensor([-1000.0, 7.0, 1.0], dtype=torch.float64)
    mean = torch.tensor([0.25, -3.0, 1.0], dtype=torch.float64)
    y_n = add_symbols(mean * ONE, symbols, fixed_inverse_gains(log_inverse_gain)) / ONE
    assert y_n.numpy() == pytest.approx((mean + symbols * log_inverse_gain.double().exp()).numpy(), abs=2e-4)


def test_gains_are_whole_and_lie_between_those_of_the_lambdas(tiny: Ainn) -> None:
    exact = FixedPointEntropy(tiny.entropy)
    first, second = exact.gains(0), exact.gains(1)
    for level, share in ((0.5, 0.5), (0.123, 0.123), (1, 1), (2, None), (9, None)):
        for gain, below, above, last in zip(exact.gains(level), first, second, exact.gains(2), strict=True):
            assert torch.equal(gain, gain.round())
            wanted = last if share is None else below + share * (above - below)
            assert torch.allclose(gain, wanted, atol=0.51, rtol=0)


# Whatever computes it.


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [(8, 12), (4, 72)], ids=["usual", "thin"])
def test_latents_are_the_same_with_any_threads_and_libraries(
    tiny: Ainn, size: tuple[int, int], dtype: torch.dtype
) -> None:
    """Transforms may differ in their last digits, and streams with them; each decodes to what was encoded."""
    picture = photo_tensor(16 * size[0], 16 * size[1])
    model = tiny if dtype == torch.float32 else build_like(tiny).double()
    streams, y_hats = [], []
    for threads, mkldnn in ((1, True), (2, True), (1, False)):
        with computing(threads, mkldnn), torch.inference_mode():
            coded = LatentCoder(tiny.entropy).encode(model.encode(picture.to(dtype)), 1.25)
        streams.append(coded.payload)
        y_hats.append(coded.y_hat)
    for threads, mkldnn in ((2, False), (1, True)):
        for payload, y_hat in zip(streams, y_hats, strict=True):
            with computing(threads, mkldnn):
                assert torch.equal(LatentCoder(tiny.entropy).decode(payload, size, 1.25).y_hat, y_hat)


@pytest.mark.usefixtures("cuda")
def test_latents_of_a_gpu_decode_on_the_cpu(tiny: Ainn, picture: torch.Tensor) -> None:
    with torch.inference_mode():
        y = build_like(tiny).cuda().encode(picture.cuda()).cpu()
    coded = LatentCoder(tiny.entropy).encode(y, 1.25)
    assert torch.equal(LatentCoder(tiny.entropy).decode(coded.payload, (8, 12), 1.25).y_hat, coded.y_hat)


def test_a_stream_of_an_earlier_build_decodes_to_the_same_latent() -> None:
    """Written once by running this file (PYTHONPATH=tests/support), which refuses to do so again."""
    golden = torch.load(GOLDEN, weights_only=True)
    level = golden["quality"]  # the file has this name for it
    decoded = LatentCoder(golden_entropy(golden)).decode(golden["payload"], (8, 12), level)
    assert torch.equal(decoded.symbols, golden["symbols"].double())
    assert int(decoded.symbols.abs().max()) > 1000 and int((decoded.symbols != 0).sum()) > 2000
    assert _sha256(decoded.y_hat) == golden["y_hat_sha256"]


@pytest.mark.parametrize("size", [(4, 68), (68, 4)], ids=str)
def test_a_thin_stream_of_before_there_were_segments_decodes_to_the_same_latent(
    size: tuple[int, int],
) -> None:
    """Written by commit 5df8325, as `GOLDEN` was."""
    golden = torch.load(GOLDEN_THIN, weights_only=True)
    kept = next(kept for kept in golden["latents"] if tuple(kept["size"]) == size)
    coder = LatentCoder(golden_entropy(torch.load(GOLDEN, weights_only=True)))
    decoded = coder.decode(kept["payload"], size, golden["level"], order=CodingOrder(*size))
    assert _sha256(decoded.symbols.int()) == kept["symbols_sha256"]
    assert _sha256(decoded.y_hat) == kept["y_hat_sha256"]


# Tables of symbols.


def test_gaussian_tables_hold_what_a_gaussian_gives() -> None:
    cdfs, sizes, offsets = split_tables(symbol_tables())
    bits = symbol_bits(cdfs)
    assert len(cdfs) == SCALE_COUNT and list(map(len, cdfs)) == sizes
    for table in (0, 30, 70, SCALE_COUNT - 1):
        symbols = np.arange(sizes[table] - 2) + offsets[table]
        pmf = np.diff([_phi((s - 0.5) / SCALES[table]) for s in [*symbols, symbols[-1] + 1]])
        likely = pmf > 1e-3
        probabilities = 2 ** -bits[table, : sizes[table] - 2]
        assert probabilities[likely] == pytest.approx(pmf[likely], rel=0.02, abs=1e-4)
        assert probabilities.sum() + 2 ** -bits[table, sizes[table] - 2] == pytest.approx(1)


def test_measured_tables_follow_what_was_counted() -> None:
    rng = np.random.default_rng(0)
    symbols = np.round(rng.laplace(scale=1.5, size=200_000))
    counts = count_symbols(torch.from_numpy(symbols), torch.full((len(symbols),), float(np.log(2.0))))
    assert int(counts.sum()) == len(symbols)
    table = int(counts.sum(1).argmax())
    cdfs, sizes, offsets = split_tables(symbol_tables(counts))
    probabilities = 2 ** -symbol_bits(cdfs)[table, : sizes[table] - 2]
    share = np.array([np.mean(symbols == s) for s in range(offsets[table], -offsets[table] + 1)])
    assert probabilities == pytest.approx((share + share[::-1]) / 2, rel=0.05, abs=2e-4)
    assert np.array_equal(probabilities, probabilities[::-1])

    gaussian, _, _ = split_tables(symbol_tables())  # where nothing was counted, the Gaussian stands in
    assert cdfs[0] == gaussian[0]


def test_tables_are_split_as_they_were_joined() -> None:
    tables = symbol_tables()
    cdfs, sizes, offsets = split_tables(tables)
    assert [value for row, size in zip(cdfs, sizes, strict=True) for value in row[:size]] == tables.tolist()
    assert all(row[0] == 0 and row[size - 1] == 1 << 16 for row, size in zip(cdfs, sizes, strict=True))
    assert all(size == 2 * -offset + 3 for size, offset in zip(sizes, offsets, strict=True))


def _phi(x: float) -> float:
    from scipy.stats import norm

    return float(norm.cdf(x))


def build_like(model: Ainn) -> Ainn:
    return build(model.config.to_dict(), model.state_dict()).eval()


def golden_entropy(golden: dict[str, object]) -> EntropyModel:
    model = Ainn(AinnConfig.from_dict(golden["config"]))  # type: ignore[arg-type]
    state = {f"entropy.{name}": value for name, value in golden["entropy"].items()}  # type: ignore[attr-defined]
    return build(golden["config"], model.state_dict() | state).entropy.eval()  # type: ignore[arg-type]


def write_golden(path: Path) -> None:
    """A stream, its entropy model, and what it decodes to."""
    if path.exists():
        raise SystemExit(f"{path} is there; a golden stream that is written anew proves nothing")
    save_weights(tiny_model(), Path("tiny.pt"), {})
    model = load_weights(Path("tiny.pt"))
    coded = LatentCoder(model.entropy).encode(latent(8, 12), 1.3)
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in model.entropy.state_dict().items()
    }
    torch.save(
        {
            "config": TINY.to_dict(), "entropy": state, "payload": coded.payload, "quality": 1.3,
            "symbols": coded.symbols.to(torch.int16), "y_hat_sha256": _sha256(coded.y_hat),
        },
        path,
    )  # fmt: skip
    Path("tiny.pt").unlink()


def write_golden_thin(path: Path) -> None:
    """Streams of thin latents, and what they decode to."""
    if path.exists():
        raise SystemExit(f"{path} is there; a golden stream that is written anew proves nothing")
    coder = LatentCoder(golden_entropy(torch.load(GOLDEN, weights_only=True)))
    latents = []
    for size in ((4, 68), (68, 4)):
        coded = coder.encode(latent(*size), 0)
        latents.append(
            {
                "size": list(size), "payload": coded.payload,
                "symbols_sha256": _sha256(coded.symbols.int()), "y_hat_sha256": _sha256(coded.y_hat),
            }
        )  # fmt: skip
    torch.save({"level": 0, "latents": latents}, path)


def _sha256(values: torch.Tensor) -> str:
    return hashlib.sha256(values.contiguous().numpy().tobytes()).hexdigest()


if __name__ == "__main__":
    write_golden_thin(GOLDEN_THIN)
