"""Codecs made of command lines: their YAML files, the programs that they run, and the registry."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image
from places import EXAMPLES, SUPPORT
from shell import BENCH, results_of, without_data
from tiny import photo

from bench.codecs import Codec, CodecError, describe, get, get_class, names, program, registry
from bench.compare import published
from bench.core.errors import BenchError
from bench.process import Limits, Worker, WorkerError, program_memory

FAKE_CODEC = SUPPORT / "fake_codec.py"
FAKE = shlex.join([sys.executable, str(FAKE_CODEC)])
ENCODE = f"{FAKE} encode {{input}} {{output}} {{quality}}"
DECODE = f"{FAKE} decode {{input}} {{output}}"
COPY = f"{FAKE} copy {{input}} {{output}}"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a codec's YAML file, with the keys that are given instead of or beside a working one's."""

    def write(file: str = "fake.yaml", **keys: Any) -> Path:
        content = {"qualities": [20, 60, 95], "encode": ENCODE, "decode": DECODE, **keys}
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
        return path

    return write


@pytest.fixture
def make(write: Write) -> Callable[..., Codec]:
    return lambda **keys: get(str(write(**keys)))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder with an odd name, where all folders of programs lie."""
    folder = tmp_path / "odd $HOME; 'folder'"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in place of the project's folder of codecs."""
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    monkeypatch.setattr(registry, "FOLDER", folder)
    vars(registry.REGISTRY).pop("targets", None)
    yield folder
    vars(registry.REGISTRY).pop("targets", None)


def executable(path: Path, action: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {FAKE} {action} "$@"\n')
    path.chmod(0o755)
    return path


def looked(codec: Codec, quality: float = 20) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(codec.encode(photo(5, 7), quality))
    return seen


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


# Programs that fail.


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"encode": f"{FAKE} fail 7 'no such thing as {{input}} {{output}} {{quality}}'"},
         r"^python\S* ended with exit code 7: no such thing as input\.png output\.bin 20$"),
        ({"encode": [ENCODE, f"{FAKE} kill SIGKILL"]}, r"was killed by signal 9 \(SIGKILL\)$"),
        ({"encode": f"{FAKE} say '{{input}} {{output}} {{quality}}'"},
         r"ended well but wrote no file output\.bin: input\.png output\.bin 20$"),
        ({"encode": f"{FAKE} copy /dev/null {{output}} {{input}} {{quality}}"}, "exit code 1"),
        ({"encode": ["sh -c ': > {output}; : {input} {quality}'"]}, r"^sh ended well but wrote an empty"),
        ({"encode": ["ln -s {input} {output}", f"{FAKE} say {{quality}}"]}, "wrote no file"),
        ({"encode": ["mkdir {output}", f"{FAKE} say '{{input}} {{quality}}'"]}, "wrote no file"),
    ],
)  # fmt: skip
def test_a_failing_encoder_is_a_codec_error(
    make: Callable[..., Codec], scratch: Path, keys: dict[str, Any], reason: str
) -> None:
    with pytest.raises(CodecError, match=reason):
        make(**keys).encode(photo(5, 7), 20)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"decode": f"{FAKE} fail 7 '{{input}} {{output}}'"}, r"exit code 7: input\.bin output\.png$"),
        ({"decode": f"{FAKE} say '{{input}} {{output}}'"}, r"ended well but wrote no file output\.png"),
        ({"decode": COPY}, r"wrote no picture that can be read: output\.png cannot be read as an image"),
        ({"decode": COPY, "output": "rgb24"}, r"wrote 3 bytes instead of the 105 of a rgb24 .* 7x5 pixels$"),
    ],
)
def test_a_failing_decoder_is_a_codec_error(
    make: Callable[..., Codec], scratch: Path, keys: dict[str, Any], reason: str
) -> None:
    stream = bytes([7, 0, 5, 0]) if "output" in keys else b""
    with pytest.raises(CodecError, match=reason) as caught:
        make(**keys).decode(stream + b"abc")
    assert str(scratch) not in str(caught.value)


def test_more_than_8_bits_are_not_cut_off(make: Callable[..., Codec], tmp_path: Path) -> None:
    deep = b"P6 1 1 65535\n" + bytes(range(6))
    with pytest.raises(CodecError, match=r"more than 8 bits a sample"):
        make(decode=COPY, output="ppm").decode(deep)


@pytest.mark.parametrize("stream", [b"", b"abc"])
def test_a_bitstream_without_its_size_is_a_codec_error(make: Callable[..., Codec], stream: bytes) -> None:
    with pytest.raises(CodecError, match=f"of {len(stream)} bytes doesn't hold the picture's size"):
        make(decode=COPY, output="rgb24").decode(stream)


def test_a_picture_too_wide_for_its_size_is_a_codec_error(make: Callable[..., Codec]) -> None:
    with pytest.raises(CodecError, match="at most 65535 pixels, not 65536x1"):
        make(output="rgb24").encode(np.zeros((1, 65536, 3), np.uint8), 20)


def test_no_path_of_the_machine_is_in_an_error(make: Callable[..., Codec], scratch: Path) -> None:
    with pytest.raises(CodecError, match="ended with exit code 1: ") as caught:
        make(encode=ENCODE.replace("{input}", "nothing.{input}")).encode(photo(5, 7), 20)
    assert "No such file or directory: 'nothing.input.png'" in str(caught.value)
    assert "/" not in str(caught.value).replace("fake_codec.py", "").replace("Image.py", "")
    with pytest.raises(
        CodecError, match=r"^sh ended with exit code 2: \. and input\.png and x\.c of https://a/b$"
    ):
        say = (
            "sh -c 'echo $PWD and $PWD/{input} and /usr/local/x.c of https://a/b; exit 2' {output} {quality}"
        )
        make(encode=say).encode(photo(5, 7), 20)


def test_the_last_words_of_a_program_that_talks_much_are_told(tmp_path: Path) -> None:
    flood = [sys.executable, str(FAKE_CODEC), "flood", str(1 << 26)]
    ran = program.run(flood, tmp_path)
    assert len(ran.output) < 1 << 17 and ran.output.endswith("the end\n")
    with pytest.raises(CodecError, match="exit code 9") as caught:
        program.run(["sh", "-c", f"{shlex.join(flood)}; exit 9"], tmp_path)
    assert str(caught.value).endswith("x | the end") and len(str(caught.value)) < 2100


def test_seconds_and_memory_of_a_program_are_told(tmp_path: Path) -> None:
    script = "import time; b = b'x' * (300 << 20); time.sleep(0.2); print(len(b))"
    ran = program.run([sys.executable, "-c", script], tmp_path)
    assert ran.output.strip() == str(300 << 20)
    assert ran.seconds >= 0.2 and 300 << 20 < ran.memory < 3 << 30


def test_the_memory_of_programs_is_reported_to_who_measures(tmp_path: Path) -> None:
    program_memory.take_peak()  # of what other tests ran
    large = program.run([sys.executable, "-c", "b'x' * (300 << 20)"], tmp_path)
    small = program.run(["true"], tmp_path)
    assert program_memory.take_peak() == max(large.memory, small.memory) > 300 << 20
    assert program_memory.take_peak() == 0


def test_where_no_program_ran_none_was_reported() -> None:
    lines = "from bench.process.program_memory import *; print(take_peak()); report(5); print(take_peak())"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.stdout.split() == ["None", "5"]


def test_reporting_imports_neither_workers_nor_psutil() -> None:
    lines = (
        "import sys, bench.process.program_memory; print({'psutil', 'bench.process.worker'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_a_program_may_have_a_limit(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match=r"python\S* took over 0.5 s"):
        program.run([sys.executable, str(FAKE_CODEC), "wait"], tmp_path, limit_s=0.5)


def test_what_is_no_program_is_a_codec_error(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(CodecError, match=r"^text can't be started \(Exec format error\)"):
        program.run([str(tmp_path / "text")], tmp_path)


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


# The file.


def test_defaults_are_what_they_are_said_to_be(write: Write) -> None:
    codec = get_class(str(write("my-codec_2.yml")))()
    assert (codec.name, codec.summary) == ("my-codec_2", "")
    assert (codec.qualities, codec.quality_range, codec.whole_qualities) == ((20, 60, 95), (20, 95), True)
    halves = get_class(str(write(qualities=[3, 0.5], name="halves", summary="what it is")))()
    assert (halves.name, halves.summary) == ("halves", "what it is")
    assert (halves.qualities, halves.quality_range, halves.whole_qualities) == ((3, 0.5), (0.5, 3), False)
    assert halves.check_quality(1.25) == 1.25
    with pytest.raises(BenchError, match=r"halves takes .* from 0\.5 to 3, not 4"):
        halves.check_quality(4)


def test_defaults_are_overridden(write: Write) -> None:
    codec = get_class(str(write(quality_range=[0, 100], whole_qualities=False)))()
    assert codec.check_quality(0.5) == 0.5
    with pytest.raises(BenchError):
        codec.check_quality(101)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"qualitys": [1]}, "'qualitys' is no key of a codec (did you mean 'qualities'?); there are name"),
        ({"encode": None}, "it has no 'encode'"),
        ({"qualities": None}, "it has no 'qualities'"),
        ({"name": 3}, "'name' is text, not 3"),
        ({"name": "a/b"}, "'a/b' is no name of a codec"),
        ({"name": "x.yaml"}, "'x.yaml' is no name of a codec"),
        ({"name": "jpeg"}, "a second codec named 'jpeg'"),
        ({"summary": ""}, "'summary' is text"),
        ({"qualities": []}, "'qualities' holds nothing"),
        ({"qualities": [1, 1]}, "'qualities' holds a number twice"),
        ({"qualities": ["low"]}, "'qualities' holds numbers, not 'low'"),
        ({"qualities": [True]}, "'qualities' holds numbers, not True"),
        ({"qualities": [float("nan")]}, "'qualities' holds numbers, not nan"),
        ({"quality_range": [100, 0]}, "'quality_range' is the lowest and the highest"),
        ({"quality_range": 5}, "'quality_range' is the lowest and the highest"),
        ({"quality_range": [0, 90]}, "quality 95 lies outside of quality_range, 0 to 90"),
        ({"whole_qualities": "yes"}, "'whole_qualities' is true or false, not 'yes'"),
        ({"whole_qualities": True, "qualities": [0.5, 1]}, "not all of qualities are whole"),
        ({"input": "pngg"}, "'input' is a format of pictures, not 'pngg' (did you mean 'png'?); there"),
        ({"output": "yuv420p"}, "there are png, ppm, bmp, rgb24, gbrp"),
        ({"suffix": "../x"}, "'suffix' is the end of a file's name"),
        ({"encode": "enc 'a"}, "'encode' doesn't split into words"),
        ({"encode": []}, "'encode' holds no command"),
        ({"encode": [["enc", 5]]}, "'encode' is text, not 5"),
        ({"encode": ["enc", "-q", "{quality}", "{input}", "{output}"]}, "'-q' in 'encode' is no program"),
        ({"encode": ENCODE + " {qualty}"}, "'encode' can't have {qualty} (did you mean 'quality'?)"),
        ({"encode": ENCODE + " {pixel_format}"}, "'encode' can't have {pixel_format}"),
        ({"encode": COPY}, "'encode' has no {quality}"),
        ({"encode": "enc {input} {quality}"}, "'encode' has no {output}"),
        ({"encode": "enc {output} {quality}"}, "'encode' has no {input}"),
        ({"decode": "dec {input}"}, "'decode' has no {output}"),
        ({"decode": DECODE + " {quality}"}, "'decode' can't have {quality}"),
        ({"decode": DECODE + " {width}"}, "'decode' can't have {width}.*have {folder} {input} {output}"),
        ({"version": "enc {input}"}, "'version' can't have {input}"),
        ({"decode": "python fake.yaml {input} {output}"}, "'decode' names the file.* {folder}/fake.yaml"),
    ],
)  # fmt: skip
def test_what_a_file_has_wrong_is_told(write: Write, keys: dict[str, Any], reason: str) -> None:
    path = write(**keys)
    with pytest.raises(BenchError, match=re.escape(reason).replace(r"\.\*", ".*")) as caught:
        get(str(path))
    assert str(caught.value).startswith(f"{path}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it describes no codec"),
        (b"- encode", "it describes no codec"),
        (b"encode: enc\ndecode: a: b", "it is no YAML in line 2"),
        (b"encode: {quality} x", "it is no YAML in line 1"),
        (b"\xff\xfe\x00", "it is no text in UTF-8"),
        (b"a: \x01", "it is no YAML"),
    ],
)
def test_what_is_no_yaml_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(BenchError, match=rf"bad\.yaml: {reason}"):
        get(str(path))


def test_a_file_that_is_not_there_is_told(write: Write, tmp_path: Path) -> None:
    write("fakec.yaml")
    with pytest.raises(
        BenchError, match=r"fakc\.yaml: there is no such file \(did you mean 'fakec\.yaml'\?\)"
    ):
        get(str(tmp_path / "fakc.yaml"))
    with pytest.raises(BenchError, match=r"there is no such file; give a YAML file"):
        get(str(tmp_path / "nowhere/fake.yaml"))
    with pytest.raises(BenchError, match=r"it can't be read \(Is a directory\)"):
        (tmp_path / "folder.yaml").mkdir()
        get(str(tmp_path / "folder.yaml"))


# The registry.


def test_a_file_of_the_project_is_a_codec_by_its_name(project: Path, write: Write) -> None:
    write("project/mine.yaml", summary="mine", version=f"{FAKE} say 7")
    assert "mine" in names() and get("mine").name == "mine"
    (entry,) = (entry for entry in describe() if entry["name"] == "mine")
    assert entry["usable"] is True and str(entry["version"]).startswith("7, commands ")
    assert (entry["qualities"], entry["summary"], entry["note"]) == ((20, 60, 95), "mine", "")
    assert get(str(project / "mine.yaml")).version() == get("mine").version()
    with pytest.raises(BenchError, match="did you mean 'mine'"):
        get("mien")


def test_a_file_of_the_project_that_lacks_a_program_or_is_wrong_is_listed(
    project: Path, write: Write
) -> None:
    write("project/lacking.yaml", decode="not-there-at-all {input} {output}", install="build it")
    write("project/wrong.yaml", suffix=3)
    entries = {str(entry["name"]): entry for entry in describe()}
    assert entries["lacking"]["note"] == "it needs not-there-at-all on the PATH; build it"
    assert "wrong.yaml: 'suffix' is text, not 3" in str(entries["wrong"]["note"])
    assert not entries["lacking"]["usable"] and not entries["wrong"]["usable"] and entries["jpeg"]["usable"]


def test_two_codecs_of_one_name_are_an_error(project: Path, write: Write, tmp_path: Path) -> None:
    write("project/mine.yaml")
    with pytest.raises(BenchError, match=r"other\.yaml would be a second codec named 'mine'; set 'name'"):
        get(str(write("other.yaml", name="mine")))
    write("project/odd.yaml", name="other")
    vars(registry.REGISTRY).pop("targets")
    with pytest.raises(BenchError, match="names its codec 'other'; leave 'name' out"):
        get("odd")
    write("project/jpeg.yaml")
    vars(registry.REGISTRY).pop("targets")
    with pytest.raises(BenchError, match=r"two codecs are named 'jpeg', one of them .*jpeg\.yaml"):
        names()


def test_a_path_stands_for_the_same_codec_in_another_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("sub/fake.yaml")
    monkeypatch.chdir(tmp_path)
    assert registry.resolve("sub/fake.yaml") == str(tmp_path / "sub/fake.yaml")
    assert registry.resolve("jpeg") == "jpeg"


@pytest.mark.parametrize("name", ["cjpeg", "cwebp"])
def test_the_files_of_the_project_describe_codecs(name: str) -> None:
    codec = get_class(name)
    assert codec.name == name in names() and codec.summary and len(codec.qualities) >= 4
    if missing := codec.missing():
        assert re.fullmatch(rf"it needs .*{name} on the PATH.*; install .*", missing)
    else:
        decoded = codec().decode(codec().encode(photo(40, 30), codec.qualities[-1]))
        assert np.mean((decoded.astype(float) - photo(40, 30)) ** 2) < 60


def test_the_example_of_cool_chic_says_what_to_get() -> None:
    codec = get_class(str(EXAMPLES / "cool-chic.yaml"))
    assert codec.name == "cool-chic" and len(codec.qualities) == len(
        published.load("cool-chic", "kodak").points
    )
    assert re.search(r"it needs \./venv/bin/python.*copy it into a checkout", codec.missing() or "")


def test_bench_runs_a_file_by_its_relative_path(write: Write, tmp_path: Path) -> None:
    """And tells how much memory its programs took, a small one after a large one, too."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(photo(192, 192)).save(folder / "photo.png")
    path = write(
        "mine.yaml", name="renamed", encode=[f"{FAKE} use {{quality}}000000", ENCODE], qualities=[99, 300]
    )
    arguments = ("run", "--codec", path.name, "--dataset", "pictures", "--results", "results")
    done = subprocess.run(
        [*BENCH, *arguments], cwd=tmp_path, capture_output=True, text=True, env=without_data()
    )
    assert done.returncode == 0, done.stderr
    assert "renamed on pictures" in done.stdout and str(tmp_path) not in done.stdout
    contents = results_of(tmp_path / "results", "renamed")
    (setup,) = contents.setups.values()
    assert setup.details["commands"]["decode"] and "commands" in setup.codec_version
    memory = {row.quality: row.encode_memory or 0 for row in contents.rows.values()}
    assert 99e6 < memory[99] < 250e6 and 300e6 < memory[300] < 450e6


def test_numbers_as_people_write_them(make: Callable[..., Codec], write: Write) -> None:
    """YAML takes 1e-4 for text, as it lacks a point."""
    path = write(qualities=None)
    path.write_text(path.read_text() + "qualities: [1e-4, 2E+1, 50]\n")
    assert get(str(path)).qualities == (0.0001, 20.0, 50)


def test_a_picture_of_another_format_than_its_name_says_is_refused(make: Callable[..., Codec]) -> None:
    """A decoder that writes a JPEG into output.png has lost something, or was called wrongly."""
    script = "import sys, PIL.Image as i; i.open(sys.argv[1]).convert('RGB').save(sys.argv[2], 'JPEG')"
    decode = shlex.join([sys.executable, "-c", script]) + " {input} {output}"
    codec = make(qualities=[60], encode=COPY, decode=decode)
    with pytest.raises(CodecError, match=r"wrote no picture that can be read.*no PNG"):
        codec.decode(codec.encode(photo(32, 48), 60))
