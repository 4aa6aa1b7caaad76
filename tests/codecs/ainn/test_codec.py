"""A-INN as a codec: container and weights, damaged and forged streams."""

from __future__ import annotations

import contextlib
import functools
import math
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import TINY, photo, tiny_model

from bench.codecs import CodecError, get
from bench.codecs.ainn import container
from bench.codecs.ainn.codec import AinnCodec, _pad
from bench.codecs.ainn.coding_order import CodingOrder
from bench.codecs.ainn.container import Container
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.picture_filter import CLASSES, FEATURES
from bench.codecs.ainn.uninitialised import Uninitialised
from bench.codecs.ainn.weights import build, load_weights, save_weights
from bench.core.errors import BenchError
from bench.core.files import sha256_of


@pytest.fixture(scope="module")
def codec(tiny_weights: Path) -> AinnCodec:
    return AinnCodec(tiny_weights)


@pytest.fixture(scope="module")
def stream(codec: AinnCodec) -> bytes:
    """Of a picture of 40x24."""
    return codec.encode(photo(24, 40), 2.5)


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 7), (63, 65), (200, 1), (130, 70), (64, 64), (3, 1100), (1100, 5)]
)
def test_any_size_comes_back_in_another_codec_from_the_bytes_alone(
    tiny_weights: Path, codec: AinnCodec, height: int, width: int
) -> None:
    image = photo(height, width)
    stream = codec.encode(image, 2)
    decoded = AinnCodec(tiny_weights).decode(stream)
    assert decoded.shape == (height, width, 3) and decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert np.array_equal(codec.decode(stream), decoded)


@pytest.mark.parametrize("size", [(70, 90), (1100, 16)], ids=str)
def test_pictures_come_back_resembling_themselves(size: tuple[int, int]) -> None:
    image = photo(*size)
    shipped = AinnCodec()
    decoded = shipped.decode(shipped.encode(image, 8)).astype(float)
    assert np.mean((decoded - image) ** 2) < 60 < np.mean((decoded[::-1] - image) ** 2)


def test_tall_pictures_are_coded_lying(codec: AinnCodec) -> None:
    image = photo(1100, 20)
    tall, wide = (codec.encode(side, 2) for side in (image, image.transpose(1, 0, 2)))
    tall_content, wide_content = container.unpack(tall), container.unpack(wide)
    assert (tall_content.width, tall_content.height) == (20, 1100)
    assert tall_content.thin and tall_content.payload == wide_content.payload
    assert np.array_equal(codec.decode(tall), codec.decode(wide).transpose(1, 0, 2))


@pytest.mark.parametrize("size", [(1100, 20), (20, 1100)], ids=str)
def test_thin_pictures_of_container_version_2_are_upright_and_in_one_piece(
    codec: AinnCodec, size: tuple[int, int]
) -> None:
    image = photo(*size)
    y, coder = codec._analyse(image), codec._coder
    y_n, level = codec._model.entropy.normalise(y), 1.0
    z = coder.analyse(y)
    uncut = CodingOrder(y.shape[2], y.shape[3])
    chosen = coder.choose(y_n, coder.hyper_features(z, level), level, uncut)
    stream = forged(codec, coder.write(z, chosen).payload, size[1], size[0])
    assert stream[4] == 2
    assert np.array_equal(codec.decode(stream), codec._synthesise(chosen.y_hat, *size, level))


@pytest.mark.parametrize("size", [(16, 1100), (1100, 16)], ids=str)
def test_thin_pictures_can_be_searched(tiny_weights: Path, codec: AinnCodec, size: tuple[int, int]) -> None:
    image = photo(*size)
    stream = AinnCodec(tiny_weights, search=1).encode(image, 3)
    assert container.unpack(stream).thin and not container.unpack(stream).corrected
    decoded, plain = codec.decode(stream), codec.decode(codec.encode(image, 3))
    assert np.mean((decoded.astype(float) - plain) ** 2) < 60


def test_the_filter_is_fitted_to_tall_pictures() -> None:
    image = photo(1100, 16)
    plain, fitted = (get(name).encode(image, 8) for name in ("ainn", "ainn:fit=1"))
    assert container.unpack(fitted).thin and container.unpack(fitted).corrected
    errors = [np.mean((AinnCodec().decode(s).astype(float) - image) ** 2) for s in (plain, fitted)]
    assert errors[1] < errors[0] < 60


def test_encoding_is_deterministic_and_pictures_do_not_leak_into_one_another(
    tiny_weights: Path, codec: AinnCodec
) -> None:
    image = photo(65, 40)
    first = codec.encode(image, 2.2)
    codec.encode(photo(30, 80, seed=9), 3)
    assert codec.encode(image, 2.2) == first == AinnCodec(tiny_weights).encode(image, 2.2)
    assert codec.encode(photo(65, 40, seed=1), 2.2) != first


def test_sides_are_filled_up_by_repeating_the_edge() -> None:
    image = photo(65, 64)
    padded = (_pad(image)[0] * 255).round().byte().permute(1, 2, 0).numpy()
    assert padded.shape == (128, 64, 3)
    assert np.array_equal(padded[:65], image)
    assert np.array_equal(padded[65:], np.broadcast_to(image[-1], (63, 64, 3)))


def test_encode_takes_any_view_of_a_picture_and_leaves_it_alone(codec: AinnCodec) -> None:
    image = photo(64, 64)
    image.flags.writeable = False
    stream = codec.encode(image[:, ::-1], 2)
    assert np.array_equal(image, photo(64, 64))
    assert stream == codec.encode(image[:, ::-1].copy(), 2)


def test_quality_survives_in_the_header(codec: AinnCodec) -> None:
    for quality in (1, 1.001, 2.5, 6.5, 8):
        content = container.unpack(codec.encode(photo(8, 8), quality))
        assert content.quality == quality
        assert (content.width, content.height) == (8, 8)
        assert content.weights.hex() == codec.weights_id[:8]


def test_fractional_quality_is_between_its_neighbours(codec: AinnCodec) -> None:
    sizes = [len(codec.encode(photo(64, 64), quality)) for quality in (1, 1.5, 2, 2.5, 3)]
    assert sizes == sorted(sizes) and len(set(sizes)) == 5


@pytest.mark.parametrize("quality", [0.99, 8.01, -1, float("nan"), float("inf")])
def test_qualities_beyond_the_range_are_refused(quality: float) -> None:
    with pytest.raises(BenchError, match="from 1 to 8"):
        AinnCodec().check_quality(quality)


@pytest.mark.parametrize("quality", [1, 6.5, 8])
def test_qualities_within_the_range_are_taken(quality: float) -> None:
    assert AinnCodec().check_quality(quality) == quality


def test_weights_are_told_in_name_and_version(tiny_weights: Path, codec: AinnCodec) -> None:
    given = get(f"ainn:weights={tiny_weights}")
    assert given.name == codec.name == "ainn:weights=tiny.pt"
    assert given.version().endswith(f"weights {sha256_of(tiny_weights)[:8]}")
    image = photo(20, 30)
    assert given.encode(image, 2) == codec.encode(image, 2)


# Damage and forgery.


def test_other_weights_are_refused_with_a_sentence(stream: bytes, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    save_weights(tiny_model(seed=1), other, {})
    with pytest.raises(CodecError, match=f"written with weights .*these are {sha256_of(other)[:8]}"):
        AinnCodec(other).decode(stream)


def test_every_flipped_byte_is_noticed(codec: AinnCodec, stream: bytes) -> None:
    for position in range(len(stream)):
        damaged = bytearray(stream)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(CodecError):
            codec.decode(bytes(damaged))


def test_every_cut_is_noticed(codec: AinnCodec, stream: bytes) -> None:
    for length in range(len(stream)):
        with pytest.raises(CodecError):
            codec.decode(stream[:length])
    with pytest.raises(CodecError):
        codec.decode(stream + b"\0")


@pytest.mark.parametrize("start", [b"", b"AINN", b"AINN\x02"])
def test_random_bytes_are_refused(codec: AinnCodec, start: bytes) -> None:
    rng = np.random.default_rng(0)
    for length in (0, 1, 20, 21, 500):
        with pytest.raises(CodecError):
            codec.decode(start + rng.bytes(length))


def forged(
    codec: AinnCodec, payload: bytes, width: int = 150, height: int = 80, quality: float = 2, **how: bool
) -> bytes:
    identity = bytes.fromhex(codec.weights_id[:8])
    return container.pack(Container(width, height, quality, identity, payload, **how))


def garbage() -> Iterator[bytes]:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        length = int(rng.integers(1, 3000))
        yield rng.bytes(length)
        yield bytes(rng.choice([0x00, 0x0F, 0xF0, 0xFF], length).astype(np.uint8))
    yield from (b"", b"\0", b"\0" * 4000, b"\xff" * 4000, b"\xff" * 7)


@pytest.mark.parametrize(
    ("size", "how"), [((80, 150), {}), ((1100, 20), {"thin": True}), ((80, 150), {"thin": True})], ids=str
)
def test_garbage_behind_a_good_checksum_gives_a_picture_or_a_codec_error(
    codec: AinnCodec, size: tuple[int, int], how: dict[str, bool]
) -> None:
    pictures = refused = 0
    for payload in garbage():
        try:
            decoded = codec.decode(forged(codec, payload, size[1], size[0], **how))
            assert decoded.shape == (*size, 3) and decoded.dtype == np.uint8
            pictures += 1
        except CodecError as error:
            assert "values out of range" in str(error) or "takes at least" in str(error)
            refused += 1
    assert pictures and refused


@pytest.mark.parametrize("payload", [bytes(40), bytes(range(43)), b"\xff" * 64], ids=len)
def test_beyond_its_end_a_payload_reads_as_zeros(codec: AinnCodec, payload: bytes) -> None:
    """And not as what happens to lie there in memory."""
    outcomes = []
    for behind in (b"", bytes(2000)):
        try:
            outcomes.append(codec.decode(forged(codec, payload + behind)).tobytes())
        except CodecError as error:
            outcomes.append(str(error).encode())
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(("quality", "nearest"), [(0, 1), (0.5, 1), (9, 3), (65.535, 3)])
def test_forged_qualities_are_taken_for_the_nearest(codec: AinnCodec, quality: float, nearest: float) -> None:
    """The tiny model has three lambdas, so that its qualities go from 1 to 3."""
    image = photo(24, 40)
    payload = container.unpack(codec.encode(image, nearest)).payload
    decoded = codec.decode(forged(codec, payload, 40, 24, quality))
    assert np.array_equal(decoded, codec.decode(forged(codec, payload, 40, 24, nearest)))


def test_the_payload_of_another_size_does_no_harm(codec: AinnCodec, stream: bytes) -> None:
    with contextlib.suppress(CodecError):
        assert codec.decode(forged(codec, container.unpack(stream).payload, 300, 200)).shape == (200, 300, 3)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (65535, 65535), (65535, 513)])
def test_forged_sizes_are_refused(codec: AinnCodec, width: int, height: int) -> None:
    header = struct.pack(
        "<4sBHHH4s", b"AINN", container.VERSION, 2000, width, height, bytes.fromhex(codec.weights_id[:8])
    )
    body = header + b"payload"
    with pytest.raises(CodecError, match=f"{width}x{height}"):
        codec.decode(body + struct.pack("<I", zlib.crc32(body)))


@pytest.mark.parametrize(("width", "height"), [(2048, 2048), (65535, 64), (64, 65535), (65535, 512)])
def test_a_size_that_the_payload_has_no_room_for_is_refused_before_any_work(
    codec: AinnCodec, monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    def work(*_: object) -> None:
        raise AssertionError("it began to decode")

    monkeypatch.setattr(codec._coder, "decode", work)
    for length in (0, 10, 300):
        with pytest.raises(CodecError, match=rf"{width}x{height} pixels takes at least \d+ bytes"):
            codec.decode(forged(codec, bytes(length), width, height))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_the_flattest_pictures_have_room_enough(codec: AinnCodec, value: int) -> None:
    """What costs least must never be taken for a forgery."""
    for quality in (1, 3):
        for side in (1, 64, 256):
            flat = np.full((side, side, 3), value, np.uint8)
            assert codec.decode(codec.encode(flat, quality)).shape == flat.shape


def test_a_header_cut_off_before_a_good_checksum_is_refused(codec: AinnCodec, stream: bytes) -> None:
    for length in range(4, 15):
        with pytest.raises(CodecError, match="cut off within its header"):
            codec.decode(stream[:length] + struct.pack("<I", zlib.crc32(stream[:length])))


def test_a_forged_version_is_refused(codec: AinnCodec, stream: bytes) -> None:
    body = stream[:4] + b"\x07" + stream[5:-4]
    with pytest.raises(CodecError, match="version 7; this decoder reads versions 2 to 6"):
        codec.decode(body + struct.pack("<I", zlib.crc32(body)))


def test_pictures_too_large_are_refused(codec: AinnCodec) -> None:
    giant = np.broadcast_to(np.zeros(3, np.uint8), (70000, 2, 3))
    with pytest.raises(CodecError, match="2x70000"):
        codec.encode(giant, 1)


def test_container_keeps_what_it_is_given() -> None:
    content = Container(65535, 512, 6.5, b"\x01\x02\x03\x04", b"payload")
    versions = []
    for flags in ("", "tiled", "corrected", "thin", "corrected thin"):
        kept = content._replace(**dict.fromkeys(flags.split(), True))  # type: ignore[arg-type]
        versions.append(kept.version)
        assert container.unpack(container.pack(kept)) == kept
    assert versions == [2, 3, 4, 5, 6]


# Weights on disk.


def test_weights_come_back_in_half_precision(tiny_weights: Path) -> None:
    original, loaded = tiny_model(), load_weights(tiny_weights)
    assert loaded.config == TINY and not loaded.training
    for name, value in original.named_parameters():
        if not name.endswith("quantiles"):
            assert torch.equal(dict(loaded.named_parameters())[name], value.half().float()), name
    assert loaded.entropy.bottleneck._quantized_cdf.numel() > 0


@torch.no_grad()
def test_the_rarest_z_has_finite_bits_after_half_precision(tiny: Ainn) -> None:
    bits = -torch.log2(tiny.entropy.bottleneck.likelihood(torch.full((1, 8, 1, 1), 1e4)))
    assert float(bits.max()) == pytest.approx(-math.log2(1e-9), rel=1e-3)


def test_saving_weights_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    save_weights(model, tmp_path / "w.pt", {})
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt"]


def test_weights_saved_twice_are_the_same_file(tiny: Ainn, tmp_path: Path) -> None:
    """What was loaded and is saved again has the same weights and tables."""
    save_weights(tiny, tmp_path / "again.pt", {})
    again = load_weights(tmp_path / "again.pt").state_dict()
    for name, value in tiny.state_dict().items():
        assert torch.equal(again[name], value), name


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "pickle", "format", "config", "state"])
def test_damaged_weights_are_a_bench_error(tiny_weights: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bad.pt"
    data = tiny_weights.read_bytes()
    if damage in ("format", "config", "state", "pickle"):
        payload = torch.load(tiny_weights, weights_only=True)
        if damage == "format":
            payload["format"] = "ainn-weights-0"
        elif damage == "config":
            payload["config"]["latent_channels"] = 128
        elif damage == "state":
            payload["state"].popitem()
        else:
            payload["training"] = Path("not plain")
        torch.save(payload, path)
    else:
        path.write_bytes({"cut": data[: len(data) // 2], "text": b"weights?", "empty": b""}[damage])
    with pytest.raises(BenchError, match=r"bad\.pt is not a readable file of A-INN weights \(.+\)"):
        load_weights(path)


def _without_end(shape: tuple[int, ...]) -> torch.Tensor:
    """A tensor of any size that a file holds in 4 bytes."""
    return torch.zeros(1).expand(shape)


def _set(name: str, value: float, at: int = 0) -> Callable[[dict[str, Any]], None]:
    def change(payload: dict[str, Any]) -> None:
        payload["state"][name].view(-1)[at] = value

    return change


def _configure(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda payload: payload["config"].update(values)


BOTTLENECK = "entropy.bottleneck."
BAD_WEIGHTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "NaN in the transform": _set("transform.0.mix.weight", math.nan),
    "infinity in the hyperprior": _set("entropy.hyper_analysis.0.weight", -math.inf, 5),
    "NaN in the filter": _set("picture_filter.coefficients", math.nan),
    "a filter for no deviation": _set("picture_filter.deviations", 0),
    "a deviation of zero": _set("entropy.latent_std", 0),
    "an offset out of range": _set(BOTTLENECK + "_offset", 1 << 30),
    "an offset below": _set(BOTTLENECK + "_offset", -(1 << 30)),
    "a table longer than it is": _set(BOTTLENECK + "_cdf_length", 9999),
    "a table of no length": _set(BOTTLENECK + "_cdf_length", -1),
    "a table of z that falls": _set(BOTTLENECK + "_quantized_cdf", 70000, 1),
    "tables of z for more channels": lambda payload: payload["state"].update(
        {BOTTLENECK + "_offset": torch.zeros(99, dtype=torch.int32)}
    ),
    "no tables": lambda payload: payload["state"].update(
        {"entropy.symbol_tables": torch.empty(0, dtype=torch.int32)}
    ),
    "a table of y that falls": _set("entropy.symbol_tables", 70000, 3),
    "a table of y that is flat": _set("entropy.symbol_tables", 65536, 7),
    "tables of y overwritten": lambda payload: payload["state"]["entropy.symbol_tables"].fill_(7),
    "tables of y in two parts": _set("entropy.symbol_tables", 0, 4),
    "tables of fractions": lambda payload: payload["state"].update(
        {"entropy.symbol_tables": payload["state"]["entropy.symbol_tables"].float()}
    ),
    "a gain of nothing": _set("entropy.fixed_inverse_gain", 0),
    "gains that predict no numbers": lambda payload: payload["state"]["entropy.log_gain"].fill_(1000),
    "gains of another shape": lambda payload: payload["state"].update(
        {"entropy.fixed_inverse_gain": torch.ones(1, 96, dtype=torch.int32)}
    ),
    "a network of 14 GB": _configure(hyper_channels=65000),
    "a network without end": _configure(unet_convs=10**9),
    "widths of nothing": _configure(fdsm_widths=(0, 0)),
    "no widths": _configure(fdsm_widths=()),
    "too many levels": _configure(pdm_widths=((4,) * 9, (4,), (4,))),
    "an even kernel": _configure(subnets=({"kernels": (2, 1, 3), "width": 8},) * 4),
    "text for a number": _configure(cfrm_growth="4"),
    "true for a number": _configure(couplings=True),
    "an unknown option": _configure(colour="red"),
    "lambdas without end": _configure(lambdas=(math.inf,) * 3),
    "tensors larger than the file": lambda payload: payload["state"].update(
        {"entropy.hyper_analysis.0.weight": _without_end((10**5, 10**4))}
    ),
    "no tensor": lambda payload: payload["state"].update({"entropy.latent_mean": [0.0] * 96}),
    "a format of lists in lists": lambda payload: payload.update(format=functools.reduce(
        lambda inner, _: [inner] * 9, range(40), ["x"]
    )),
}  # fmt: skip


@pytest.mark.parametrize("spoil", BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_that_would_crash_or_never_end_are_refused_when_loaded(
    tiny_weights: Path, tmp_path: Path, spoil: Callable[[dict[str, Any]], None]
) -> None:
    payload = torch.load(tiny_weights, weights_only=True)
    payload["state"] |= {  # the tiny model has no filter
        "picture_filter.coefficients": torch.zeros(3, CLASSES, FEATURES, 3),
        "picture_filter.deviations": torch.ones(3),
    }
    torch.save(payload, tmp_path / "bad.pt")
    load_weights(tmp_path / "bad.pt")
    spoil(payload)
    torch.save(payload, tmp_path / "bad.pt")
    with pytest.raises(BenchError, match=r"bad\.pt is not a readable file of A-INN weights \(.+\)") as caught:
        load_weights(tmp_path / "bad.pt")
    assert len(str(caught.value)) < 400


def test_weights_whose_latents_overflow_are_refused_before_symbols_are_coded(
    tiny_weights: Path, tmp_path: Path
) -> None:
    """Each number is finite, and what they give together isn't: it would be coded without end."""
    payload = torch.load(tiny_weights, weights_only=True)
    for name, value in payload["state"].items():
        if name.startswith("entropy.hyper_analysis"):
            signs = 1.0 - 2 * (torch.arange(value.numel()) % 2)
            payload["state"][name] = 1e30 * signs.view(value.shape)
    torch.save(payload, tmp_path / "bad.pt")
    with pytest.raises(CodecError, match="a latent that can't be coded"):
        AinnCodec(tmp_path / "bad.pt").encode(photo(64, 64), 2)


def test_a_transform_without_an_inverse_is_a_bench_error(tiny_weights: Path, tmp_path: Path) -> None:
    payload = torch.load(tiny_weights, weights_only=True)
    payload["state"]["transform.0.mix.weight"].zero_()
    torch.save(payload, tmp_path / "bad.pt")
    with pytest.raises(BenchError, match="has no inverse"):
        AinnCodec(tmp_path / "bad.pt").encode(photo(8, 8), 2)


def test_missing_weights_are_a_bench_error(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no A-INN weights at"):
        load_weights(tmp_path / "none.pt")


def test_a_model_that_is_loaded_shares_nothing_and_has_all_of_its_state(tiny: Ainn) -> None:
    state = tiny.state_dict()
    loaded = build(tiny.config.to_dict(), state)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, state[name]), name
        assert value.data_ptr() != state[name].data_ptr() or not value.numel(), name
    assert torch.equal(loaded.entropy.log_lambdas, tiny.entropy.log_lambdas)
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_building_a_model_to_load_draws_no_random_numbers(tiny: Ainn) -> None:
    before = torch.get_rng_state()
    build(tiny.config.to_dict(), tiny.state_dict())
    assert torch.equal(torch.get_rng_state(), before)
    with Uninitialised():
        pass
    assert float(torch.nn.Linear(3, 2).weight.detach().std()) > 0  # and later models start as ever


def test_coding_imports_little(tiny_weights: Path) -> None:
    """All these together take longer to import than a picture takes to code."""
    heavy = {"compressai", "pandas", "scipy", "skimage", "torch._dynamo", "torch_geometric", "torchvision"}
    script = (
        "import sys, numpy as np, bench.codecs\n"
        f"codec = bench.codecs.get('ainn:weights={tiny_weights}')\n"
        "codec.decode(codec.encode(np.zeros((20, 30, 3), np.uint8), 2))\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
