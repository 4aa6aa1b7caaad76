"""Canaries: pictures that no codec knows. Who cheats is in tests/process/test_confinement.py."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tiny import photo

from bench import codecs
from bench.codecs import Codec
from bench.run.canary import CANARIES, MOST_WORSE_DB, Coded, Likes, changed, is_detailed, psnr, why_worse

Picture = NDArray[np.uint8]


def coded(codec: Codec, quality: float, picture: Picture) -> Coded:
    stream = codec.encode(picture, quality)
    return Coded(8 * len(stream) / picture[..., 0].size, psnr(picture, codec.decode(stream)))


def test_an_original_does_not_pass_for_its_canary() -> None:
    rng = np.random.default_rng(3)
    picture = photo(192, 192)
    for _ in range(200):
        canary = changed(picture, rng)[0]
        assert psnr(canary, picture) < 20


def through_jpeg(picture: Picture, quality: int) -> Picture:
    """As many photos of datasets were before they became PNG files."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file).convert("RGB"))


@pytest.mark.parametrize("shape", [(192, 192), (100, 333), (16, 16), (15, 40), (1, 1)])
def test_a_canary_is_another_picture_of_much_the_same(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    picture = photo(*shape)
    canaries = [changed(picture, rng)[0] for _ in range(50)]
    assert len({canary.tobytes() for canary in canaries}) > 5
    for canary in canaries:
        assert canary.dtype == np.uint8 and canary.flags.c_contiguous
        assert not np.array_equal(canary, picture)
        assert all(new >= 0.9 * old for new, old in zip(canary.shape[:2], shape, strict=True))
        assert abs(float(canary.mean()) - float(picture.mean())) < 20
        assert canary.std() == pytest.approx(picture.std(), rel=0.3)


@pytest.mark.parametrize("name", ["jpeg", "webp", "jpeg2000", "jpegxl", "avif:speed=9"])
@pytest.mark.parametrize("source", ["photo", "jpeg30", "jpeg75", "noise", "two values"])
def test_an_honest_codec_does_as_well_on_canaries(name: str, source: str) -> None:
    rng = np.random.default_rng(1)
    picture = {
        "photo": lambda: photo(192, 256),
        "jpeg30": lambda: through_jpeg(photo(192, 256), 30),
        "jpeg75": lambda: through_jpeg(photo(192, 256), 75),
        "noise": lambda: rng.integers(0, 256, (128, 160, 3)).astype(np.uint8),
        "two values": lambda: np.uint8(255) * (rng.random((128, 160, 1)) < 0.5).repeat(3, 2),
    }[source]()
    codec = codecs.get(name)
    assert is_detailed(picture)
    for quality in {codec.qualities[0], codec.qualities[-1], *({30, 75} if name == "jpeg" else ())}:
        like = coded(codec, quality, picture)
        for _ in range(3):
            worse = like.worth - coded(codec, quality, changed(picture, rng)[0]).worth
            assert worse < MOST_WORSE_DB / 2


def test_a_noisy_codec_does_as_well_on_canaries() -> None:
    """One that decodes another picture each time, as generative codecs do."""
    rng = np.random.default_rng(2)

    def code(picture: Picture) -> Coded:
        noisy = np.clip(picture + rng.normal(scale=25, size=picture.shape), 0, 255).astype(np.uint8)
        return Coded(0.1 * rng.uniform(0.8, 1.2), psnr(picture, noisy))

    picture = photo(128, 128)
    assert all(why_worse(picture, code(picture), code) is None for _ in range(50))


def test_a_flat_picture_makes_no_canary() -> None:
    """JPEG codes this grey without a loss, and the next one isn't as lucky."""
    flat = np.full((64, 64, 3), 130, np.uint8)
    gradient = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (64, 1, 3))
    assert not is_detailed(flat) and not is_detailed(gradient) and is_detailed(photo(64, 64))


def test_who_does_much_worse_is_void_and_told_why() -> None:
    picture, like = photo(64, 64), Coded(8 * 8 / 64**2, math.inf)
    seen: list[Picture] = []

    def honest_now(canary: Picture) -> Coded:
        seen.append(canary)
        return Coded(0.8, 35.2)

    reason = why_worse(picture, like, honest_now)
    assert reason is not None and len(seen) == CANARIES
    assert reason.startswith("took 0.0156 bpp at inf dB, but cropped to 64x64")
    assert "it took 0.8000 bpp at 35.20 dB: the codec knows the pictures" in reason
    reason = why_worse(picture, like, lambda _: "decode: there is no such picture")
    assert reason is not None and "it failed (decode: there is no such picture)" in reason


def test_one_accident_is_no_proof() -> None:
    like = Coded(1.0, 40.0)
    results: list[Coded | str] = ["encode: it ran out of memory", Coded(1.1, 39.0)]
    assert why_worse(photo(64, 64), like, lambda _: results.pop(0)) is None and not results


def test_the_most_suspicious_cell_is_chosen_and_of_many_another() -> None:
    likes: Likes[int] = Likes()
    assert likes.chosen() == []
    honest, cheated = Coded(1.0, 38.0), Coded(0.001, math.inf)
    for cell in range(15):
        likes.add(cell, cheated if cell == 7 else honest)
    assert likes.chosen() == [(7, cheated)]
    for cell in range(15, 200):
        likes.add(cell, honest)
    (best, *others) = likes.chosen()
    assert best == (7, cheated) and len(others) <= 1
