"""HEVC, VVC and AV1 by the encoders in imageio-ffmpeg's FFmpeg: the real ones, and what their failures
become."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tiny import photo

from bench.codecs import Codec, CodecError, ffmpeg, get
from bench.codecs.hevc import Hevc
from bench.codecs.parameter_sets import hevc_size, vvc_size
from bench.codecs.vvenc import VVenC
from bench.core.errors import BenchError
from bench.run.conformance import made_up

SPECS = (
    "av1:speed=8", "av1:encoder=svt,chroma=420,speed=8", "av1:chroma=420,speed=8", "hevc", "hevc:chroma=420",
    "vvenc:preset=faster",
)  # fmt: skip
HALF = {
    "av1:encoder=svt,chroma=420,speed=8",
    "av1:chroma=420,speed=8",
    "hevc:chroma=420",
    "vvenc:preset=faster",
}


@pytest.fixture(params=SPECS)
def codec(request: pytest.FixtureRequest) -> Codec:
    return get(request.param)


def error(image: np.ndarray, decoded: np.ndarray) -> float:
    return float(np.mean((decoded.astype(float) - image) ** 2))


@pytest.mark.parametrize("size", [(1, 1), (17, 9), (65, 70), (64, 128)], ids=str)
def test_all_sizes_come_back(codec: Codec, size: tuple[int, int]) -> None:
    image = photo(*size)
    image.flags.writeable = False
    stream = codec.encode(image, 10)
    assert codec.encode(image, 10) == stream
    decoded = codec.decode(stream)
    assert decoded.shape == image.shape and decoded.dtype == np.uint8
    assert error(image, decoded) < (30 if codec.sampling() is None else 120)


def test_rate_and_quality_rise_along_the_curve(codec: Codec) -> None:
    image = photo(96, 96)
    streams = [codec.encode(image, quality) for quality in codec.qualities]
    sizes = [len(stream) for stream in streams]
    errors = [error(image, codec.decode(stream)) for stream in streams]
    assert sizes == sorted(sizes) and errors == sorted(errors, reverse=True)


def test_a_stream_always_decodes_to_the_same_picture(codec: Codec) -> None:
    """FFmpeg's VVC decoder gave 1 in 7 pictures back wrong, on two busy cores, with threads of its own."""
    stream = codec.encode(made_up(96, 64), codec.qualities[-1])
    first = codec.decode(stream)
    assert all(np.array_equal(codec.decode(stream), first) for _ in range(7))


def test_colours_are_neither_swapped_nor_of_another_range(codec: Codec) -> None:
    for colour in ((220, 40, 20), (20, 220, 40), (40, 20, 220), (0, 0, 0), (255, 255, 255)):
        image = np.full((32, 32, 3), colour, np.uint8)
        assert np.abs(codec.decode(codec.encode(image, 5)).astype(int) - image).max() <= 3


def test_who_halves_chroma_says_so(codec: Codec) -> None:
    halved = any(codec.name == get(spec).name for spec in HALF)
    assert codec.sampling() == codec.provenance().get("chroma") == ("4:2:0" if halved else None)


def test_a_whole_stream_has_no_container_and_no_text(codec: Codec) -> None:
    """x265 would write its settings into each stream, some 2 kB, and MP4 has boxes."""
    stream = codec.encode(photo(64, 64), 40)
    assert stream[:4] == b"\0\0\0\1" or stream[:2] == b"\x12\x00"  # Annex B, or a temporal delimiter
    assert b"x265" not in stream and len(stream) < 700
    if stream[:4] == b"\0\0\0\1":
        assert (hevc_size if isinstance(codec, Hevc) else vvc_size)(stream) == (64, 64)


def test_the_qp_is_the_one_asked_for() -> None:
    """x265 by itself codes intra frames at a QP 3 below. Twice the QP step, half the bits or so."""
    image = photo(128, 128)
    stream = get("hevc").encode(image, 30)
    said: list[str] = []
    command = ("-i", "in.hevc", "-c", "copy", "-bsf:v", "trace_headers", "-f", "null", "-")
    from bench.codecs import program

    with program.fresh_folder() as folder:
        (folder / "in.hevc").write_bytes(stream)
        said.append(program.run((ffmpeg._executable(), *command), folder).output)
    first = int(re.search(r"init_qp_minus26 .*= (-?\d+)", said[0])[1])  # type: ignore[index]
    change = int(re.search(r"slice_qp_delta .*= (-?\d+)", said[0])[1])  # type: ignore[index]
    assert 26 + first + change == 30


def test_an_encoder_that_does_something_else_is_noticed() -> None:
    """Asked for 4:4:4, FFmpeg gives VVenC's 4:2:0 and only warns."""
    with pytest.raises(CodecError, match="was to encode yuv444p10le and took yuv420p10le instead"):
        VVenC(chroma=444, preset="faster").encode(photo(64, 64), 30)
    with pytest.raises(BenchError, match="vvenc's chroma is one of 420, not '444'"):
        get("vvenc:chroma=444")
    with pytest.raises(BenchError, match="SVT-AV1 codes 4:2:0 only; write av1:encoder=svt,chroma=420"):
        get("av1:encoder=svt")


@pytest.mark.parametrize("keep", [0, 0.1, 0.5], ids=str)
def test_a_cut_stream_is_a_codec_error(codec: Codec, keep: float) -> None:
    """FFmpeg by itself would paint over what is missing. In HEVC, a lack at the very end shows nowhere."""
    image = photo(256, 384)
    stream = codec.encode(image, 15)
    with pytest.raises(CodecError, match="ffmpeg"):
        codec.decode(stream[: int(keep * len(stream))])


def test_garbage_is_a_codec_error(codec: Codec) -> None:
    for stream in (b"x" * 200, b"\0\0\0\1" + bytes(50), b"\xff\1\0\1\0", b"\xff\1\0\1\0x"):
        with pytest.raises(CodecError):
            codec.decode(stream)


def test_parameters_reach_the_encoder() -> None:
    image = photo(96, 96)
    for spec, others in {
        "hevc": ("preset=ultrafast", "tune=none", "chroma=420"),
        "vvenc:preset=faster": ("qpa=1", "preset=slow"),
        "av1:speed=8": ("speed=3",),
    }.items():
        plain = get(spec)
        for other in others:
            changed = get(f"{plain.name.partition(':')[0]}:{other}")
            assert changed.encode(image, 32) != plain.encode(image, 32), changed.name
            assert changed.version() != plain.version()


def test_the_command_line() -> None:
    codec = get("hevc")
    commands = codec.provenance()["commands"]
    threads = re.search(r"-threads (\d+)", commands["encode"])
    assert threads is not None
    assert commands["encode"] == (
        "ffmpeg -hide_banner -nostdin -f rawvideo -pix_fmt yuv444p10le -video_size {width}x{height} "
        f"-i input.yuv -frames:v 1 -threads {threads[1]} -c:v libx265 -preset slower -tune psnr "
        "-x265-params qp={quality}:ipratio=1:keyint=1:info=0:log-level=error -fps_mode passthrough "
        "-f hevc output.bin"
    )
    assert commands["decode"].endswith(
        "-f hevc -i input.bin -frames:v 1 -strict -1 -f yuv4mpegpipe output.y4m"
    )
    assert codec.version().startswith("FFmpeg ") and "preset slower" in codec.version()


def test_an_ffmpeg_without_the_encoder_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    poor = tmp_path / "ffmpeg"
    poor.write_text("#!/bin/sh\necho ' V....D libx265  HEVC'\n")
    poor.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(poor))
    caches = (ffmpeg._executable, ffmpeg._encoders, ffmpeg._ffmpeg_version)
    for cache in caches:
        cache.cache_clear()
    try:
        assert Hevc.missing() is None
        with pytest.raises(
            BenchError, match="'vvenc' can't run here: this FFmpeg was built without libvvenc"
        ):
            get("vvenc")
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
        for cache in caches:
            cache.cache_clear()
        with pytest.raises(BenchError, match="'hevc' can't run here: imageio-ffmpeg has no FFmpeg that runs"):
            get("hevc")
    finally:
        for cache in caches:
            cache.cache_clear()
