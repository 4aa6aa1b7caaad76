"""`bench encode` and `bench decode`: one picture to a file and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hostile_codecs
import numpy as np
import pytest
from PIL import Image
from shell import assert_one_sentence, bench
from tiny import photo

from bench.codecs import Codec, get


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(photo(70, 90)).save(tmp_path / "in.png")
    return tmp_path / "in.png"


@pytest.mark.parametrize(("suffix", "options"), [("jpeg", ()), ("bin", ("--codec", "jpegxl:effort=3"))])
def test_there_and_back(picture: Path, tmp_path: Path, suffix: str, options: tuple[str, ...]) -> None:
    stream, out = tmp_path / f"out.{suffix}", tmp_path / "out.png"
    done = bench("encode", picture, stream, *options, "--quality", "60")
    assert done.returncode == 0, done.stderr
    codec = get(options[1] if options else suffix)
    content = codec.encode(photo(70, 90), 60)
    assert stream.read_bytes() == content
    assert f"{codec.name} at quality 60, 90x70, {len(content)} bytes" in done.stdout
    done = bench("decode", stream, out, *options)
    assert done.returncode == 0, done.stderr
    with Image.open(out) as decoded:
        assert np.array_equal(np.array(decoded), codec.decode(content))


def test_ainn_by_the_suffix_alone(picture: Path, tmp_path: Path) -> None:
    assert bench("encode", picture, tmp_path / "out.ainn", "--quality", "4").returncode == 0
    assert bench("decode", tmp_path / "out.ainn", tmp_path / "out.png").returncode == 0
    with Image.open(tmp_path / "out.png") as decoded:
        error = np.mean((np.array(decoded).astype(float) - photo(70, 90)) ** 2)
    assert error < 100


def test_what_can_not_be_is_one_sentence(picture: Path, tmp_path: Path) -> None:
    stream, out = tmp_path / "out.jpeg", tmp_path / "out.png"
    assert_one_sentence(bench("encode", picture, tmp_path / "out.xyz"), "say which with --codec")
    assert_one_sentence(bench("encode", tmp_path / "none.png", stream), "none.png")
    assert_one_sentence(bench("encode", picture, stream, "--quality", "101"), "from 1 to 100, not 101")
    assert_one_sentence(bench("encode", picture, stream, "--codec", "jpge"), "did you mean 'jpeg'?")
    assert_one_sentence(bench("encode", picture, tmp_path / "no" / "out.jpeg"), "can't write", "No such file")
    assert not stream.exists()
    assert_one_sentence(bench("decode", stream, out), "can't read", "No such file")
    stream.write_bytes(b"abc")
    assert_one_sentence(bench("decode", stream, out), "this is not a whole JPEG file")
    assert_one_sentence(bench("decode", stream, tmp_path / "out.bmp"), "name", ".png at its end")
    assert not out.exists()


def test_what_the_bitstream_leaves_out_is_said(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(photo(70, 90)).save(tmp_path / "turned.jpg", exif=exif)
    done = bench("encode", tmp_path / "turned.jpg", tmp_path / "out.jpeg")
    assert done.returncode == 0 and "its EXIF orientation" in done.stdout


def test_a_full_disk_leaves_what_was_there(picture: Path, tmp_path: Path) -> None:
    """In a shell that may write no file beyond a kilobyte, as on a small file system."""
    stream = tmp_path / "out.jpeg"
    stream.write_bytes(b"from before")
    script = f'ulimit -f 1; trap "" XFSZ; exec "{sys.executable}" -m bench.cli encode "$@"'
    command = ["bash", "-c", script, "bash", str(picture), str(stream), "--quality", "100"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "can't write" in done.stderr
    assert stream.read_bytes() == b"from before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.jpeg"]


def test_an_infinite_timeout_is_none(picture: Path, tmp_path: Path) -> None:
    stream = tmp_path / "out.jpeg"
    assert bench("encode", picture, stream, "--timeout", "inf").returncode == 0
    assert bench("decode", stream, tmp_path / "out.png", "--timeout", "inf").returncode == 0
    with Image.open(tmp_path / "out.png") as decoded, Image.open(picture) as original:
        assert decoded.size == original.size


def test_a_codec_that_takes_too_long_is_ended(picture: Path, tmp_path: Path) -> None:
    environment = hostile_codecs.install(tmp_path / "packages")
    (tmp_path / "in.bin").write_bytes(b"\2")  # of the quality at which it is hostile
    target = tmp_path / "out.png"
    target.write_bytes(b"from before")
    decode = ("decode", tmp_path / "in.bin", target, "--codec", "hanging", "--timeout")
    assert_one_sentence(bench(*decode, "1", **environment), "in.bin: it took over 1 s (--timeout)")
    assert_one_sentence(bench(*decode, "0", **environment), "--timeout", "must be above 0")
    assert_one_sentence(bench(*decode, "nan", **environment), "--timeout", "not nan; inf is no limit")
    encode = ("encode", picture, target, "--codec", "slow", "--quality", "1", "--timeout", "0.05")
    assert_one_sentence(bench(*encode, **environment), "slow can't encode", "it took over 0.05 s (--timeout)")
    assert target.read_bytes() == b"from before"


@pytest.mark.parametrize(
    ("codec", "words"),
    [
        (hostile_codecs.Crashing, "killed by signal"),
        (hostile_codecs.Leaving, "its process ended (7)"),
        (hostile_codecs.Raising, "SystemExit: can't go on"),
    ],
)
def test_a_codec_that_crashes_is_one_sentence(
    picture: Path, tmp_path: Path, codec: type[Codec], words: str
) -> None:
    environment = hostile_codecs.install(tmp_path / "packages")
    (tmp_path / "in.bin").write_bytes(b"\2")  # of the quality at which it is hostile
    encodes = "odd_encode" in vars(codec)
    side, source, target = (
        ("encode", picture, "out") if encodes else ("decode", tmp_path / "in.bin", "out.png")
    )
    done = bench(side, source, tmp_path / target, "--codec", codec.name, **environment)
    assert_one_sentence(done, f"{codec.name} can't {side} {source}: ", words)
    assert not (tmp_path / target).exists()
