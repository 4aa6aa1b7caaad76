"""Tables for papers: LaTeX with booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

HEADER = "% \\usepackage{booktabs}\n% \\usepackage[T1]{fontenc}\n\n"

_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "[": "{[}",  # after a line's end, a bracket would be taken for its option
} | {character: "\\" + character for character in "&%$#_{}"}  # fmt: skip
_MINUS = re.compile(r"(?<![\w-])-(?=\d)")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str] = ()) -> str:
    """A floating table.

    Args:
        title: its caption.
        columns: names; those in `left` are set flush left, the others, of numbers, flush right.
        rows: plain text, escaped here; a minus before a digit is set as one.
    """
    shape = "".join("l" if column in left else "r" for column in columns)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(title)}}}",
            rf"\begin{{tabular}}{{{shape}}}",
            r"\toprule",
            _line(columns),
            r"\midrule",
            *map(_line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def escape(text: str) -> str:
    """Text that LaTeX sets as it is written, on one line."""
    escaped = "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))
    return _MINUS.sub("$-$", escaped)


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(escape, cells)) + r" \\"
