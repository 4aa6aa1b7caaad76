"""Files of planes, sizes in streams of HEVC and VVC, and pictures of sizes that an encoder doesn't take."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import photo

from bench.codecs import CodecError, framing, planes
from bench.codecs.colour import Format
from bench.codecs.parameter_sets import hevc_size, vvc_size

FORMATS = [Format(10, 444), Format(8, 420), Format(10, 420, full=False), Format(8, 444)]
WRITERS = {8: "u1", 10: "<u2"}

# Sequence parameter sets of real streams, with their start code, and the size of the picture.
VVC = {
    "VTM 23.13": ("0079001d42008000402240939a63501f446f21488852646fd7855c7f07d102", (67, 131)),
    "VTM 12.1": ("0079001d42008000c02240939a63501f446f21488852646fd7855c7f07d102", (67, 131)),
    "VTM 23.13, 4:2:0": (
        "0079000d0200800040224093bb3501f446e88468852646e13628c54306f855c7f07e4408",
        (68, 132),
    ),
    "VVenC": ("007900ad021080000080448127766a007374dba6469149bce13656304082700328316108", (68, 132)),
}
HEVC = {
    "HM 16.7": ("4201010408000003000c08000003000003009002240939a66cbf248db3db603cd0", (67, 131)),
    "HM 16.7, 4:2:0": ("4201010408000003000c0800000300000300a0112049ddb65f9246d9edb01e68", (68, 132)),
    "x265": ("4201010408000003009c2800000300001e9002240939a66cb75248db5cd01000000300100000", (67, 131)),
}


@pytest.mark.parametrize("format", FORMATS, ids=str)
@pytest.mark.parametrize("size", [(5, 7), (16, 32), (1, 1)], ids=str)
def test_raw_planes_come_back(format: Format, size: tuple[int, int]) -> None:
    image = photo(*size)
    content = planes.raw(image, format)
    samples = sum(rows * columns for rows, columns in format.plane_shapes(*size))
    assert len(content) == samples * (1 if format.bits == 8 else 2)
    assert planes.from_raw(content, *size, format).shape == image.shape
    if format == Format(10, 444):
        assert np.array_equal(planes.from_raw(content, *size, format), image)


def test_raw_planes_are_y_cb_cr_with_the_low_byte_first() -> None:
    image = np.full((2, 2, 3), 255, np.uint8)
    assert planes.raw(image, Format(10, 420)) == b"\xff\x03" * 4 + b"\x00\x02" * 2
    assert planes.raw(image, Format(8, 444, full=False)) == b"\xeb" * 4 + b"\x80" * 8


def test_the_wrong_number_of_samples_is_told() -> None:
    content = planes.raw(photo(4, 4), Format())
    for wrong in (content[:-1], content + b"x", b""):
        with pytest.raises(CodecError, match=r"bytes of planes were decoded instead of the 96 .* 4x4 pixels"):
            planes.from_raw(wrong, 4, 4, Format())


@pytest.mark.parametrize(
    ("format", "word"),
    [
        (Format(10, 444), "C444p10"),
        (Format(8, 420), "C420jpeg"),
        (Format(10, 420), "C420p10"),
        (Format(8, 444), "C444"),
    ],
    ids=str,
)
def test_y4m_tells_size_and_format(format: Format, word: str) -> None:
    image = photo(6, 9)
    header = f"YUV4MPEG2 W9 H6 F25:1 Ip A0:0 {word} XYSCSS=444\nFRAME\n".encode()
    content = header + planes.raw(image, format)
    expected = planes.from_raw(planes.raw(image, format), 6, 9, format)
    assert np.array_equal(planes.from_y4m(content, full=True), expected)
    with pytest.raises(CodecError, match="bytes of planes"):
        planes.from_y4m(content[:-2], full=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"P6 1 1 255\nabc",
        b"YUV4MPEG2 W1 H1\n",
        b"YUV4MPEG2 W1 Hx C444\nFRAME\nabc",
        b"YUV4MPEG2 W1 H1 Cmono\nFRAME\na",
    ],
)
def test_what_is_no_y4m_is_told(content: bytes) -> None:
    with pytest.raises(CodecError, match="no Y4M file"):
        planes.from_y4m(content, full=True)


@pytest.mark.parametrize("name", VVC)
def test_the_size_of_a_vvc_stream(name: str) -> None:
    text, size = VVC[name]
    unit = bytes.fromhex(text)
    assert vvc_size(b"\0\0\0\1" + unit) == size
    assert vvc_size(b"\0\0\1\x00\xa1\x88\0\0\0\1" + unit + b"\0\0\1\x00\x81abc") == size


@pytest.mark.parametrize("name", HEVC)
def test_the_size_of_an_hevc_stream(name: str) -> None:
    text, size = HEVC[name]
    unit = bytes.fromhex(text)
    assert hevc_size(b"\0\0\0\1" + unit) == size
    assert hevc_size(b"\0\0\0\1\x40\x01\x0c\0\0\0\1" + unit + b"\0\0\1\x28\x01abc") == size


@pytest.mark.parametrize("read", [hevc_size, vvc_size])
def test_a_stream_without_a_size_is_told(read: object) -> None:
    assert callable(read)
    whole = bytes.fromhex((HEVC["HM 16.7"] if read is hevc_size else VVC["VTM 12.1"])[0])
    for stream in (b"", b"abc" * 50, b"\0\0\1", b"\0\0\1\x26\x01abc"):
        with pytest.raises(CodecError, match="no whole stream: it has no sequence parameter set"):
            read(stream)
    for length in range(3, 9):
        with pytest.raises(CodecError, match="no whole stream: its sequence parameter set is cut off"):
            read(b"\0\0\1" + whole[:length])


def test_garbage_gives_a_size_or_a_codec_error() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        for read, header in ((hevc_size, b"\x42\x01"), (vvc_size, b"\x00\x79")):
            try:
                assert min(read(b"\0\0\1" + header + rng.bytes(40))) > 0
            except CodecError:
                continue


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (9, 16), (17, 31)], ids=str)
def test_framed_pictures_fit_and_come_back(size: tuple[int, int]) -> None:
    image = photo(*size)
    framed, prefix = framing.frame(image, multiple=2, least=8)
    assert all(side % 2 == 0 and side >= 8 for side in framed.shape[:2])
    assert len(prefix) == (0 if size == (8, 8) else 5)
    stream, own_size = framing.split(prefix + b"\0\0\1stream")
    assert stream == b"\0\0\1stream"
    assert np.array_equal(framing.cut(framed, own_size), image)


def test_a_picture_that_fits_costs_nothing() -> None:
    image = photo(5, 7)
    framed, prefix = framing.frame(image)
    assert framed is image and prefix == b""
    assert framing.split(b"\0\0\0\1abc") == (b"\0\0\0\1abc", None)


def test_padding_repeats_the_edge() -> None:
    image = photo(3, 3)
    framed, _ = framing.frame(image, multiple=2)
    assert np.array_equal(framed[3], framed[2]) and np.array_equal(framed[:, 3], framed[:, 2])


def test_a_frame_that_tells_nonsense_is_a_codec_error() -> None:
    _, prefix = framing.frame(photo(3, 3), least=8)
    for cut in range(1, 6):
        with pytest.raises(CodecError, match="is cut off"):
            framing.split(prefix[:cut])
    _, own_size = framing.split(prefix + b"x")
    with pytest.raises(CodecError, match="header has the size 3x3, but it holds a picture of 2x2"):
        framing.cut(photo(2, 2), own_size)
    with pytest.raises(CodecError, match="at most 65535 pixels"):
        framing.frame(np.zeros((1, 70000, 3), np.uint8), multiple=2)
