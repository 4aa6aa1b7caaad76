"""The YAML files of codecs made of command lines, and the registry."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_files import COPY, DECODE, ENCODE, FAKE, Write
from PIL import Image
from places import EXAMPLES
from shell import BENCH, results_of, without_data
from tiny import photo

from bench.codecs import Codec, CodecError, describe, get, get_class, names, registry
from bench.compare import published
from bench.core.errors import BenchError

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
