"""The codecs of the package and those of other packages: the registry, JPEG and WebP."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny import photo

import bench.codecs
from bench.codecs import Codec, CodecError, describe, get, get_class, names, registry
from bench.errors import BenchError

Install = Callable[..., None]

PLUGIN = '''
import numpy as np
from bench.codecs import Codec

class Raw(Codec):
    """Pixels as they are, behind their height and width."""

    name = "raw"
    summary = "pixels as they are"
    qualities = (1, 2)
    quality_range = (1, 2)

    def version(self):
        return "raw 7"

    def encode(self, image, quality):
        return np.array(image.shape[:2], "<u4").tobytes() + image.tobytes()

    def decode(self, bitstream):
        height, width = np.frombuffer(bitstream[:8], "<u4")
        return np.frombuffer(bitstream[8:], np.uint8).reshape(height, width, 3)

class Needy(Raw):
    name = "needy"

    @classmethod
    def missing(cls):
        return "it needs the encoder needyenc on the PATH"

    def version(self):
        raise AssertionError("asked for the version of what isn't there")

class Shaky(Raw):
    name = "shaky"

    def version(self):
        raise OSError("no version to be had")

class Stranger:
    pass
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a distribution with these entry points and a module of codecs, as pip would lay it out."""
    vars(registry.REGISTRY).pop("targets", None)

    def install(**points: str) -> None:
        info = tmp_path / "toy_codecs-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-codecs\nVersion: 1.0\n")
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[codec_bench.codecs]", *lines, ""]))
        (tmp_path / "toy_codecs.py").write_text(PLUGIN)
        (tmp_path / "toy_broken.py").write_text("raise ZeroDivisionError('broken on purpose')\n")
        monkeypatch.syspath_prepend(tmp_path)
        vars(registry.REGISTRY).pop("targets", None)

    yield install
    monkeypatch.undo()
    for module in ("toy_codecs", "toy_broken"):
        sys.modules.pop(module, None)
    vars(registry.REGISTRY).pop("targets", None)


# The registry.


def test_the_codecs_of_the_package_are_there() -> None:
    assert {"ainn", "jpeg", "webp"} <= set(names())
    assert names() == sorted(names())


@pytest.mark.parametrize("name", ["ainn", "jpeg", "webp"])
def test_codecs_keep_the_interface(name: str) -> None:
    codec = get(name)
    assert isinstance(codec, Codec) and codec.name == name and codec.summary
    assert codec.version() == get(name).version() != ""
    assert len(codec.qualities) >= 4 and list(codec.qualities) == sorted(codec.qualities)
    for quality in codec.qualities:
        assert codec.check_quality(quality) == quality


@pytest.mark.parametrize(("typo", "meant"), [("jpg", "jpeg"), ("web", "webp"), ("anin", "ainn")])
def test_a_typo_is_told_what_was_meant(typo: str, meant: str) -> None:
    with pytest.raises(BenchError, match=f"no codec '{typo}'; did you mean '{meant}'.*ainn, .*jpeg, webp"):
        get(typo)


def test_a_name_like_no_other_is_told_what_there_is() -> None:
    with pytest.raises(BenchError, match=r"no codec 'xyzzy'; there are ainn, .*jpeg, webp"):
        get_class("xyzzy")


def test_codecs_are_described_in_plain_types() -> None:
    entries = {entry["name"]: entry for entry in describe()}
    assert list(entries) == names()
    jpeg = entries["jpeg"]
    assert jpeg["usable"] is True and jpeg["note"] == ""
    assert "libjpeg-turbo" in str(jpeg["version"]) and jpeg["qualities"] == get("jpeg").qualities


def test_importing_codecs_imports_no_torch() -> None:
    """`bench list` and `bench --help` must not wait for torch; nor JPEG's jobs."""
    script = (
        "import sys, bench.codecs\n"
        "bench.codecs.get_class('ainn').check_quality(2)\n"
        "bench.codecs.get('jpeg')\n"
        "print(sorted({'torch', 'scipy', 'compressai', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Plugins.


def test_a_plugin_is_a_codec_like_the_others(install: Install) -> None:
    assert "raw" not in names()
    install(raw="toy_codecs:Raw")
    assert "raw" in names()
    codec, image = get("raw"), photo(5, 7)
    assert np.array_equal(codec.decode(codec.encode(image, 1)), image)
    (entry,) = (entry for entry in describe() if entry["name"] == "raw")
    assert entry == {
        "name": "raw",
        "usable": True,
        "version": "raw 7",
        "qualities": (1, 2),
        "summary": "pixels as they are",
        "parameters": (),
        "note": "",
    }
    with pytest.raises(BenchError, match="did you mean 'raw'"):
        get("rwa")


def test_a_plugin_with_the_name_of_another_codec_is_an_error(install: Install) -> None:
    install(jpeg="toy_codecs:Raw")
    with pytest.raises(BenchError, match=r"two codecs are named 'jpeg', one of them toy_codecs:Raw"):
        names()
    with pytest.raises(BenchError, match="two codecs are named 'jpeg'"):
        get("webp")


def test_what_a_plugin_lacks_is_told(install: Install) -> None:
    install(needy="toy_codecs:Needy")
    with pytest.raises(BenchError, match="codec 'needy' can't run here: it needs the encoder needyenc"):
        get("needy")
    (entry,) = (entry for entry in describe() if entry["name"] == "needy")
    assert (entry["usable"], entry["version"]) == (False, None)
    assert entry["note"] == "it needs the encoder needyenc on the PATH"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("toy_broken:Codec", "ZeroDivisionError: broken on purpose"),
        ("toy_codecs:Absent", "AttributeError"),
        ("toy_nowhere:Codec", "ModuleNotFoundError"),
        ("toy_codecs:Stranger", "no subclass of bench.codecs.Codec"),
    ],
)
def test_a_broken_plugin_breaks_nothing_else(install: Install, target: str, reason: str) -> None:
    install(broken=target, raw="toy_codecs:Raw")
    entries = {str(entry["name"]): entry for entry in describe()}
    assert entries["broken"]["usable"] is False and reason in str(entries["broken"]["note"])
    assert entries["raw"]["usable"] is True and entries["jpeg"]["usable"] is True
    with pytest.raises(BenchError, match="codec 'broken'") as caught:
        get("broken")
    assert reason in str(caught.value)
    assert get("raw").version() == "raw 7"


def test_a_plugin_without_a_version_is_listed_as_broken(install: Install) -> None:
    install(shaky="toy_codecs:Shaky")
    (entry,) = (entry for entry in describe() if entry["name"] == "shaky")
    assert entry["usable"] is False and entry["note"] == "no version to be had"


# JPEG and WebP.


@pytest.fixture(params=["jpeg", "webp"])
def codec(request: pytest.FixtureRequest) -> Codec:
    return get(request.param)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 47), (64, 64)], ids=str)
def test_pictures_come_back_nearly_as_they_were(codec: Codec, size: tuple[int, int]) -> None:
    image = photo(*size)
    image.flags.writeable = False
    decoded = codec.decode(codec.encode(image, 95))
    assert decoded.shape == image.shape and decoded.dtype == np.uint8
    assert np.mean((decoded.astype(float) - image) ** 2) < 60  # chroma at half resolution


def test_colours_keep_their_order(codec: Codec) -> None:
    image = np.full((32, 32, 3), (220, 120, 20), np.uint8)
    assert np.abs(codec.decode(codec.encode(image, 95)).astype(int) - image).max() < 8


def test_quality_is_monotonic(codec: Codec) -> None:
    image = photo(128, 128)
    streams = [codec.encode(image, quality) for quality in codec.qualities]
    errors = [float(np.mean((codec.decode(stream).astype(float) - image) ** 2)) for stream in streams]
    sizes = [len(stream) for stream in streams]
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)
    assert errors == sorted(errors, reverse=True)


def test_encoding_is_deterministic(codec: Codec) -> None:
    image = photo(50, 60)
    assert codec.encode(image, 50) == get(codec.name).encode(image, 50)
    assert codec.version() == get(codec.name).version()


def test_jpeg_is_420_and_webp_is_lossy() -> None:
    jpeg = get("jpeg").encode(photo(64, 64), 90)
    frame = jpeg.index(b"\xff\xc0")  # baseline; 2x2 samples of luma for one of each chroma
    assert [jpeg[frame + 11 + 3 * i] for i in range(3)] == [0x22, 0x11, 0x11]
    webp = get("webp").encode(photo(64, 64), 90)
    assert webp[:4] == b"RIFF" and webp[8:16] == b"WEBPVP8 "


@pytest.mark.parametrize("keep", [0, 1, 10, 0.25, 0.5, 0.9], ids=str)
def test_a_cut_stream_is_a_codec_error(codec: Codec, keep: float) -> None:
    stream = codec.encode(photo(64, 64), 80)
    with pytest.raises(CodecError, match="not a whole"):
        codec.decode(stream[: int(keep * len(stream)) if 0 < keep < 1 else int(keep)])


def test_a_damaged_stream_gives_a_picture_or_a_codec_error(codec: Codec) -> None:
    stream = codec.encode(photo(24, 24), 60)
    refused = 0
    for position in range(len(stream)):
        for value in (0x00, 0xFF, stream[position] ^ 0x10):
            damaged = stream[:position] + bytes([value]) + stream[position + 1 :]
            try:
                assert codec.decode(damaged).dtype == np.uint8
            except CodecError:
                refused += 1
    assert refused


def test_another_format_is_refused(codec: Codec) -> None:
    other = get({"jpeg": "webp", "webp": "jpeg"}[codec.name])
    with pytest.raises(CodecError, match="not a whole"):
        codec.decode(other.encode(photo(16, 16), 50))
    with pytest.raises(CodecError):
        codec.decode(np.random.default_rng(0).bytes(3000))


def test_a_picture_too_wide_for_the_format_is_a_codec_error(codec: Codec) -> None:
    with pytest.raises(CodecError, match="70000x1"):
        codec.encode(np.zeros((1, 70000, 3), np.uint8), 50)


@pytest.mark.parametrize("quality", [-1, 101, 50.5, float("nan"), float("inf")])
def test_qualities_there_are_not_are_refused(codec: Codec, quality: float) -> None:
    with pytest.raises(BenchError, match=rf"{codec.name} takes .* whole numbers from \d to 100"):
        codec.check_quality(quality)


def test_qualities_at_the_ends_are_taken(codec: Codec) -> None:
    for quality in codec.quality_range:
        assert codec.check_quality(quality) == quality
        with contextlib.suppress(CodecError):
            codec.decode(codec.encode(photo(8, 8), quality))
    assert bench.codecs.get_class("jpeg").quality_range[0] == 1
    with pytest.raises(BenchError):
        get("jpeg").check_quality(0)
