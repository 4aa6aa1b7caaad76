"""Codecs made of command lines: what they do, which programs they find, their version."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from command_files import COPY, DECODE, ENCODE, FAKE, FAKE_CODEC, Write, executable, looked
from PIL import Image
from tiny import photo

from bench.codecs import Codec, CodecError, get, get_class, registry
from bench.core.errors import BenchError
from bench.process import Limits, Worker, WorkerError

# What a codec made of command lines does.


@pytest.mark.parametrize("format", ["png", "ppm", "bmp"])
def test_pictures_come_back_nearly_as_they_were(make: Callable[..., Codec], format: str) -> None:
    codec, image = make(input=format, output=format), photo(19, 33)
    errors = []
    for quality in codec.qualities:
        decoded = codec.decode(codec.encode(image, quality))
        assert decoded.shape == image.shape and decoded.dtype == np.uint8
        errors.append(np.abs(decoded.astype(int) - image).max())
    assert errors == sorted(errors, reverse=True) and errors[0] > 20 and errors[-1] <= 3
    assert np.array_equal(codec.decode(codec.encode(image, 95)), (image // 6) * 6 + 3)


def test_the_bitstream_is_what_the_program_wrote(
    make: Callable[..., Codec], tmp_path: Path, scratch: Path
) -> None:
    image = photo(12, 10)
    Image.fromarray(image).save(tmp_path / "same.png")
    by_hand = [sys.executable, FAKE_CODEC, "encode", "same.png", "same.bin", "60"]
    subprocess.run(by_hand, cwd=tmp_path, check=True)
    assert make().encode(image, 60) == (tmp_path / "same.bin").read_bytes()


def test_the_command_line_is_the_one_of_the_file(make: Callable[..., Codec]) -> None:
    words = "-q={quality} '{width} x {height}' $HOME * ; {x y} a{quality}b{quality}"
    codec = make(encode=f"{FAKE} look {{input}} {{output}} {words}", input="ppm", suffix=".jp2")
    assert looked(codec)["words"] == [
        *("input.ppm", "output.jp2", "-q=20", "7 x 5", "$HOME", "*", ";", "{x", "y}", "a20b20")
    ]


@pytest.mark.parametrize(
    ("quality", "text"),
    [(20, "20"), (20.0, "20"), (0.1, "0.1"), (0.00001, "0.00001"), (1e16, "1" + 16 * "0")],
)
def test_qualities_are_written_as_plain_numbers(
    make: Callable[..., Codec], quality: float, text: str
) -> None:
    codec = make(encode=f"{FAKE} look {{input}} {{output}} {{quality}}")
    assert looked(codec, quality)["words"][2] == text


def test_words_may_be_a_list_and_commands_follow_one_another(make: Callable[..., Codec]) -> None:
    first = [sys.executable, str(FAKE_CODEC), "copy", "{input}", "a file of its own.png"]
    second = f"{FAKE} encode 'a file of its own.png' {{output}} {{quality}}"
    image = photo(9, 9)
    assert make(encode=[first, second]).encode(image, 60) == make().encode(image, 60)


def test_a_program_finds_a_picture_and_nothing_else(
    make: Callable[..., Codec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    seen = looked(make(encode=f"{FAKE} look {{input}} {{output}} {{quality}}"))
    assert seen["files"] == ["input.png"] and seen["stdin"] == ""
    assert seen["environment"] == {"PYTHONPATH": None, "LC_ALL": "C"}


def test_a_decoder_finds_the_bitstream_and_nothing_else(make: Callable[..., Codec]) -> None:
    codec = make(decode=f"{FAKE} look {{input}} {{output}}", output="rgb24", suffix="jp2")
    stream = codec.encode(photo(5, 7), 20)
    with pytest.raises(CodecError, match="bytes instead of the 105"):  # of JSON
        codec.decode(stream)
    listing = make(decode=[f"{FAKE} look {{input}} seen", f"{FAKE} fail 3 '{{input}}'", COPY], suffix="jp2")
    with pytest.raises(CodecError, match=r"exit code 3: input\.jp2$"):
        listing.decode(b"a stream")


def test_threads_are_those_of_the_run(make: Callable[..., Codec], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    codec = make(encode=f"{FAKE} look {{input}} {{output}} -j {{threads}} {{quality}}")
    assert looked(codec)["words"][2:4] == ["-j", "3"]


def test_raw_pictures_have_their_size_before_the_bitstream(make: Callable[..., Codec]) -> None:
    image = photo(3, 300)
    codec = make(input="rgb24", output="rgb24", qualities=[1], encode=COPY, decode=COPY)
    stream = codec.encode(image, 1)
    assert stream == bytes([300 % 256, 300 // 256, 3, 0]) + image.tobytes()  # 4 bytes that count
    assert np.array_equal(codec.decode(stream), image)


def test_planes_are_of_green_blue_and_red(make: Callable[..., Codec]) -> None:
    image = photo(4, 6)
    codec = make(input="gbrp", output="gbrp", qualities=[1], encode=COPY, decode=COPY)
    stream = codec.encode(image, 1)
    assert stream[4:] == b"".join(image[..., channel].tobytes() for channel in (1, 2, 0))
    assert np.array_equal(codec.decode(stream), image)


def test_a_decoder_of_raw_pictures_is_told_their_size_and_format(make: Callable[..., Codec]) -> None:
    say = f"{FAKE} fail 1 '{{width}} x {{height}} {{pixel_format}}'"
    codec = make(decode=[COPY, say], output="gbrp")
    with pytest.raises(CodecError, match=r": 7 x 5 gbrp$"):
        codec.decode(codec.encode(photo(5, 7), 20))


def test_no_folder_is_left(make: Callable[..., Codec], scratch: Path) -> None:
    codec = make()
    codec.decode(codec.encode(photo(8, 8), 20))
    with pytest.raises(CodecError):
        codec.decode(b"not a stream of this codec")
    with pytest.raises(CodecError):
        make(encode=f"{FAKE} copy {{input}} {{output}}{{quality}}").encode(photo(8, 8), 20)
    assert list(scratch.iterdir()) == []


def test_it_works_where_nothing_can_be_written_elsewhere(write: Write) -> None:
    path, image = write(), photo(20, 24)
    encoder, decoder = (
        Worker(role, registry.resolve(str(path)), Limits(), 1) for role in ("encode", "decode")
    )
    try:
        warm = encoder.start()
        decoder.start(warm)
        encoded = encoder.ask("encode", image.tobytes(), shape=image.shape, quality=95.0, repeats=2)
        decoded = decoder.ask("decode", encoded.payload, repeats=1)
        assert encoded.header["note"] == "" and encoder.loaded["details"]["programs"]
    finally:
        encoder.close()
        decoder.close()
    assert np.array_equal(np.frombuffer(decoded.payload, np.uint8).reshape(image.shape), (image // 6) * 6 + 3)


def test_a_program_that_hangs_is_ended_with_the_worker(write: Write, tmp_path: Path) -> None:
    path = write(decode=f"{FAKE} wait {{input}} {{output}} '{tmp_path}'")
    decoder = Worker("decode", str(path), Limits(seconds=1), 1)
    try:
        decoder.start()
        with pytest.raises(WorkerError, match="over 1 s"):
            decoder.ask("decode", b"stream", repeats=1)
    finally:
        decoder.close()
    running = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert not any(str(tmp_path) in words for words in running)


# What is missing.


def test_programs_are_found_on_the_path(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"encode": "fakeenc {input} {output} {quality}", "decode": "fakedec {input} {output}"}
    path = str(write(**keys, install="get them from example.org"))
    assert get_class(path).missing() == (
        "it needs fakedec on the PATH and fakeenc on the PATH; get them from example.org"
    )
    with pytest.raises(
        BenchError, match=r"can't run here: it needs fakedec on the PATH and .* example\.org$"
    ):
        get(path)
    executable(tmp_path / "bin/fakeenc", "encode")
    executable(tmp_path / "bin/fakedec", "decode")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    codec, image = get(path), photo(6, 6)
    assert np.array_equal(codec.decode(codec.encode(image, 95)), (image // 6) * 6 + 3)


@pytest.mark.parametrize("where", ["./tools/enc", "{folder}/tools/enc", "~/odd 'folder'/tools/enc"])
def test_programs_are_found_beside_the_file(
    write: Write, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = str(write("odd 'folder'/fake.yaml", encode=[[where, "{input}", "{output}", "{quality}"]]))
    with pytest.raises(BenchError, match="enc as an executable file"):
        get(path)
    program = executable(tmp_path / "odd 'folder'/tools/enc", "encode")
    image = photo(6, 6)
    monkeypatch.chdir(tmp_path)
    codec = get("odd 'folder'/fake.yaml")
    assert np.array_equal(codec.decode(codec.encode(image, 95)), (image // 6) * 6 + 3)
    assert codec.provenance()["commands"]["encode"] == ["enc {input} {output} {quality}"]
    program.chmod(0o644)
    with pytest.raises(BenchError, match="enc as an executable file"):
        get(path)


def test_files_beside_the_file_are_named_by_its_folder(write: Write, tmp_path: Path) -> None:
    path = str(write(encode=f"{FAKE} look {{input}} {{output}} {{quality}} -c={{folder}}/my.cfg"))
    assert get_class(path).missing() == "it needs the file my.cfg, which its command lines name"
    (tmp_path / "my.cfg").write_text("a = 1")
    codec = get(path)
    assert looked(codec)["words"][-1] == f"-c={tmp_path}/my.cfg"
    assert codec.provenance()["programs"]["my.cfg"] == hashlib.sha256(b"a = 1").hexdigest()
    before = codec.version()
    (tmp_path / "my.cfg").write_text("a = 2")
    assert codec.version() == before != get(path).version()


# Version and provenance.


def test_the_version_is_what_the_program_says_and_what_it_is_told(make: Callable[..., Codec]) -> None:
    version = make(version=f"{FAKE} say '\n fakec 2.1 of /home/me/fakec\nbuilt today'").version()
    assert re.fullmatch(r"fakec 2\.1 of fakec, commands [0-9a-f]{10}", version)


def test_the_version_without_a_command_is_that_of_the_programs(
    make: Callable[..., Codec], tmp_path: Path
) -> None:
    program = executable(tmp_path / "enc", "encode")
    keys = {"encode": "./enc {input} {output} {quality}", "decode": "./enc {input} {output}"}
    before = make(**keys).version()
    assert before.startswith(f"enc {hashlib.sha256(program.read_bytes()).hexdigest()[:10]}, commands ")
    program.write_text(program.read_text() + "# another\n")
    assert make(**keys).version().partition(",")[0] != before.partition(",")[0]
    assert make(**keys).version().partition(",")[2] == before.partition(",")[2]


@pytest.mark.parametrize(
    "keys",
    [{"encode": ENCODE + " --better"}, {"decode": DECODE + " -x"}, {"input": "bmp"}, {"suffix": "jp2"}],
    ids=str,
)
def test_codecs_of_other_commands_have_another_version(
    make: Callable[..., Codec], keys: dict[str, Any]
) -> None:
    say = {"version": f"{FAKE} say fakec"}
    assert make(**say).version() == make(**say, summary="the same").version() != make(**say, **keys).version()


@pytest.mark.parametrize(
    ("command", "reason"),
    [(f"{FAKE} say ''", "prints no version; leave 'version' out"), (f"{FAKE} fail 127 'no lib'", "no lib")],
)
def test_a_program_that_tells_no_version_is_an_error(
    make: Callable[..., Codec], command: str, reason: str
) -> None:
    with pytest.raises(BenchError, match=reason):
        make(version=command).version()


def test_the_provenance_has_command_lines_and_programs_but_no_paths(make: Callable[..., Codec]) -> None:
    codec = make(encode=f"{ENCODE} --config=/opt/some/where.cfg 'two words'", version=f"{FAKE} say 1")
    python = Path(sys.executable).name
    assert codec.provenance()["commands"] == {
        "encode": [
            f"{python} fake_codec.py encode {{input}} {{output}} {{quality}} --config=where.cfg 'two words'"
        ],
        "decode": [f"{python} fake_codec.py decode {{input}} {{output}}"],
    }
    programs = codec.provenance()["programs"]
    assert programs[python] == hashlib.sha256(Path(sys.executable).read_bytes()).hexdigest()
    assert programs["fake_codec.py"] == hashlib.sha256(FAKE_CODEC.read_bytes()).hexdigest()
    assert "/" not in json.dumps(codec.provenance())
