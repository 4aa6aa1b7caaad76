"""Reading pictures: as RGB where nothing is lost, and an error where something would be."""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tifffile
from PIL import Image, ImageCms
from tiny import photo

from bench.codecs import get
from bench.core.errors import BenchError
from bench.core.images import lost_metadata, pixels, read_rgb


def _png(width: int, height: int, depth: int, colour: int, rows: bytes, interlaced: int = 0) -> bytes:
    """A PNG file of kinds that Pillow reads but cannot write (PNG specification, 11.2)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
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
def test_read_rgb_refuses_truncated_files(
    suffix: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / f"image.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    PIL.Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for length in (0, 3, len(content) // 2, len(content) * 9 // 10):
        path.write_bytes(content[:length])
        with pytest.raises(BenchError, match=re.escape(str(path))):
            read_rgb(path)
    assert not recwarn.list  # the error says it all
    path.unlink()
    with pytest.raises(BenchError, match="there is no image"):
        read_rgb(path)


def test_big_image_is_not_taken_for_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "big.ppm"  # 400 megapixels by its header, but nearly without data
    path.write_bytes(b"P6 20000 20000 255\n" + bytes(100))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BenchError, match="truncated"):
            read_rgb(path)
    path.write_bytes(b"P6 40000 40000 255\n" + bytes(100))
    with pytest.raises(BenchError, match="claims more than 500 megapixels"):
        read_rgb(path)


# What Pillow reads without a word, as something else than it is.


def _refused(path: Path, match: str) -> None:
    with pytest.raises(BenchError, match=match) as caught:
        read_rgb(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_16_bit_tiff_is_refused_however_it_is_stored(
    tmp_path: Path, planar: str, compression: str | None
) -> None:
    shape = (3, 20, 30) if planar == "separate" else (20, 30, 3)
    deep = np.random.default_rng(0).integers(0, 65536, shape, dtype=np.uint16)
    path = tmp_path / "deep.tif"
    options = {"photometric": "rgb", "planarconfig": planar, "compression": compression}
    tifffile.imwrite(path, deep, **options)
    _refused(path, "more than 8 bits a sample")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_8_bit_tiff_is_read_however_it_is_stored(tmp_path: Path, planar: str) -> None:
    rgb = photo(20, 30)
    path = tmp_path / "flat.tif"
    stored = rgb.transpose(2, 0, 1) if planar == "separate" else rgb
    tifffile.imwrite(path, stored, photometric="rgb", planarconfig=planar)
    assert np.array_equal(read_rgb(path), rgb)


@pytest.mark.parametrize("extra", [2, 3])
def test_more_samples_than_colours_and_alpha_are_refused(tmp_path: Path, extra: int) -> None:
    path = tmp_path / "bands.tif"
    samples = np.full((8, 8, 3 + extra), 255, np.uint8)
    tifffile.imwrite(path, samples, photometric="rgb", extrasamples=["unspecified"] * extra)
    _refused(path, "samples a pixel|cannot be read")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_animations_and_pages_are_refused(tmp_path: Path, suffix: str) -> None:
    one, other = Image.fromarray(photo(32, 48, 1)), Image.fromarray(photo(32, 48, 2))
    path = tmp_path / f"several{suffix}"
    one.save(path, save_all=True, append_images=[other])
    _refused(path, "holds 2 (frames|pages)")


def test_rgb565_is_8_bits_or_fewer(tmp_path: Path) -> None:
    """A BMP of 16 bits a pixel, 5, 6 and 5 for the colours, written by hand: Pillow writes none."""
    width, height = 8, 4
    pixels = np.full((height, width), 0b11111_000000_00000, "<u2").tobytes()  # red
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 16, 3, len(pixels), 0, 0, 0, 0)
    start = 14 + len(info) + len(masks)
    header = struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start)
    (tmp_path / "red.bmp").write_bytes(header + info + masks + pixels)
    assert (read_rgb(tmp_path / "red.bmp") == (255, 0, 0)).all()


def test_other_formats_are_refused_by_name(tmp_path: Path) -> None:
    Image.fromarray(photo(8, 8)).save(tmp_path / "moving.gif")
    _refused(tmp_path / "moving.gif", "none of PNG, JPEG, WEBP, BMP, TIFF, PPM")
    (tmp_path / "text.png").write_text("no picture")
    _refused(tmp_path / "text.png", "none of PNG")
    (tmp_path / "folder.png").mkdir()
    _refused(tmp_path / "folder.png", "cannot be read")
    (tmp_path / "link.png").symlink_to(tmp_path / "nowhere.png")
    _refused(tmp_path / "link.png", "there is no image")


def test_a_picture_that_claims_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "vast.ppm"
    path.write_bytes(b"P6 60000 60000 255\n" + bytes(100))
    _refused(path, "claims more than 500 megapixels")
    with pytest.raises(BenchError):
        pixels(path)


def test_a_picture_that_takes_more_memory_than_is_free_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.ppm"
    path.write_bytes(b"P6 8000 8000 255\n" + bytes(100))
    _refused(path, "truncated")
    monkeypatch.setattr("bench.core.images._free_memory", lambda: 1 << 29)
    _refused(path, r"claims 8000x8000 pixels, which take 0\.8 GiB of memory to read, and 0\.5 GiB are free")


def test_a_png_that_claims_more_than_its_bytes_can_hold_is_refused(tmp_path: Path) -> None:
    """Where its data end early, Pillow takes the rest for black: 2 kB became a picture of 3 GB."""
    path = tmp_path / "thin.png"
    path.write_bytes(_png(40, 8_000_000, depth=8, colour=2, rows=bytes(40 * 3 + 1)))
    _refused(path, r"claims 40x8000000 pixels, and has \d+ bytes")
    path.write_bytes(_png(4000, 4000, depth=1, colour=0, rows=bytes(501 * 4000)))  # as flat as can be
    assert read_rgb(path).shape == (4000, 4000, 3)
    with pytest.raises(BenchError, match="claims"):
        read_rgb(BytesIO(_png(40_000, 1000, depth=8, colour=2, rows=bytes(9))))


def _rows(samples: np.ndarray, interlaced: int) -> bytes:
    """As a PNG file has them before they are compressed, unfiltered; grey, of 8 bits."""
    starts, steps = [(0, 0)], [(1, 1)]
    if interlaced:
        starts = [(0, 0), (0, 4), (4, 0), (0, 2), (2, 0), (0, 1), (1, 0)]  # row and column
        steps = [(8, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1)]
    passes = [samples[y::down, x::right] for (y, x), (down, right) in zip(starts, steps, strict=True)]
    return b"".join(b"\0" + row.tobytes() for part in passes if part.size for row in part)


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize("size", [(13, 21), (1, 1), (2, 9), (9, 1)])
def test_a_png_whose_data_end_early_but_well_is_refused(
    tmp_path: Path, size: tuple[int, int], interlaced: int
) -> None:
    """Its chunks are whole, its stream is: Pillow takes the rows that aren't there for black."""
    height, width = size
    path = tmp_path / "cut.png"
    for samples in (np.full(size, 7, np.uint8), np.zeros(size, np.uint8)):
        rows = _rows(samples, interlaced)
        path.write_bytes(_png(width, height, depth=8, colour=0, rows=rows, interlaced=interlaced))
        assert np.array_equal(read_rgb(path), np.repeat(samples[..., None], 3, axis=2))
        for kept in {0, 1, len(rows) // 2, len(rows) - 1}:
            cut = _png(width, height, depth=8, colour=0, rows=rows[:kept], interlaced=interlaced)
            path.write_bytes(cut)
            _refused(path, "cut.png cannot be read as an image")
            with pytest.raises(BenchError, match="this is not a whole PNG file"):
                get("png").decode(cut)


def test_whatever_pillow_raises_of_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    path.write_bytes(_png(8, 8, depth=8, colour=3, rows=bytes(100)))  # its palette isn't there
    _refused(path, "cannot be read as an image")


def test_an_open_file_is_read_and_called_by_its_name() -> None:
    file = BytesIO()
    rgb = photo(8, 8)
    Image.fromarray(rgb).save(file, "PNG")
    file.seek(0)
    assert np.array_equal(read_rgb(file, "shard.tar/a.png"), rgb)
    with pytest.raises(BenchError, match=r"shard\.tar/b\.png"):
        read_rgb(BytesIO(b"no"), "shard.tar/b.png")


def test_what_coding_the_samples_loses_is_named(tmp_path: Path) -> None:
    image = Image.fromarray(photo(8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    image.save(tmp_path / "a.jpg", exif=exif, icc_profile=profile)
    image.save(tmp_path / "b.jpg")
    assert lost_metadata(tmp_path / "a.jpg") == ["its EXIF orientation", "its ICC colour profile"]
    assert lost_metadata(tmp_path / "b.jpg") == []
