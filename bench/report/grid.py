"""Tables before they are printed: a title, columns, and cells as text; for screens, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.errors import BenchError
from bench.core.whole_file import write_whole

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Grid:
    """A table as text, whatever it is then written as."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[str]]
    # columns of words; the others are of numbers
    left: tuple[str, ...] = ("codec", "metric", "decodes elsewhere", "device", "note")


def screen(grid: Grid) -> Table:
    """A grid as a table of rich."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(grid.title), title_justify="left")
    for column in grid.columns:
        justify: Any = "left" if column in grid.left else "right"
        table.add_column(Text(column), justify=justify, overflow="fold")
    for row in grid.rows:
        table.add_row(*map(Text, row))  # as Text, brackets in a name or a reason aren't taken for markup
    return table


def markdown_table(grid: Grid) -> list[str]:
    """The lines of a grid in Markdown."""
    marks = ["---" if column in grid.left else "---:" for column in grid.columns]
    rows = [[one_line(cell).replace("|", r"\|") for cell in row] for row in [list(grid.columns), *grid.rows]]
    return ["| " + " | ".join(cells) + " |" for cells in (rows[0], marks, *rows[1:])]


def write_csv(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write records as a table with a column for each key that any of them has."""
    names = dict.fromkeys(name for record in records for name in record)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    write_whole(path, text.getvalue())


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make the folder, and turn an error in writing to it into a BenchError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise BenchError(
            f"can't write to {folder} ({error.strerror}): make room or give another --results"
        ) from error


def number(value: float | None, form: str) -> str:
    """A cell of a number, empty where there is none.

    >>> number(3.14159, ".2f"), number(None, ".2f")
    ('3.14', '')
    """
    return "" if value is None else format(value, form)


def span(ends: tuple[float, float] | None, form: str) -> str:
    """A cell of two ends, empty where there are none.

    >>> span((-1.5, 2.0), "+.1f")
    '-1.5 to +2.0'
    """
    return "" if ends is None else f"{ends[0]:{form}} to {ends[1]:{form}}"


def one_line(text: str) -> str:
    """Text without ends of lines, as a cell of Markdown must be."""
    return " ".join(text.split())
