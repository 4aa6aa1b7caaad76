"""Models of CompressAI's zoo as codecs, with small untrained weights, and where weights come from."""

from __future__ import annotations

import hashlib
import importlib
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from tiny import as_tensor, photo

from bench.codecs import Codec, CodecError, complexity, get
from bench.codecs.compressai_import import compressai
from bench.codecs.compressai_networks import download_path, load_checkpoint, published_urls
from bench.compare import published
from bench.core.errors import BenchError
from bench.core.images import read_rgb
from bench.metrics import bits_per_pixel
from bench.run.conformance import CHECKS, conformance

NAMES = (
    "bmshj2018-factorized",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-anchor",
    "cheng2020-attn",
)


@pytest.fixture(scope="module")
def zoo() -> ModuleType:
    compressai()
    return importlib.import_module("compressai.zoo.image")


@pytest.fixture(scope="module")
def checkpoints(zoo: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each architecture as CompressAI's training example leaves it: no tables in it yet."""
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = {}
    for name in NAMES:
        torch.manual_seed(0)
        widths = (8,) if name.startswith("cheng") else (8, 12)
        model = zoo.model_architectures[name](*widths)
        with torch.no_grad():  # untrained latents are all zero once rounded
            for layer in list(model.g_a.modules())[::-1]:
                if isinstance(layer, torch.nn.Conv2d):
                    layer.weight.mul_(100)
                    break
        paths[name] = folder / f"{name}.pth.tar"
        torch.save({"epoch": 3, "state_dict": model.state_dict(), "loss": torch.tensor(1.5)}, paths[name])
    return paths


@pytest.fixture
def factorized(checkpoints: dict[str, Path]) -> Codec:
    return get(f"bmshj2018-factorized:weights={checkpoints['bmshj2018-factorized']}")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of downloaded weights, and no network."""

    def refuse(*arguments: object, **named: object) -> None:
        raise OSError("Network is unreachable")

    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield tmp_path / "hub" / "checkpoints"
    torch.hub.set_dir(before)


# Coding.


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (1, 1), (33, 70)])
def test_pictures_come_back_from_the_bytes_alone(
    checkpoints: dict[str, Path], name: str, height: int, width: int
) -> None:
    spec = f"{name}:weights={checkpoints[name]}"
    codec, image = get(spec), photo(height, width)
    stream = codec.encode(image, 1)
    decoded = get(spec).decode(stream)
    assert decoded.shape == image.shape and decoded.dtype == np.uint8
    assert np.array_equal(codec.decode(stream), decoded) and codec.encode(image, 1) == stream


@pytest.mark.parametrize("name", NAMES)
def test_the_decoder_gives_what_the_model_gives(
    zoo: ModuleType, checkpoints: dict[str, Path], name: str
) -> None:
    codec, image = get(f"{name}:weights={checkpoints[name]}"), photo(64, 128)
    stream = codec.encode(image, 1)
    model = load_checkpoint(name, checkpoints[name])
    x = as_tensor(image)
    with torch.no_grad():
        coded = model.compress(x)
        x_hat = model.decompress(coded["strings"], coded["shape"])["x_hat"]
    assert np.array_equal(codec.decode(stream), (x_hat[0] * 255).round().byte().permute(1, 2, 0).numpy())
    strings = [group[0] for group in coded["strings"]]
    assert len(strings[0]) > 8  # there was something to code
    assert len(stream) == sum(map(len, strings)) + 5 + 4 * (len(strings) - 1) + 4


def test_qualities_are_those_of_the_weights(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    assert get("mbt2018").qualities == tuple(range(1, 9)) and get("cheng2020-attn").qualities[-1] == 6
    names = ("a-low.pth.tar", "b.pt", "c-high.pth", "readme.txt")
    for name in names:
        (tmp_path / name).write_bytes(checkpoints["mbt2018-mean"].read_bytes())
    folder = get(f"mbt2018-mean:weights={tmp_path}")
    assert folder.qualities == (1, 2, 3) and folder.check_quality(3) == 3
    assert folder.provenance()["weights"] == list(names[:3])
    one = get(f"mbt2018-mean:weights={tmp_path / 'b.pt'}")
    assert one.qualities == (1,)
    with pytest.raises(BenchError, match="from 1 to 1, not 2"):
        one.check_quality(2)


def test_versions_tell_weights_apart(checkpoints: dict[str, Path]) -> None:
    published = {get(f"mbt2018:metric={metric}").version() for metric in ("mse", "ms-ssim")}
    assert len(published) == 2 and all("published" in version for version in published)
    own = get(f"mbt2018:weights={checkpoints['mbt2018']}")
    sha = hashlib.sha256(checkpoints["mbt2018"].read_bytes()).hexdigest()
    assert own.version().endswith(f"weights {sha[:8]}") and own.name == "mbt2018:weights=mbt2018.pth.tar"


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "mbt2018-mean"])  # the serial ones take minutes
def test_models_keep_the_contract(checkpoints: dict[str, Path], tmp_path: Path, name: str) -> None:
    """But for what only training gives: pictures that are like the originals."""
    for quality in range(1, 5):
        (tmp_path / f"{quality}.pth.tar").write_bytes(checkpoints[name].read_bytes())
    verdicts = list(conformance(f"{name}:weights={tmp_path}"))
    broken = {verdict.check: verdict.reason for verdict in verdicts if verdict.reason}
    assert len(verdicts) == len(CHECKS)
    assert all(check.startswith(("It gives back", "Along its curve")) for check in broken), broken


def test_any_file_of_a_folder_of_weights_counts_in_the_version(
    checkpoints: dict[str, Path], tmp_path: Path, zoo: ModuleType
) -> None:
    for name in ("1.pt", "2.pt"):
        (tmp_path / name).write_bytes(checkpoints["bmshj2018-factorized"].read_bytes())
    before = get(f"bmshj2018-factorized:weights={tmp_path}").version()
    torch.save(zoo.model_architectures["bmshj2018-factorized"](8, 12).state_dict(), tmp_path / "2.pt")
    assert get(f"bmshj2018-factorized:weights={tmp_path}").version() != before


# Damage.


def test_damage_and_cuts_are_noticed(factorized: Codec) -> None:
    stream = factorized.encode(photo(40, 50), 1)
    for position in range(len(stream)):
        damaged = bytearray(stream)
        damaged[position] ^= 1 << position % 8
        with pytest.raises(CodecError):
            factorized.decode(bytes(damaged))
    for length in range(len(stream)):
        with pytest.raises(CodecError):
            factorized.decode(stream[:length])


def test_a_stream_of_other_weights_is_refused(factorized: Codec, tmp_path: Path, zoo: ModuleType) -> None:
    torch.manual_seed(1)
    torch.save(zoo.model_architectures["bmshj2018-factorized"](8, 12).state_dict(), tmp_path / "other.pt")
    other = get(f"bmshj2018-factorized:weights={tmp_path / 'other.pt'}")
    with pytest.raises(CodecError, match="written with other weights"):
        other.decode(factorized.encode(photo(20, 20), 1))


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "mbt2018-mean", "mbt2018"])
def test_forged_streams_give_a_picture_or_a_codec_error(checkpoints: dict[str, Path], name: str) -> None:
    codec = get(f"{name}:weights={checkpoints[name]}")
    seed = zlib.crc32(hashlib.sha256(checkpoints[name].read_bytes()).digest())
    rng = np.random.default_rng(0)
    for length in (0, 1, 50, 2000):
        body = struct.pack("<BHHI", 1, 70, 90, length // 2) + rng.bytes(length)
        stream = body + struct.pack("<I", zlib.crc32(body, seed))
        try:
            assert codec.decode(stream).shape == (90, 70, 3)
        except CodecError as error:
            assert "damaged" in str(error)
    huge = struct.pack("<BHHI", 1, 65535, 65535, 0)
    with pytest.raises(CodecError, match="can't code 65535x65535"):
        codec.decode(huge + struct.pack("<I", zlib.crc32(huge, seed)))


def test_a_size_that_the_strings_have_no_room_for_is_refused_before_any_work(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bmshj2018-factorized", "mbt2018"):
        codec = get(f"{name}:weights={checkpoints[name]}")
        codec.prepare([1])
        monkeypatch.setattr(codec._model(1), "decompress", lambda *_: pytest.fail("it began to decode"))  # type: ignore[attr-defined]
        seed = zlib.crc32(hashlib.sha256(checkpoints[name].read_bytes()).digest())
        body = struct.pack("<BHHI", 1, 2048, 2048, 9) + bytes(20)
        with pytest.raises(CodecError, match=r"for 2048x2048 pixels \d+ symbols take at least \d+ bytes"):
            codec.decode(body + struct.pack("<I", zlib.crc32(body, seed)))


@pytest.mark.parametrize("name", NAMES[:3])
def test_the_flattest_pictures_have_room_enough(checkpoints: dict[str, Path], name: str) -> None:
    codec = get(f"{name}:weights={checkpoints[name]}")
    for side in (1, 128):
        flat = np.full((side, side, 3), 128, np.uint8)
        assert codec.decode(codec.encode(flat, 1)).shape == flat.shape


# Weights.


def _set(name: str, value: float, at: int = 0) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(state: dict[str, torch.Tensor]) -> None:
        state[name].view(-1)[at] = value

    return change


BAD_WEIGHTS: dict[str, Callable[[dict[str, torch.Tensor]], None]] = {
    "NaN": _set("g_a.0.weight", np.nan, 3),
    "infinity": _set("h_s.0.weight", np.inf, 3),
    "quantiles far apart": _set("entropy_bottleneck.quantiles", -1e9),
    "an offset out of range": _set("entropy_bottleneck._offset", 1 << 30),
    "a table that falls": _set("entropy_bottleneck._quantized_cdf", 70000, 1),
    "a length beyond the table": _set("gaussian_conditional._cdf_length", 1 << 30, 2),
    "more scales than tables": lambda state: state.update(
        {"gaussian_conditional.scale_table": torch.arange(1.0, 99)}
    ),
    "tables of another number": lambda state: state.update(
        {name: state[name][:3] for name in state if name.startswith("entropy_bottleneck._")}
    ),
    "a network of 14 GB": lambda state: state.update(
        {"g_a.0.weight": torch.zeros(9000, 1, 1, 1), "g_a.6.weight": torch.zeros(9000, 1, 1, 1)}
    ),
    "a network without end": lambda state: state.update({"g_a.0.weight": torch.zeros(1 << 40, 0, 1, 1)}),
    "a list": lambda state: state.update({"g_a.0.weight": [1.0]}),  # type: ignore[dict-item]
}


@pytest.fixture(scope="module")
def whole_state(checkpoints: dict[str, Path]) -> dict[str, torch.Tensor]:
    """With tables, as `bench train` leaves it."""
    state: dict[str, torch.Tensor] = load_checkpoint("mbt2018-mean", checkpoints["mbt2018-mean"]).state_dict()
    return state


@pytest.mark.parametrize("spoil", BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_that_would_crash_or_never_end_are_refused_when_loaded(
    whole_state: dict[str, torch.Tensor], tmp_path: Path, spoil: Callable[[dict[str, torch.Tensor]], None]
) -> None:
    state = {name: value.clone() for name, value in whole_state.items()}
    spoil(state)
    torch.save({"state_dict": state}, tmp_path / "bad.pt")
    with pytest.raises(
        BenchError, match=r"bad\.pt is not a readable file of weights of mbt2018-mean \(.+\)$"
    ) as caught:
        load_checkpoint("mbt2018-mean", tmp_path / "bad.pt")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", ["g_a.6.weight", "h_a.4.bias", "h_s.4.bias"])
def test_weights_whose_latents_overflow_are_refused_before_symbols_are_coded(
    whole_state: dict[str, torch.Tensor], tmp_path: Path, name: str
) -> None:
    torch.save(whole_state | {name: 1e12 + 0 * whole_state[name]}, tmp_path / "bad.pt")
    with pytest.raises(CodecError, match="a latent can't be coded"):
        get(f"mbt2018-mean:weights={tmp_path / 'bad.pt'}").encode(photo(64, 64), 1)


def test_without_network_and_weights_there_is_a_sentence_that_says_what_to_do(hub: Path) -> None:
    codec = get("bmshj2018-hyperprior")
    with pytest.raises(
        BenchError, match=r"quality 2, can't be had .*bmshj2018-hyperprior-2-93677231\.pth\.tar"
    ) as caught:
        codec.prepare([2])
    assert str(hub) in str(caught.value) and "bmshj2018-hyperprior:weights=PATH" in str(caught.value)
    assert not list(hub.iterdir())  # no half file is left


def test_downloaded_weights_are_used_and_checked(
    hub: Path, zoo: ModuleType, checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = checkpoints["bmshj2018-factorized"].read_bytes()
    name = f"bmshj2018-factorized-1-{hashlib.sha256(data).hexdigest()[:8]}.pth.tar"
    monkeypatch.setitem(
        zoo.model_urls["bmshj2018-factorized"]["mse"], 1, f"https://example.org/models/{name}"
    )
    hub.mkdir(parents=True)
    (hub / name).write_bytes(data)
    codec = get("bmshj2018-factorized")
    codec.prepare([1])
    image = photo(30, 30)
    assert codec.decode(codec.encode(image, 1)).shape == image.shape

    (hub / name).write_bytes(data[:-1])
    with pytest.raises(BenchError, match="isn't the file that was published; delete it"):
        get("bmshj2018-factorized").encode(image, 1)


@pytest.mark.parametrize("name", NAMES[:3])  # those that take seconds a picture, not minutes
def test_published_weights_give_the_published_figures(zoo: ModuleType, data_dir: Path, name: str) -> None:
    """Quality 3 on Kodak, within 0.5 % of the rate and 0.05 dB; where the weights were downloaded once."""
    if not download_path(zoo.model_urls[name]["mse"][3]).is_file():
        pytest.skip(f"the published weights of {name} aren't here; `bench run --codec {name}` downloads them")
    codec, rates, psnrs = get(name), [], []
    for path in sorted((data_dir / "kodak").glob("*.png")):
        image = read_rgb(path)
        stream = codec.encode(image, 3)
        rates.append(bits_per_pixel(len(stream), *image.shape[:2]))
        psnrs.append(peak_signal_noise_ratio(image, codec.decode(stream)))
    point = published.load(f"{name}-8bit", "kodak").points[2]
    assert np.mean(rates) == pytest.approx(point.bpp, rel=0.005)  # ours has 13 bytes of header, 0.1 %
    assert np.mean(psnrs) == pytest.approx(point.db["psnr"], abs=0.05)


@pytest.mark.parametrize("kind", ["other architecture", "text", "pickle"])
def test_what_is_no_checkpoint_is_refused(checkpoints: dict[str, Path], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "weights.pth.tar"
    if kind == "other architecture":
        path.write_bytes(checkpoints["cheng2020-anchor"].read_bytes())
    elif kind == "text":
        path.write_text("weights?")
    else:
        torch.save({"state_dict": {}, "hook": Path("run me")}, path)  # not plain: never unpickled
    with pytest.raises(
        BenchError, match=r"weights\.pth\.tar is not a readable file of weights of mbt2018 \(.+\)"
    ):
        get(f"mbt2018:weights={path}").encode(photo(8, 8), 1)


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="weights is a file or a folder, and there is none at"):
        get(f"mbt2018:weights={tmp_path / 'none'}")
    with pytest.raises(BenchError, match=r"holds no weights; they are files named \.pth\.tar"):
        get(f"mbt2018:weights={tmp_path}")


def test_multiply_adds_are_counted_without_weights() -> None:
    """Against the layers of the paper, worked out by hand: four 5x5 convolutions of stride 2, and between
    them GDN, which is a 1x1 convolution."""
    n, m = 128, 192
    quarter = [1 / 4**step for step in (1, 2, 3, 4)]  # positions a pixel after each of them
    convolutions = [3 * n, n * n, n * n, n * m]
    of_pixel = sum(25 * size * share for size, share in zip(convolutions, quarter, strict=True))
    of_pixel += n * n * sum(quarter[:3])
    counted = get("bmshj2018-factorized").multiply_adds(64, 100, 1)
    assert counted == (of_pixel * 64 * 128, of_pixel * 64 * 128)  # sides are filled up to multiples of 64
    one, other = (get(name).multiply_adds(512, 768, 1) for name in ("mbt2018-mean", "mbt2018"))
    assert one and other and one.decode < other.decode


def test_parameters_are_counted_without_weights_and_weights_are_the_file_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four convolutions, 5x5, with biases, and GDN between them, on either side; and the entropy model of
    CompressAI, 58 numbers and three quantiles a channel."""
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    codec = get("bmshj2018-factorized")
    n, m = 128, 192
    analysis = 25 * (3 * n + 2 * n * n + n * m) + 3 * n + m + 3 * (n * n + n)
    synthesis = 25 * (3 * n + 2 * n * n + n * m) + 3 * n + 3 + 3 * (n * n + n)
    size = codec.model_size(1)
    assert size is not None and size.bytes is None
    assert size.parameters == analysis + synthesis + m * (58 + 3)
    (tmp_path / "checkpoints").mkdir()
    url = published_urls("bmshj2018-factorized", "mse")[1]
    (tmp_path / "checkpoints" / Path(url).name).write_bytes(bytes(1000))
    assert get("bmshj2018-factorized").model_size(1) == (size.parameters, 1000, "mse")
    low, high = complexity("bmshj2018-factorized")
    assert (low["quality"], high["quality"]) == (1, 8)
    assert low["model_parameters"] == size.parameters and low["model_bytes"] == 1000
    assert high["trained_for"] == "mse"
    assert complexity("bmshj2018-factorized:metric=ms-ssim")[0]["trained_for"] == "ms-ssim"
    assert high["decode_multiply_adds"] > low["decode_multiply_adds"]  # type: ignore[operator]
