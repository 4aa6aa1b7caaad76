"""Codecs that come inside packages of Python: JPEG and its kin, JPEG 2000, WebP, AVIF, HEIC, JPEG XL."""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import pytest
from PIL import Image
from tiny import photo

from bench.codecs import Codec, CodecError, get, get_class
from bench.codecs.jpegxl import distance_of
from bench.core.errors import BenchError

NAMES = ("avif", "heic", "jpeg", "jpeg-mozjpeg", "jpeg2000", "jpegli", "jpegxl", "webp")
SUBSAMPLED = {"jpeg", "jpeg-mozjpeg", "jpegli", "webp"}


@pytest.fixture(params=NAMES)
def codec(request: pytest.FixtureRequest) -> Codec:
    return get(request.param)


def psnr(image: np.ndarray, decoded: np.ndarray) -> float:
    error = np.mean((decoded.astype(float) - image) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def best_of(codec: Codec) -> float:
    """JPEG 2000's quality is a ratio."""
    return codec.quality_range[0 if codec.name == "jpeg2000" else 1]


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (33, 47), (64, 64), (200, 3)], ids=str)
def test_pictures_come_back_nearly_as_they_were(codec: Codec, size: tuple[int, int]) -> None:
    image = photo(*size)
    image.flags.writeable = False
    decoded = codec.decode(codec.encode(image, best_of(codec)))
    assert decoded.shape == image.shape and decoded.dtype == np.uint8
    assert psnr(image, decoded) > 30


def test_colours_keep_their_order(codec: Codec) -> None:
    image = np.full((32, 32, 3), (220, 120, 20), np.uint8)
    decoded = codec.decode(codec.encode(image, codec.qualities[-1]))
    assert np.abs(decoded.astype(int) - image).max() < 8


def test_rate_and_quality_rise_along_the_curve(codec: Codec) -> None:
    image = photo(128, 128)
    streams = [codec.encode(image, quality) for quality in codec.qualities]
    quality = [psnr(image, codec.decode(stream)) for stream in streams]
    sizes = [len(stream) for stream in streams]
    assert sizes == sorted(sizes) and len(set(sizes)) == len(sizes)
    assert quality == sorted(quality)
    assert all(codec.check_quality(quality) == quality for quality in codec.qualities)


def test_encoding_is_deterministic(codec: Codec) -> None:
    image, quality = photo(50, 60), codec.qualities[4]
    assert codec.encode(image, quality) == get(codec.name).encode(image, quality)
    assert codec.version() == get(codec.name).version()


def test_every_parameter_changes_streams_name_and_version(codec: Codec) -> None:
    image, quality = photo(96, 96), codec.qualities[5]
    plain = codec.encode(image, quality)
    for name, parameter in codec.parameters.items():
        choices = parameter.choices or tuple(map(int, parameter.between or ()))
        other = get(f"{codec.name}:{name}={next(c for c in choices if c != parameter.default)}")
        assert other.encode(image, quality) != plain, name
        assert other.name != codec.name and other.version() != codec.version()
        assert other.decode(other.encode(image, quality)).shape == image.shape


def test_who_halves_chroma_says_so(codec: Codec) -> None:
    """Colours that change from one pixel to the next come back only with all samples of chroma."""
    assert codec.sampling() == ("4:2:0" if codec.name in SUBSAMPLED else None)
    assert codec.provenance().get("chroma") == codec.sampling()
    image = np.full((64, 64, 3), 128, np.uint8)
    image[:, ::2, 0], image[:, 1::2, 2] = 200, 200
    best = best_of(codec)
    assert (psnr(image, codec.decode(codec.encode(image, best))) > 30) == (codec.name not in SUBSAMPLED)
    if "chroma" in codec.parameters:
        full, half = (get(f"{codec.name}:chroma={chroma}") for chroma in (444, 420))
        assert (full.sampling(), half.sampling()) == (None, "4:2:0")
        assert psnr(image, full.decode(full.encode(image, best))) > 30
        assert psnr(image, half.decode(half.encode(image, best))) < 30


def test_the_formats_are_what_they_are_called() -> None:
    image = photo(64, 64)
    jpeg = get("jpeg").encode(image, 90)
    frame = jpeg.index(b"\xff\xc0")  # baseline; 2x2 samples of luma for one of each chroma
    assert [jpeg[frame + 11 + 3 * i] for i in range(3)] == [0x22, 0x11, 0x11]
    assert b"\xff\xc2" in get("jpeg-mozjpeg").encode(image, 90)  # progressive
    webp = get("webp").encode(image, 90)
    assert webp[:4] == b"RIFF" and webp[8:16] == b"WEBPVP8 "
    assert get("jpeg2000").encode(image, 20)[:4] == b"\xff\x4f\xff\x51"  # a codestream, no boxes about it
    assert get("jpegxl").encode(image, 90)[:2] == b"\xff\x0a"  # likewise
    assert get("avif").encode(image, 50)[4:12] == b"ftypavif"
    assert get("heic").encode(image, 50)[4:8] == b"ftyp"


def test_jpeg_2000_decorrelates_colours() -> None:
    """In a grey picture, R, G and B are one: nearly all bits go there. Pillow's default codes all three."""
    image = photo(256, 256)
    grey = np.repeat(image[..., :1], 3, axis=2)
    codec = get("jpeg2000")
    assert psnr(grey, codec.decode(codec.encode(grey, 24))) > 4 + psnr(
        image, codec.decode(codec.encode(image, 24))
    )


def test_mozjpeg_spends_less_than_libjpeg() -> None:
    image = photo(256, 256)
    small, large = get("jpeg-mozjpeg:chroma=420").encode(image, 75), get("jpeg").encode(image, 75)
    assert len(small) < 0.95 * len(large)


def test_the_distance_of_a_quality_is_libjxls() -> None:
    """Points of JxlEncoderDistanceFromQuality."""
    assert distance_of(90) == pytest.approx(1.0)
    assert distance_of(30) == pytest.approx(6.4)
    assert distance_of(0) == pytest.approx(25)
    distances = [distance_of(quality) for quality in range(100)]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize("keep", [0, 1, 10, 0.25, 0.5, 0.9], ids=str)
def test_a_cut_stream_is_a_codec_error(codec: Codec, keep: float) -> None:
    stream = codec.encode(photo(64, 64), codec.qualities[-2])
    with pytest.raises(CodecError, match=r"not a whole|no whole") as caught:
        codec.decode(stream[: int(keep * len(stream)) if 0 < keep < 1 else int(keep)])
    assert " at 0x" not in str(caught.value)  # an address in memory tells nobody anything


@pytest.mark.parametrize("name", ["jpeg", "jpeg2000", "webp"])
def test_a_large_picture_is_decoded_without_a_warning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns of pictures between its limit and twice that, and refuses larger ones.

    What an encoder took, the decoder takes, too: the limit is the harness's.
    """
    codec, image = get(name), photo(30, 40)
    stream = codec.encode(image, codec.qualities[0])
    for limit in (1000, 500):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert codec.decode(stream).shape == image.shape
        assert limit == Image.MAX_IMAGE_PIXELS
    monkeypatch.setattr("bench.core.images.MOST_PIXELS", 1000)
    with pytest.raises(CodecError, match="whole"):
        codec.decode(stream)


def test_a_damaged_stream_gives_a_picture_or_a_codec_error(codec: Codec) -> None:
    stream = codec.encode(photo(24, 24), codec.qualities[-3])
    refused = 0
    for position in range(0, len(stream), max(1, len(stream) // 150)):
        for value in (0x00, 0xFF, stream[position] ^ 0x10):
            damaged = stream[:position] + bytes([value]) + stream[position + 1 :]
            try:
                assert codec.decode(damaged).dtype == np.uint8
            except CodecError:
                refused += 1
    assert refused


def test_another_format_is_refused(codec: Codec) -> None:
    with pytest.raises(CodecError, match=r"not a whole|no whole"):
        codec.decode(get("webp" if "jpeg" in codec.name else "jpeg").encode(photo(16, 16), 50))
    with pytest.raises(CodecError):
        codec.decode(np.random.default_rng(0).bytes(3000))


def test_a_picture_too_wide_for_the_format_is_a_codec_error() -> None:
    for name in ("jpeg", "webp", "jpegli", "avif"):
        with pytest.raises(CodecError, match="can't"):
            get(name).encode(np.zeros((1, 70000, 3), np.uint8), 50)


@pytest.mark.parametrize("quality", [-1, 10001, float("nan"), float("inf")])
def test_qualities_there_are_not_are_refused(codec: Codec, quality: float) -> None:
    with pytest.raises(BenchError, match=rf"{codec.name} takes .*numbers from \d+ to \d+"):
        codec.check_quality(quality)


def test_whole_qualities_have_no_fraction(codec: Codec) -> None:
    if codec.whole_qualities:
        with pytest.raises(BenchError, match="whole numbers"):
            codec.check_quality(50.5)
    else:
        image = photo(64, 64)
        assert codec.encode(image, 50.5) != codec.encode(image, 57.5)


def test_qualities_at_the_ends_are_taken(codec: Codec) -> None:
    for quality in codec.quality_range:
        assert codec.check_quality(quality) == quality
        with contextlib.suppress(CodecError):
            codec.decode(codec.encode(photo(8, 8), quality))
    assert get_class("jpeg").quality_range[0] == 1
    with pytest.raises(BenchError):
        get("jpeg").check_quality(0)


@pytest.mark.parametrize(
    ("name", "module"), [("avif", "imagecodecs"), ("heic", "pillow_heif"), ("jpegli", "pyjpegli")]
)
def test_a_package_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    package = module.replace("_", "-")
    with pytest.raises(BenchError, match=rf"codec '{name}' can't run here: it needs {package}; pip install"):
        get(name)
