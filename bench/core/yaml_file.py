"""YAML from outside: plain values only, in bounds of size, depth and digits.

Read with yaml.safe_load alone, 20,000 brackets end in a RecursionError, an integer of 5,000 digits in a
ValueError, and nine lists of nine times the one before in gigabytes as soon as an error prints them.
"""

from __future__ import annotations

import functools
import reprlib
from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 18
_MOST_LEVELS = 32
_MOST_VALUES = 20_000  # with what aliases stand for
_MOST_DIGITS = 40


class YamlError(Exception):
    """Why a text is no YAML that is taken, as a clause: "it is no YAML in line 3 (found a tab)"."""


def read(path: Path) -> Any:
    """The content of a YAML file: dicts, lists, text, numbers, true, false, None, dates and bytes.

    Raises:
        OSError: there is no such file, or it can't be read.
        YamlError: it is no text in UTF-8, no YAML, or beyond the bounds.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise YamlError(f"it has more than {MOST_BYTES >> 10} kB, which no such file needs")
    try:
        return parse(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise YamlError("it is no text in UTF-8; save it as that") from None


def parse(text: str) -> Any:
    """The value of a text in YAML.

    >>> parse("qualities: [1, 50]")
    {'qualities': [1, 50]}
    >>> parse("x: " + "[" * 20_000)
    Traceback (most recent call last):
        ...
    bench.core.yaml_file.YamlError: it is nested more than 32 levels deep in line 1

    Raises:
        YamlError: it is no YAML, or beyond the bounds.
    """
    import yaml

    try:
        loader = _loader()(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        what = shown_text(getattr(error, "problem", None) or "a character that YAML has not")
        raise YamlError(
            f"it is no YAML{line} ({what}); put quotes around text with : or # or {{ in it"
        ) from None


def shown(value: object) -> str:
    """A value as an error shows it, whatever its size.

    >>> shown("webp"), len(shown(["a" * 1000] * 1000)) < 200
    ("'webp'", True)
    """
    return shown_text(reprlib.repr(value), 160)


def shown_text(text: str, most: int = 120) -> str:
    """A text's beginning, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."


@functools.cache
def _loader() -> Any:
    """PyYAML's safe loader with the bounds of this module."""
    import yaml

    class Loader(yaml.SafeLoader):
        def __init__(self, text: str) -> None:
            super().__init__(text)
            self._level = 0  # of the node that is being composed
            self._sizes: dict[int, tuple[int, int]] = {}  # by node: levels and values, aliases unfolded

        def compose_node(self, parent: Any, index: Any) -> Any:
            line = self.peek_event().start_mark.line + 1
            is_alias = self.check_event(yaml.AliasEvent)
            self._level += 1
            if self._level > _MOST_LEVELS:
                raise YamlError(f"it is nested more than {_MOST_LEVELS} levels deep in line {line}")
            node = super().compose_node(parent, index)
            self._level -= 1
            if not is_alias:
                self._sizes[id(node)] = self._size_of(node, line)
            elif id(node) not in self._sizes:
                raise YamlError(f"an alias in line {line} stands for what the alias lies in; write it out")
            return node

        def _size_of(self, node: Any, line: int) -> tuple[int, int]:
            if isinstance(node, yaml.ScalarNode):
                return 1, 1
            parts = [part for item in node.value for part in (item if isinstance(item, tuple) else (item,))]
            sizes = [self._sizes[id(part)] for part in parts]
            levels = 1 + max((levels for levels, _ in sizes), default=0)
            values = 1 + sum(values for _, values in sizes)
            if levels > _MOST_LEVELS or values > _MOST_VALUES:
                raise YamlError(f"it holds too much in line {line}, aliases written out; make it shorter")
            return levels, values

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            line = node.start_mark.line + 1
            number = node.tag.endswith((":int", ":float"))
            if number and isinstance(node.value, str) and len(node.value) > _MOST_DIGITS:
                raise YamlError(f"a number in line {line} has more than {_MOST_DIGITS} digits; shorten it")
            try:
                return super().construct_object(node, deep)
            except (ValueError, KeyError, AttributeError, TypeError, ArithmeticError):
                raise YamlError(
                    f"it is no YAML in line {line} (not of the type it is said to have); leave !! out"
                ) from None

    return Loader
