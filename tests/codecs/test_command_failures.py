"""Programs of a codec that fail, and what is reported of those that don't."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_files import COPY, ENCODE, FAKE, FAKE_CODEC
from tiny import photo

from bench.codecs import Codec, CodecError, program
from bench.process import program_memory


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
