"""A YAML file that describes a codec by its command lines, read and checked.

    name: cwebp                 # default: the file's name summary: WebP by libwebp's own programs,
    4:2:0 qualities: [1, 10, 50, 95]  # that a curve is drawn from, lowest rate first quality_range:
    [0, 100]     # default: smallest and largest of qualities whole_qualities: true       # default:
    whether all of qualities are whole version: cwebp -version     # its first line is the version;
    default: SHA-256 of the programs encode: cwebp -q {quality} {input} -o {output} decode: dwebp
    {input} -ppm -o {output} input: png                  # picture for `encode`: png (default), ppm
    (the quickest), bmp, rgb24 or gbrp output: ppm                 # picture that `decode` writes,
    likewise suffix: webp                # of the bitstream's file, for programs that go by it;
    default: bin install: apt install webp   # what to do where a program isn't found

A command is a string, split into words as a shell would, or a list of words; `encode` and `decode`
may be lists of commands, run one after the other. No shell is involved. Commands run in a fresh
folder, and the decoder's holds nothing but the bitstream.

Placeholders: {input} and {output} are names of files there; {quality}; {width} and {height} in
pixels; {pixel_format} is the raw format; {threads} is how many to use; {folder} is the one of the
YAML file, for what lies beside it. A program is looked for on the PATH, or beside the YAML file if
it begins with ./

rgb24 (interleaved) and gbrp (planes of green, blue, red) are raw: 8 bits a sample, no header. A
decoder that writes raw pixels needs the size, so 4 bytes with the size go before the bitstream, and
count; only then may `decode` have {width} and {height}. Pictures are RGB: a codec that has another
colour space converts in its own programs.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bench.core import yaml_file
from bench.core.errors import BenchError
from bench.core.yaml_file import YamlError, shown, shown_text

SUFFIXES = (".yaml", ".yml")
RAW = ("rgb24", "gbrp")
PICTURES = ("png", "ppm", "bmp")

Command = tuple[str, ...]  # words, with placeholders

_LONGEST = 500  # characters of an error
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class CommandFile:
    """The content of such a file, with defaults filled in; `folder` is absolute."""

    folder: Path
    name: str
    summary: str
    qualities: tuple[float, ...]
    quality_range: tuple[float, float]
    whole_qualities: bool
    version: Command | None
    encode: tuple[Command, ...]
    decode: tuple[Command, ...]
    input: str
    output: str
    suffix: str
    install: str


def read(path: Path) -> CommandFile:
    """Read such a file.

    Raises:
        BenchError: there is no such file, or its content makes no sense.
    """
    try:
        return _checked(path.absolute(), _content(path))
    except _Wrong as error:
        raise BenchError(f"{path}: {shown_text(str(error), _LONGEST)}") from None


def filled(command: Command, values: dict[str, str]) -> Command:
    """Put values in place of a command's placeholders; placeholders without a value stay.

    >>> filled(("cwebp", "-q", "{quality}", "{input}"), {"quality": "50"})
    ('cwebp', '-q', '50', '{input}')
    """
    return tuple(_PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word) for word in command)


class _Wrong(Exception):
    """What is wrong with a file, and what to do about it."""


def _content(path: Path) -> dict[str, Any]:
    try:
        content = yaml_file.read(path)
    except FileNotFoundError:
        near = sorted(file.name for suffix in SUFFIXES for file in path.parent.glob(f"*{suffix}"))
        hint = _meant(path.name, near)
        raise _Wrong(f"there is no such file{hint}; give a YAML file that describes a codec") from None
    except OSError as error:
        raise _Wrong(f"it can't be read ({error.strerror})") from None
    except YamlError as error:
        raise _Wrong(str(error)) from None
    if not isinstance(content, dict):
        raise _Wrong("it describes no codec; write a key a line, such as encode: COMMAND")
    return content


def _checked(path: Path, content: dict[str, Any]) -> CommandFile:
    for key in content:
        if key not in _KEYS:
            raise _Wrong(
                f"{shown(key)} is no key of a codec{_meant(str(key), _KEYS)}; there are {', '.join(_KEYS)}"
            )
    for key in ("qualities", "encode", "decode"):
        if key not in content:
            raise _Wrong(f"it has no '{key}'; a codec needs qualities, encode and decode")
    values = {key: check(key, content[key]) for key, check in _KEYS.items() if key in content}
    name = values.get("name", path.stem)
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name, re.ASCII) or name.endswith(SUFFIXES):
        raise _Wrong(f"{shown(name)} is no name of a codec; set name: to letters, digits and - _ . + only")
    qualities: tuple[float, ...] = values["qualities"]
    whole = all(quality == int(quality) for quality in qualities)
    low, high = values.get("quality_range", (min(qualities), max(qualities)))
    for quality in qualities:
        if not low <= quality <= high:
            raise _Wrong(f"quality {quality:g} lies outside of quality_range, {low:g} to {high:g}")
    if values.get("whole_qualities", whole) and not whole:
        raise _Wrong("whole_qualities is true, but not all of qualities are whole")
    made = CommandFile(
        folder=path.parent,
        name=name,
        summary=values.get("summary", ""),
        qualities=qualities,
        quality_range=(low, high),
        whole_qualities=values.get("whole_qualities", whole),
        version=values.get("version"),
        encode=values["encode"],
        decode=values["decode"],
        input=values.get("input", "png"),
        output=values.get("output", "png"),
        suffix=values.get("suffix", "bin"),
        install=values.get("install", ""),
    )
    _check_commands(made)
    return made


def _check_commands(made: CommandFile) -> None:
    anywhere = {"threads", "folder"}
    size = {"width", "height"}
    encode = {"input", "output", "quality"} | size | anywhere
    decode = {"input", "output"} | anywhere
    _check_words("encode", made, made.encode, encode | ({"pixel_format"} if made.input in RAW else set()))
    raw = size | {"pixel_format"} if made.output in RAW else set()
    _check_words("decode", made, made.decode, decode | raw)
    if made.version:
        _check_words("version", made, (made.version,), {"folder"})
    if len(set(made.qualities)) > 1 and "quality" not in _placeholders(made.encode):
        raise _Wrong(
            "'encode' has no {quality}, so all qualities would give the same; put it in, or list one"
        )


def _check_words(key: str, made: CommandFile, commands: tuple[Command, ...], known: Collection[str]) -> None:
    used = _placeholders(commands)
    for name in sorted(used - set(known)):
        allowed = " ".join(f"{{{placeholder}}}" for placeholder in sorted(known))
        raise _Wrong(f"'{key}' can't have {{{name}}}{_meant(name, known)}; it can have {allowed}")
    for name in ("input", "output"):
        if name in known and name not in used:
            raise _Wrong(f"'{key}' has no {{{name}}}; put it where the program takes the name of that file")
    for program, *words in commands:
        if program.startswith("-") or _placeholders(((program,),)) - {"folder"}:
            raise _Wrong(
                f"'{program}' in '{key}' is no program; a list holds commands, "
                "so write one as a string, or as a list in the list"
            )
        for word in words:
            beside = re.search(r"[./]", word) and not word.startswith("/") and "{" not in word
            if beside and (made.folder / word).is_file():
                raise _Wrong(
                    f"'{key}' names the file {word}, but runs in a folder of its own; "
                    f"write {{folder}}/{word.removeprefix('./')}"
                )


def _placeholders(commands: Collection[Command]) -> set[str]:
    return {name for command in commands for word in command for name in _PLACEHOLDER.findall(word)}


def _meant(name: str, names: Collection[str]) -> str:
    close = get_close_matches(name[:40], list(names), n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""


# What each key holds: a check that gives the value, or raises what is wrong with it.


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f"'{key}' is text, not {shown(value)}; put quotes around it")
    return value.strip()


def _suffix(key: str, value: object) -> str:
    text = _text(key, value).removeprefix(".")
    if not re.fullmatch(r"[A-Za-z0-9_]+", text):
        raise _Wrong(f"'{key}' is the end of a file's name such as jp2, not {shown(text)}")
    return text


def _picture(key: str, value: object) -> str:
    known = (*PICTURES, *RAW)
    if value not in known:
        raise _Wrong(
            f"'{key}' is a format of pictures, not {shown(value)}{_meant(shown(value), known)}; "
            f"there are {', '.join(known)}"
        )
    return str(value)


def _yes_or_no(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"'{key}' is true or false, not {shown(value)}")
    return value


def _numbers(key: str, value: object) -> tuple[float, ...]:
    numbers = [_as_number(number) for number in (value if isinstance(value, list) else [value])]
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise _Wrong(f"'{key}' holds numbers, not {shown(number)}; write {key}: [10, 50, 90]")
    if not numbers or len(set(numbers)) < len(numbers):
        raise _Wrong(f"'{key}' holds {'a number twice' if numbers else 'nothing'}; write {key}: [10, 50, 90]")
    return tuple(numbers)


def _as_number(value: Any) -> Any:
    """A number that YAML takes for text, such as 1e-4 (YAML wants 1.0e-4); other values as they are."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]+", value):
        return float(value)
    return value


def _range(key: str, value: object) -> tuple[float, float]:
    numbers = _numbers(key, value)
    if len(numbers) != 2 or numbers[0] > numbers[1]:
        raise _Wrong(f"'{key}' is the lowest and the highest, such as [0, 100], not {shown(value)}")
    return numbers[0], numbers[1]


def _command(key: str, value: object) -> Command:
    if isinstance(value, list):
        words = [_text(key, word) for word in value]
    else:
        try:
            words = shlex.split(_text(key, value))
        except ValueError as error:
            raise _Wrong(f"'{key}' doesn't split into words ({error}); close the quotes in it") from None
    if not words:
        raise _Wrong(f"'{key}' holds an empty command; write a program and its arguments")
    return tuple(words)


def _commands(key: str, value: object) -> tuple[Command, ...]:
    commands = value if isinstance(value, list) else [value]
    if not commands:
        raise _Wrong(f"'{key}' holds no command; write a program and its arguments")
    return tuple(_command(key, command) for command in commands)


_KEYS: dict[str, Callable[[str, object], Any]] = {
    "name": _text,
    "summary": _text,
    "qualities": _numbers,
    "quality_range": _range,
    "whole_qualities": _yes_or_no,
    "version": _command,
    "encode": _commands,
    "decode": _commands,
    "input": _picture,
    "output": _picture,
    "suffix": _suffix,
    "install": _text,
}
