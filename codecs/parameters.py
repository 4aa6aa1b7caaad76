"""Parameters of codecs, as written on the command line: `jpegxl:effort=9`, `avif:chroma=420,speed=4`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from bench.core.errors import BenchError

Value = str | int | float


@dataclass(frozen=True)
class Parameter:
    """One setting of a codec.

    >>> Parameter(7, "1 fastest to 10 best", between=(1, 10)).read("9")
    9

    Args:
        default: the value unless another is set. All values have its type: text, whole number or number.
        about: what the parameter does, for people.
        choices: all values that are allowed; empty: any.
        between: lowest and highest number.
        path: True: the value is the path of a file, which must exist.
        folder: True: that path may be a folder's, too.
        silent: True: at its default, versions don't name it: results from before it was there still count.
        setup: True: it says what computes, as a number of threads does, and not what comes out: neither names
            nor versions have it.
    """

    default: Value
    about: str
    choices: tuple[Value, ...] = ()
    between: tuple[float, float] | None = None
    path: bool = False
    folder: bool = False
    silent: bool = False
    setup: bool = False

    def read(self, text: str) -> Value:
        """The value that a text stands for.

        Raises:
            BenchError: the text is no value of this parameter; the error is the end of a sentence.
        """
        try:
            value = type(self.default)(text)
        except ValueError:
            raise BenchError(f"is a {'whole ' * isinstance(self.default, int)}number, not '{text}'") from None
        if self.choices and value not in self.choices:
            raise BenchError(f"is one of {', '.join(map(str, self.choices))}, not '{text}'")
        if self.between and not (
            isinstance(value, int | float) and self.between[0] <= value <= self.between[1]
        ):
            raise BenchError(f"lies between {self.between[0]:g} and {self.between[1]:g}; {text} doesn't")
        if self.path:
            value = str(Path(text).expanduser().absolute())
            if not (Path(value).is_file() or (self.folder and Path(value).is_dir())):
                kind = "a file or a folder" if self.folder else "a file"
                raise BenchError(f"is {kind}, and there is none at {text}")
        return value


def split(spec: str) -> tuple[str, dict[str, str]]:
    """Split a codec's name from its parameters, which stay text; `spelled` is the inverse.

    >>> split("avif:chroma=420,speed=4")
    ('avif', {'chroma': '420', 'speed': '4'})

    Raises:
        BenchError: the text behind the colon isn't NAME=VALUE, with commas between.
    """
    name, colon, rest = spec.partition(":")
    given: dict[str, str] = {}
    for part in rest.split(",") if colon else ():
        key, equals, value = part.partition("=")
        if not (key.strip() and equals and value.strip()):
            raise BenchError(f"'{spec}' is no codec; write parameters as {name}:name=value,other=value")
        if key.strip() in given:
            raise BenchError(f"'{spec}' has the parameter {key.strip()} twice; give it once")
        given[key.strip()] = value.strip()
    return name, given


def spelled(name: str, given: Mapping[str, str]) -> str:
    """Join a codec's name and its parameters.

    >>> spelled("avif", {"chroma": "420", "speed": "4"})
    'avif:chroma=420,speed=4'
    """
    return f"{name}:{','.join(f'{key}={value}' for key, value in given.items())}" if given else name


def read(codec: str, known: Mapping[str, Parameter], given: Mapping[str, str]) -> dict[str, Value]:
    """Read parameters that were given as text.

    Args:
        codec: name of the codec, for errors.
        known: the codec's parameters.
        given: texts by name.

    Raises:
        BenchError: the codec has no such parameter, or the parameter can't have that value.
    """
    values = {}
    for name, text in given.items():
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            there = f"there are {', '.join(known)}" if known else "it has none"
            raise BenchError(f"{codec} has no parameter '{name}'; {hint}{there}")
        try:
            values[name] = known[name].read(text)
        except BenchError as error:
            raise BenchError(f"{codec}'s {name} {error}") from None
    return values


def named_with(codec: str, known: Mapping[str, Parameter], values: Mapping[str, Value]) -> str:
    """The name of a codec in results: with the parameters that aren't at their defaults, sorted.

    >>> known = {"speed": Parameter(6, ""), "chroma": Parameter(444, "")}
    >>> named_with("avif", known, {"speed": 4, "chroma": 420})
    'avif:chroma=420,speed=4'

    Of a path, the name has the file's name only. Of what says how to compute, it has nothing.
    """
    changed = {
        name: value
        for name, value in sorted(values.items())
        if value != known[name].default and not known[name].setup
    }
    parts = (
        f"{name}={Path(str(value)).name if known[name].path else value}" for name, value in changed.items()
    )
    return f"{codec}:{','.join(parts)}" if changed else codec
