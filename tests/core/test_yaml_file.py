"""YAML that was made to take memory, time or a traceback: one sentence, whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.codecs import get, locate
from bench.core import yaml_file
from bench.core.errors import BenchError
from bench.core.yaml_file import YamlError
from bench.datasets import catalogue

NINE = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
MALICIOUS = {
    "aliases of aliases": ("a0: &a0 [x]\n" + NINE, "aliases written out"),
    "an alias for itself": ("a: &a [*a]", "stands for what the alias lies in"),
    "a key for itself": ("&a {x: *a}", "stands for what the alias lies in"),
    "aliases in a chain": (
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 2000)),
        "aliases written out",
    ),
    "20,000 brackets": ("encode: " + "[" * 20_000, "nested more than 32 levels"),
    "20,000 braces": ("{a: " * 20_000, "nested more than 32 levels"),
    "20,000 dashes": ("- " * 20_000, "nested more than 32 levels"),
    "5,000 digits": ("qualities: " + "9" * 5000, "more than 40 digits"),
    "5,000 hexadecimal digits": ("qualities: 0x" + "f" * 5000, "more than 40 digits"),
    "5,000 digits by sixties": ("qualities: 1" + ":59" * 5000, "more than 40 digits"),
    "a fraction by sixties": ("qualities: 1" + ":59" * 5000 + ".5", "more than 40 digits"),
    "an object": ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "another's tag": ("!mine x", "could not determine a constructor"),
    "no integer": ("!!int x", "not of the type"),
    "no float": ("!!float x", "not of the type"),
    "no truth": ("!!bool x", "not of the type"),
    "no time": ("!!timestamp x", "not of the type"),
    "no date": ("a: 2001-99-99", "not of the type"),
    "no bytes": ("!!binary '\u00e4'", "failed to convert"),
    "a list for an integer": ("!!int [1]", "expected a scalar"),
    "a list for a key": ("? [a]\n: b", "unhashable"),
    "two documents": ("a: 1\n---\nb: 2", "another document"),
    "a control character": ("a: \x01", "a character that YAML has not"),
    "a name without end": ("a: *" + "b" * 200_000, "undefined alias"),
    "a megabyte": ("a" * (1 << 20), "more than 256 kB"),
}


@pytest.mark.parametrize(("text", "reason"), MALICIOUS.values(), ids=MALICIOUS)
def test_one_sentence_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(YamlError, match=reason) as caught:
        yaml_file.read(path)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


def a_codec(path: Path) -> None:
    get(str(path))


def settings(path: Path) -> None:
    locate.locate(locate.Suite("vtm", ("EncoderApp",), ("DecoderApp",), "get it"))


@pytest.mark.parametrize("read", [a_codec, settings])
@pytest.mark.parametrize(
    "text", ["a: " + "[" * 20_000, "a: " + "9" * 5000, "a: !!int x", "a0: &a0 [x]\n" + NINE]
)
def test_codecs_and_settings_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], None], text: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    monkeypatch.setenv("BENCH_CONFIG", str(path))
    with pytest.raises(BenchError, match=r"bad\.yaml: ") as caught:
        read(path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "qualities: [1]\nencode: e {input} {output}\ndecode: " + "x" * 100_000,
        "qualities: [1]\nencode: " + "['" + "x" * 100_000 + "']\ndecode: d {input} {output}",
        "? " + "x" * 1000 + "\n: 1",
        "qualities: &a [1, 2]\nencode: [*a, *a, *a]\ndecode: 1",
        "name: " + "[[[[[[[1]]]]]]]\nqualities: 1\nencode: 1\ndecode: 1",
        "qualities: [" + "[1, 2, 3], " * 3000 + "]\nencode: e\ndecode: d",
    ],
)
def test_an_error_is_short_whatever_it_tells_of(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(BenchError, match=r"bad\.yaml: ") as caught:
        get(str(tmp_path / "bad.yaml"))
    assert len(str(caught.value)) < len(str(tmp_path)) + 600


def test_honest_files_are_read_as_ever() -> None:
    text = "base: &base {a: 1, b: [x, 2.5, true, null]}\nmore: {<<: *base, c: 0x10}\nwhen: 2024-01-31"
    content = yaml_file.parse(text)
    assert content["more"] == {"a": 1, "b": ["x", 2.5, True, None], "c": 16}
    assert len(catalogue.known()) > 3
