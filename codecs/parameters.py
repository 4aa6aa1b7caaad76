"""Parameters of codecs, as given on the command line: `jpegxl:effort=9,chroma=420`."""

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

    Args:
        default: its type (text, whole number, number) is that of all values.
        about: what it does, for people.
        choices: all that it may be; empty: anything.
        between: lowest and highest, of a number.
        path: whether it is that of a file, which must be there.
        folder: whether that may be a folder, too.
    """

    default: Value
    about: str
    choices: tuple[Value, ...] = ()
    between: tuple[float, float] | None = None
    path: bool = False
    folder: bool = False

    def read(self, text: str) -> Value:
        """The value of a text; raises BenchError, as the end of a sentence, if it is none."""
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
    """The name of a codec and its parameters as text: "jpegxl:effort=9" is jpegxl with effort 9.

    Raises:
        BenchError: what stands behind the colon isn't NAME=VALUE, with commas between.
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
    """The other way round."""
    return f"{name}:{','.join(f'{key}={value}' for key, value in given.items())}" if given else name


def read(codec: str, known: Mapping[str, Parameter], given: Mapping[str, str]) -> dict[str, Value]:
    """The values of parameters of a codec that were given as text.

    Raises:
        BenchError: a parameter that the codec hasn't, or a value that it can't have.
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


def told(codec: str, known: Mapping[str, Parameter], values: Mapping[str, Value]) -> str:
    """The name that results go by: with those parameters that aren't at their default, in one order.

    Of a path only the file's name is told.
    """
    changed = {name: value for name, value in sorted(values.items()) if value != known[name].default}
    parts = (
        f"{name}={Path(str(value)).name if known[name].path else value}" for name, value in changed.items()
    )
    return f"{codec}:{','.join(parts)}" if changed else codec
