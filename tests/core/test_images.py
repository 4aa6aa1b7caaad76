"""Reading pictures: as RGB where nothing is lost, and an error where something would be."""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from bench.core.errors import BenchError
from bench.core.images import read_rgb


def _png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG file of kinds that Pillow reads but cannot write (PNG specification, 11.2)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def test_read_rgb_converts_what_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    rgb = np.random.default_rng(0).integers(0, 256, (3, 5, 3), np.uint8)
    PIL.Image.fromarray(rgb).save(path)
    read = read_rgb(path)
    assert read.dtype == np.uint8 and read.shape == (3, 5, 3) and np.array_equal(read, rgb)
    PIL.Image.fromarray(np.dstack([rgb, np.full((3, 5), 255, np.uint8)])).save(path)
    assert np.array_equal(read_rgb(path), rgb)
    PIL.Image.fromarray(rgb[:, :, 0]).save(path)
    assert np.array_equal(read_rgb(path), np.repeat(rgb[:, :, :1], 3, axis=2))
    palette = PIL.Image.fromarray(rgb).quantize(256)  # 15 pixels: no colour is lost
    palette.save(path)
    with PIL.Image.open(path) as image:
        assert image.mode == "P"
    assert np.array_equal(read_rgb(path), np.array(palette.convert("RGB")))


def test_read_rgb_does_not_turn_by_exif(tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    PIL.Image.new("RGB", (8, 4)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_rgb(tmp_path / "turned.jpg").shape == (4, 8, 3)


def test_read_rgb_refuses_transparency(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    PIL.Image.new("RGBA", (4, 4), (1, 2, 3, 254)).save(path)
    with pytest.raises(BenchError, match="transparent"):
        read_rgb(path)
    PIL.Image.new("P", (4, 4)).save(path, transparency=0)
    with pytest.raises(BenchError, match="transparent"):
        read_rgb(path)


def test_read_rgb_refuses_deep_and_foreign_samples(tmp_path: Path) -> None:
    rows = 2 * (b"\0" + 6 * b"\x12\x34")
    (tmp_path / "rgb16.png").write_bytes(_png(2, 2, depth=16, colour=2, rows=rows))
    (tmp_path / "rgb16.ppm").write_bytes(b"P6 2 2 65535\n" + 12 * b"\x12\x34")
    PIL.Image.fromarray(np.full((2, 2), 4000, np.uint16)).save(tmp_path / "grey16.png")
    PIL.Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "float.tiff")
    for name in ("rgb16.png", "rgb16.ppm", "grey16.png", "float.tiff"):
        with pytest.raises(BenchError, match=f"{name} has more than 8 bits"):
            read_rgb(tmp_path / name)
    PIL.Image.new("CMYK", (2, 2)).save(tmp_path / "print.jpg")
    with pytest.raises(BenchError, match="CMYK"):
        read_rgb(tmp_path / "print.jpg")


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tif", "ppm"])
def test_read_rgb_refuses_truncated_files(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    PIL.Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for length in (0, 3, len(content) // 2, len(content) * 9 // 10):
        path.write_bytes(content[:length])
        with pytest.raises(BenchError, match=re.escape(str(path))):
            read_rgb(path)
    path.unlink()
    with pytest.raises(BenchError, match="there is no image"):
        read_rgb(path)


def test_big_image_is_not_taken_for_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "big.png"  # 400 megapixels by its header, but nearly without data
    path.write_bytes(_png(20_000, 20_000, depth=1, colour=0, rows=bytes(100)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BenchError, match="truncated"):
            read_rgb(path)
    path.write_bytes(_png(40_000, 40_000, depth=1, colour=0, rows=bytes(100)))
    with pytest.raises(BenchError, match="decompression bomb"):
        read_rgb(path)
