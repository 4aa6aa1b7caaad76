"""RGB to YCbCr and back: without loss at 10 bits, as others compute it, at all sizes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tiny import photo

from bench.codecs import colour
from bench.codecs.colour import Format, to_planes, to_rgb
from bench.core.images import read_rgb

RANGES = pytest.mark.parametrize("full", [True, False], ids=["full", "limited"])


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def psnr(image: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((image.astype(float) - other) ** 2)))


@RANGES
def test_ten_bits_lose_nothing_of_noise(full: bool) -> None:
    image = noise(700, 900)
    assert np.array_equal(to_rgb(to_planes(image, Format(10, 444, full)), Format(10, 444, full)), image)


@RANGES
def test_ten_bits_lose_nothing_at_the_ends(full: bool) -> None:
    """All of red, green and blue that are near 0, the middle or 255: where a clip would show."""
    levels = np.array([0, 1, 2, 3, 126, 127, 128, 129, 252, 253, 254, 255], np.uint8)
    image = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(12, -1, 3)
    assert np.array_equal(to_rgb(to_planes(image, Format(10, 444, full)), Format(10, 444, full)), image)


@RANGES
def test_ten_bits_lose_nothing_of_kodak(data_dir: Path, full: bool) -> None:
    paths = sorted((data_dir / "kodak").glob("kodim*.png"))
    assert len(paths) == 24
    for path in paths:
        image = read_rgb(path)
        assert np.array_equal(to_rgb(to_planes(image, Format(10, 444, full)), Format(10, 444, full)), image)


def test_eight_bits_cost_what_rounding_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """52 to 54 dB. Samples that are cut off instead of rounded, as in CompressAI's wrappers of VTM and HM,
    would cap every codec at some 44 dB."""
    image, format = noise(512, 512), Format(8, 444)
    assert 52 < psnr(image, to_rgb(to_planes(image, format), format)) < 54

    def cut_off(values: NDArray[np.float64], top: int, kind: type) -> NDArray[np.uint8]:
        return np.clip(values, 0, top).astype(kind)

    monkeypatch.setattr(colour, "_whole", cut_off)
    assert psnr(image, to_rgb(to_planes(image, format), format)) < 45
    assert not np.array_equal(to_rgb(to_planes(image, Format()), Format()), image)  # nor would 10 bits do


def test_well_known_colours() -> None:
    """Grey has no colour; the primaries have the weights of BT.709 as luma; black and white have the ends of
    their range (ITU-T H.273, tables 4 and equations 23 to 35)."""
    image = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    luma, cb, cr = to_planes(image, Format(10, 444, full=True))
    assert luma.tolist() == [[0, 1023, round(0.2126 * 1023), round(0.7152 * 1023), round(0.0722 * 1023)]]
    assert cb[0, :2].tolist() == cr[0, :2].tolist() == [512, 512]
    assert (cr[0, 2], cb[0, 4]) == (1023, 1023)
    luma, cb, cr = to_planes(image, Format(8, 444, full=False))
    assert luma[0, :2].tolist() == [16, 235] and cb[0, :2].tolist() == [128, 128]
    assert (cr[0, 2], cb[0, 4]) == (240, 240)


@pytest.fixture
def zimg(tmp_path: Path) -> Callable[..., NDArray[np.uint16]]:
    """Another implementation: the library zimg, in FFmpeg. Takes and gives planes."""
    from imageio_ffmpeg import get_ffmpeg_exe

    def convert(planes: NDArray[np.uint16], was: str, becomes: str, filter: str) -> NDArray[np.uint16]:
        _, height, width = planes.shape
        (tmp_path / "in").write_bytes(planes.astype("u1" if was == "gbrp" else "<u2").tobytes())
        source = ("-f", "rawvideo", "-pix_fmt", was, "-video_size", f"{width}x{height}", "-i", "in")
        command = [get_ffmpeg_exe(), "-v", "error", "-y", *source, "-vf", filter]
        command += ["-pix_fmt", becomes, "-f", "rawvideo", "out"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        kind = "u1" if becomes == "gbrp" else "<u2"
        return np.fromfile(tmp_path / "out", kind).reshape(3, height, width).astype(np.uint16)

    return convert


@RANGES
def test_planes_are_those_of_another_implementation(
    zimg: Callable[..., NDArray[np.uint16]], full: bool
) -> None:
    """zimg computes in single precision: a few samples that lie half-way go to the other side."""
    image = noise(200, 300)
    name = "full" if full else "limited"
    rgb, yuv = "gbrp", "yuv444p10le"
    there = f"zscale=matrixin=gbr:rangein=full:matrix=709:range={name}:dither=none,format={yuv}"
    green_blue_red = image[..., [1, 2, 0]].transpose(2, 0, 1).astype(np.uint16)
    theirs = zimg(green_blue_red, rgb, yuv, there).astype(int)
    ours = np.stack(to_planes(image, Format(10, 444, full))).astype(int)
    assert np.abs(ours - theirs).max() <= 1
    assert (ours != theirs).mean() < 0.002
    back = f"zscale=matrixin=709:rangein={name}:matrix=gbr:range=full:dither=none,format={rgb}"
    decoded = zimg(ours.astype(np.uint16), yuv, rgb, back)
    assert np.array_equal(decoded, green_blue_red)


def test_halved_chroma_is_the_mean_of_four_and_comes_back_smooth() -> None:
    format = Format(10, 420)
    flat = np.full((5, 7, 3), (200, 30, 90), np.uint8)
    assert [plane.shape for plane in to_planes(flat, format)] == [(5, 7), (3, 4), (3, 4)]
    assert np.array_equal(to_rgb(to_planes(flat, format), format), flat)

    image = noise(6, 8)
    _, cb, _ = to_planes(image, Format(10, 444))
    _, small, _ = to_planes(image, format)
    means = cb.reshape(3, 2, 4, 2).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 1

    ramp = np.arange(64, dtype=np.uint8)[None, :, None] * np.array([4, 2, 1], np.uint8)
    smooth = np.repeat(ramp, 8, axis=0)  # linear: it comes back, but for the outermost pixels
    decoded = to_rgb(to_planes(smooth, format), format)
    assert np.abs(decoded.astype(int) - smooth)[:, 1:-1].max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 8), (7, 1), (31, 33), (2, 3001)], ids=str)
@pytest.mark.parametrize("chroma", [444, 420])
def test_all_sizes_come_back(size: tuple[int, int], chroma: int) -> None:
    image, format = photo(*size), Format(10, chroma)
    image.flags.writeable = False
    planes = to_planes(image, format)
    assert [plane.shape for plane in planes] == list(format.plane_shapes(*size))
    assert to_rgb(planes, format).shape == image.shape
    assert all(plane.dtype == np.uint16 and plane.max() <= 1023 for plane in planes)


def test_a_large_picture_is_done_exactly() -> None:
    image = np.tile(noise(300, 400), (10, 10, 1))  # 12 megapixels
    assert np.array_equal(to_rgb(to_planes(image, Format()), Format()), image)


def test_there_is_no_second_conversion() -> None:
    """Codecs that need YCbCr take it from here; their libraries' own are theirs."""
    folder = Path(colour.__file__).parent
    others = [path for path in folder.rglob("*.py") if path.name != "colour.py"]
    assert len(others) > 20
    for path in others:
        text = path.read_text()
        assert "0.2126" not in text and "0.7152" not in text and "0.587" not in text, path
