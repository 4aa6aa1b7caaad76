"""Codecs whose networks compute on a GPU: what is on it, what isn't, and what users get without one.

What a GPU codes is tested on a GPU if there is one, and on a pretended one where there is none: so all but
the kernels is tested anywhere.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from plugins import install_codecs
from pretended_gpu import NAME, PretendedAinn, pretended_gpu
from shell import bench
from tiny import photo
from torch import Tensor

from bench import codecs
from bench.codecs.ainn.codec import AinnCodec
from bench.core.errors import BenchError
from bench.process import Limits, Worker
from bench.results import Store

LEARNED = ("ainn", "mbt2018-mean", "cheng2020-anchor")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


@no_gpu
def test_a_pretended_gpu_is_as_strict_as_a_real_one_and_rounds_otherwise_than_the_cpu() -> None:
    x, w = torch.rand(1, 64, 9, 9), torch.rand(8, 64, 3, 3)
    with pretended_gpu():
        there = x.to("cuda")
        assert (there.device.type, there.is_cuda, there[0, 0].device.type) == ("cuda", True, "cuda")
        for mixed in (lambda: there + x, lambda: torch.conv2d(there, w), lambda: x[there[0, 0, 0].long()]):
            with pytest.raises(RuntimeError, match="on one device"):
                mixed()
        with pytest.raises(RuntimeError):
            there.numpy()
        assert torch.equal(there[:, torch.tensor([3])].cpu(), x[:, [3]])  # as a GPU takes indexes of the CPU
        here, there = torch.conv2d(x, w), torch.conv2d(there, w.cuda()).cpu()
        assert torch.allclose(here, there) and not torch.equal(here, there)
        torch.manual_seed(0)
        first = torch.rand(3)
        torch.manual_seed(0)
        torch.rand(3, device="cuda")
        assert torch.equal(torch.rand(3), first)  # each device draws its own


# What users get.


@no_gpu
def test_without_a_gpu_one_sentence_says_so(tmp_path: Path) -> None:
    done = bench("run", "--codec", "ainn:device=cuda", "--dataset", "sample", "--results", tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(
        "bench: ainn:device=cuda wants a GPU that PyTorch can use, and there is none"
    )
    assert done.stderr.count("\n") == 1
    for name in LEARNED[1:]:
        with pytest.raises(BenchError, match=f"{name}:device=cuda wants a GPU.* leave device out"):
            codecs.get(f"{name}:device=cuda")


@no_gpu
@pytest.mark.parametrize("name", LEARNED)
def test_auto_is_the_cpu_where_there_is_no_gpu(name: str) -> None:
    codec = codecs.get(f"{name}:device=auto")
    assert codec.device == "cpu"  # type: ignore[attr-defined]
    assert (codec.name, codec.version()) == (name, codecs.get(name).version())


@pytest.mark.parametrize("value", ["cuda", "auto"])
@pytest.mark.usefixtures("cuda")
def test_the_device_is_no_part_of_a_name(value: str) -> None:
    for name in LEARNED:
        assert codecs.name_of(f"{name}:device={value}") == name
        codec = codecs.get(f"{name}:device={value}")
        assert (codec.name, codec.device) == (name, "cuda")  # type: ignore[attr-defined]
        assert codecs.get(name).device == "cpu"  # type: ignore[attr-defined]


@pytest.mark.usefixtures("cuda")
def test_only_codecs_that_predict_in_floats_are_another_version_on_a_gpu() -> None:
    versions = {
        name: (codecs.get(name).version(), codecs.get(f"{name}:device=cuda").version()) for name in LEARNED
    }
    assert versions["ainn"][0] == versions["ainn"][1]
    for on_cpu, on_gpu in (versions[name] for name in LEARNED[1:]):
        assert on_gpu == f"{on_cpu}, on a GPU"


# What a GPU computes, of A-INN.


def test_transforms_and_filter_are_on_the_device_and_nothing_that_predicts() -> None:
    with pretended_gpu() as fetched:
        codec = AinnCodec(device="cuda")  # weights that ship have a filter
        stream = codec.encode(photo(70, 90), 2.5)
        decoded = codec.decode(stream)
        latent = torch.float32, (1, codec._coder.channels, 8, 8)
        assert [(tensor.dtype, tuple(tensor.shape)) for tensor in fetched] == [
            latent,
            (torch.uint8, (70, 90, 3)),
        ]  # one of either side, and nothing between
        assert np.array_equal(decoded, fetched[1].numpy())

        model = codec._transforms
        assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {"cuda"}
        assert model.transform.blocks[3].mix._frozen_inverse is not None
        exact = [value for value in vars(codec._coder.exact).values() if isinstance(value, Tensor)]
        assert exact and all((value.device.type, value.dtype) == ("cpu", torch.float64) for value in exact)


def test_streams_of_other_floats_decode_to_the_same_latent(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device is known to a bitstream by nothing but the last digits of its floats."""
    here, there = AinnCodec(tiny_weights), AinnCodec(tiny_weights)
    scale = torch.tensor(1 + 3e-6)  # as far off as a GPU's sums
    encode = there._model.encode
    monkeypatch.setattr(there._model, "encode", lambda x: encode(x) * scale)
    for height, width in ((70, 90), (128, 64)):
        image = photo(height, width)
        with torch.inference_mode():
            sent = there._coder.encode(there._analyse(image), 1.5)
            came = here._coder.decode(sent.payload, tuple(sent.y_hat.shape[2:]), 1.5)  # type: ignore[arg-type]
            assert not torch.equal(here._analyse(image), there._analyse(image))
        assert torch.equal(came.y_hat, sent.y_hat) and torch.equal(came.symbols, sent.symbols)
        stream = there.encode(image, 2.5)
        assert np.array_equal(here.decode(stream), there.decode(stream))


@pytest.mark.usefixtures("cuda")
def test_a_gpus_streams_decode_on_the_cpu_and_the_other_way_round(tiny_weights: Path) -> None:
    on_cpu, on_gpu = AinnCodec(tiny_weights), AinnCodec(tiny_weights, device="cuda")
    image = photo(200, 300)
    streams = {codec: codec.encode(image, 2.5) for codec in (on_cpu, on_gpu)}
    assert abs(len(streams[on_cpu]) - len(streams[on_gpu])) <= 0.002 * len(streams[on_cpu]) + 4
    for writer in streams:
        stream = streams[writer]
        one, other = (codec.decode(stream).astype(int) for codec in (on_cpu, on_gpu))
        assert np.abs(one - other).max() <= 1 and np.mean(one != other) < 0.01
        with torch.inference_mode():
            sent = writer._coder.encode(writer._analyse(image), 1.5)
            for reader in streams:
                came = reader._coder.decode(sent.payload, tuple(sent.y_hat.shape[2:]), 1.5)  # type: ignore[arg-type]
                assert torch.equal(came.y_hat, sent.y_hat)


@pytest.mark.parametrize("values", [{}, {"fit": 1}, {"tile": 128}, {"search": 1}], ids=str)
@pytest.mark.usefixtures("cuda")
def test_whatever_a_gpu_is_asked_for_a_cpu_makes_the_same_of(
    values: dict[str, int], tiny_weights: Path
) -> None:
    on_cpu, on_gpu = (AinnCodec(tiny_weights, device=device, **values) for device in ("cpu", "cuda"))
    thin = [] if values else [photo(1100, 64)]  # which is laid down and cut
    for image in (photo(70, 140), *thin):
        for stream in (on_gpu.encode(image, 2), on_cpu.encode(image, 2)):
            one, other = (codec.decode(stream).astype(int) for codec in (on_cpu, on_gpu))
            assert one.shape == image.shape
            assert np.abs(one - other).max() <= 1 and np.mean(one != other) < 0.01


@gpu
def test_a_gpu_works_under_confinement_and_says_so(tiny_weights: Path) -> None:
    image = photo(64, 64)
    encoder, decoder = (
        Worker(side, f"ainn:weights={tiny_weights},device=cuda", Limits(), 1) for side in ("encode", "decode")
    )
    try:
        warm = encoder.start()
        decoder.start(warm)
        assert encoder.loaded["device"] == torch.cuda.get_device_name()
        stream = encoder.ask("encode", image.tobytes(), shape=image.shape, quality=2, repeats=2).payload
        decoded = decoder.ask("decode", stream, repeats=2)
    finally:
        encoder.close()
        decoder.close()
    assert decoded.payload == AinnCodec(tiny_weights, device="cuda").decode(stream).tobytes()


@no_gpu
def test_a_run_finds_the_gpu_under_confinement(tiny_weights: Path, tmp_path: Path) -> None:
    plugins = install_codecs(tmp_path / "packages", "pretended_gpu", [PretendedAinn])
    (tmp_path / "pictures").mkdir()
    Image.fromarray(photo(70, 90)).save(tmp_path / "pictures" / "a.png")
    where = ("--dataset", tmp_path / "pictures", "--quality", 2, "--results", tmp_path / "results")
    spec = f"ainn-pretended:weights={tiny_weights}"
    done = bench("run", "--codec", f"{spec},device=auto", "--metric", "psnr", *where, **plugins)
    assert done.returncode == 0, done.stderr
    store = Store(tmp_path / "results")
    (name,) = store.codecs()
    (dataset,) = store.datasets(name)
    assert {setup.machine["device"] for setup in store.load(dataset, name).setups.values()} == {NAME}


# Models of the zoo.


@pytest.mark.parametrize("model", ["bmshj2018-factorized", "mbt2018-mean", "mbt2018"])
@pytest.mark.filterwarnings("ignore:Inference on GPU is not recommended")
@pytest.mark.usefixtures("cuda")
def test_the_zoo_codes_on_a_gpu(model: str, tmp_path: Path) -> None:
    from bench.codecs.compressai_networks import network

    torch.manual_seed(0)
    path = tmp_path / "mine.pth"
    torch.save(network(model, (8, 12)).state_dict(), path)
    on_cpu, on_gpu = (codecs.get(f"{model}:weights={path},device={value}") for value in ("cpu", "cuda"))
    image = photo(64, 60)
    one, other = (codec.decode(codec.encode(image, 1)).astype(int) for codec in (on_cpu, on_gpu))
    assert one.shape == other.shape == image.shape and np.abs(one - other).max() <= 2
    assert on_gpu.multiply_adds(64, 64, 1) == on_cpu.multiply_adds(64, 64, 1)
