"""Pictures in parts: no seam between tiles, bands that are those of the whole, forged streams."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import latent, photo

from bench.codecs import CodecError
from bench.codecs.ainn import codec as codec_module
from bench.codecs.ainn import container, tiles
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.latent_coder import LatentCoder
from bench.codecs.ainn.model import Ainn
from bench.core.errors import BenchError

SIDE = 128
HEIGHT, WIDTH = 200, 330  # two by three tiles


@pytest.fixture(scope="module")
def codec(tiny_weights: Path) -> AinnCodec:
    return AinnCodec(tiny_weights, tile=SIDE)


@pytest.fixture(scope="module")
def stream(codec: AinnCodec) -> bytes:
    return codec.encode(photo(HEIGHT, WIDTH), 2)


def test_in_tiles_a_picture_comes_out_as_from_the_whole() -> None:
    """With the weights that ship, as they say how far a pixel sees."""
    picture = photo(HEIGHT, WIDTH)
    whole, parts = AinnCodec(), AinnCodec(tile=SIDE)
    one, other = whole.encode(picture, 5), parts.encode(picture, 5)
    assert container.unpack(other).tiled and not container.unpack(one).tiled
    assert abs(len(other) - len(one)) < 0.03 * len(one)  # five bands of few bytes
    # A decoder doesn't ask how the encoder was set up.
    difference = np.abs(whole.decode(one).astype(int) - whole.decode(other))
    assert difference.max() <= 1 and np.mean(difference > 0) < 1e-3


def test_without_a_margin_there_are_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    picture, codec = photo(SIDE, 2 * SIDE), AinnCodec(tile=SIDE)
    stream = codec.encode(picture, 5)
    seamless = codec.decode(stream).astype(int)
    monkeypatch.setattr(tiles, "MARGIN", 0)
    assert np.abs(codec.decode(stream) - seamless)[:, SIDE - 8 : SIDE + 8].max() > 1


def test_bands_are_those_of_the_whole_latent_to_the_bit(tiny: Ainn) -> None:
    coder, level, y = LatentCoder(tiny.entropy), 1.37, latent(40, 12)
    whole = coder.encode(y, level).y_hat
    for rows in (4, 12, 40):
        bands = list(tiles._bands(40, rows))
        z = torch.cat([tiles._z_of_band(y, band, coder) for band in bands], dim=1)
        assert torch.equal(z, coder.analyse(y))
        assert torch.equal(coder.decode_z(coder.encode_z(z), (40, 12)), z)
        above, read_above, parts = None, None, []
        for top, bottom in bands:
            hyper = tiles._hyper_of_band(z, top, bottom, level, coder)
            coded = coder.encode_y(y[:, :, top:bottom], hyper, level, above)
            decoded = coder.decode_y(coded.payload, hyper, (bottom - top, 12), level, read_above)
            above, read_above = coded.last_rows, decoded.last_rows
            parts.append(decoded.y_hat)
        assert torch.equal(torch.cat(parts, dim=2), whole)


@pytest.mark.parametrize(("height", "width"), [(1, 300), (300, 1), (129, 128), (256, 256), (200, 65)])
def test_any_size_comes_back_in_another_codec_from_the_bytes_alone(
    tiny_weights: Path, codec: AinnCodec, height: int, width: int
) -> None:
    stream = codec.encode(photo(height, width), 2)
    assert container.unpack(stream).tiled
    decoded = AinnCodec(tiny_weights).decode(stream)
    assert decoded.shape == (height, width, 3) and decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous
    assert codec.encode(photo(height, width), 2) == stream


def test_a_picture_of_one_tile_is_coded_whole(tiny_weights: Path, codec: AinnCodec) -> None:
    picture = photo(SIDE, 100)
    assert codec.encode(picture, 2) == AinnCodec(tiny_weights).encode(picture, 2)


def test_pictures_beyond_the_limit_are_coded_in_tiles(
    tiny_weights: Path, stream: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec, picture = AinnCodec(tiny_weights), photo(HEIGHT, WIDTH)
    monkeypatch.setattr(codec_module, "TILE", SIDE)
    for most, tiled in ((HEIGHT * WIDTH, False), (HEIGHT * WIDTH - 1, True)):
        monkeypatch.setattr(codec_module, "MAX_PIXELS", most)
        assert container.unpack(codec.encode(picture, 2)).tiled == tiled
    assert codec.encode(picture, 2) == stream


def test_version_and_name_say_that_tiles_were_asked_for(tiny_weights: Path, codec: AinnCodec) -> None:
    assert codec.name == "ainn:tile=128,weights=tiny.pt"
    assert codec.version() == f"{AinnCodec(tiny_weights).version()}, tiles of 128"
    with pytest.raises(BenchError, match=r"tile is one of 0, 128, .*not '100'"):
        from bench.codecs import get

        get("ainn:tile=100")


# Damage and forgery.


def with_payload(
    stream: bytes, change: Callable[[bytes], bytes], size: tuple[int, int] | None = None
) -> bytes:
    """A stream whose payload is another, with a checksum that fits."""
    content = container.unpack(stream)
    width, height = size or (content.width, content.height)
    return container.pack(content._replace(payload=change(content.payload), width=width, height=height))


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda payload: b"",
    "a header alone": lambda payload: payload[:3],
    "tiles of 0": lambda payload: b"\0" + payload[1:],
    "tiles of 16320": lambda payload: b"\xff" + payload[1:],
    "bands of 0": lambda payload: payload[:1] + b"\0\0" + payload[3:],
    "bands of all": lambda payload: payload[:1] + b"\xff\xff" + payload[3:],
    "a byte less": lambda payload: payload[:-1],
    "a byte more": lambda payload: payload + b"\0",
    "z of 4 GiB": lambda payload: payload[:3] + b"\xff" * 4 + payload[7:],
    "z of nothing": lambda payload: payload[:3] + bytes(4) + payload[7:],
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_forged_parts_are_refused_with_a_sentence(
    codec: AinnCodec, stream: bytes, forgery: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(CodecError, match=r"A-INN bitstream is damaged[;:]") as caught:
        codec.decode(with_payload(stream, forgery))
    assert "\n" not in str(caught.value)


def parts_of(payload: bytes) -> list[bytes]:
    """The bytes of z and of each band."""
    parts, start = [], tiles._HEADER.size
    while start < len(payload):
        end = start + 4 + struct.unpack_from("<I", payload, start)[0]
        parts.append(payload[start + 4 : end])
        start = end
    return parts


@pytest.mark.parametrize(("number", "name"), [(0, "z"), (1, "band 1 of 4"), (4, "band 4 of 4")])
def test_a_band_too_short_for_its_size_is_named(
    codec: AinnCodec, stream: bytes, number: int, name: str
) -> None:
    """Its bytes are in another band: the payload as a whole is long enough."""

    def move(payload: bytes) -> bytes:
        parts = parts_of(payload)
        other = 1 if number != 1 else 2
        parts[other], parts[number] = parts[other] + parts[number][4:], parts[number][:4]
        return payload[:3] + b"".join(struct.pack("<I", len(part)) + part for part in parts)

    assert len(parts_of(container.unpack(stream).payload)) == 5
    with pytest.raises(CodecError, match=rf"damaged; {name} takes at least \d+ bytes, and there are 4"):
        codec.decode(with_payload(stream, move))


@pytest.mark.parametrize("size", [(1, 300), (300, 1)], ids=str)
def test_thin_pictures_come_out_as_from_the_whole(size: tuple[int, int]) -> None:
    picture = photo(*size)
    whole, parts = AinnCodec(), AinnCodec(tile=SIDE)
    difference = whole.decode(whole.encode(picture, 5)).astype(int) - parts.decode(parts.encode(picture, 5))
    assert np.abs(difference).max() <= 1


def test_garbage_in_parts_of_the_right_length_gives_a_picture_or_a_codec_error(
    codec: AinnCodec, stream: bytes
) -> None:
    pictures = refused = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)

        def spoil(payload: bytes, rng: np.random.Generator = rng) -> bytes:
            """All after z's first bytes: lengths stay."""
            spoilt, start = bytearray(payload), tiles._HEADER.size
            while start < len(payload):
                length = struct.unpack_from("<I", payload, start)[0]
                start += 4
                if rng.random() < 0.5:
                    spoilt[start : start + length] = rng.bytes(length)
                start += length
            return bytes(spoilt)

        try:
            assert codec.decode(with_payload(stream, spoil)).shape == (HEIGHT, WIDTH, 3)
            pictures += 1
        except CodecError as error:
            assert "values out of range" in str(error)
            refused += 1
    assert pictures + refused == 8


def test_sizes_beyond_the_limit_of_tiles_are_refused(codec: AinnCodec, stream: bytes) -> None:
    giant = np.broadcast_to(np.zeros(3, np.uint8), (16385, 16385, 3))
    with pytest.raises(CodecError, match="16385x16385"):
        codec.encode(giant, 1)
    body = bytearray(stream[:-4])
    body[7:11] = struct.pack("<HH", 16385, 16385)
    with pytest.raises(CodecError, match="16385x16385"):
        codec.decode(bytes(body) + struct.pack("<I", zlib.crc32(body)))
