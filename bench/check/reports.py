"""A report for people and machines: lines for the screen, JUnit XML, and annotations for GitHub Actions."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from bench.check.verdicts import CodecReport, Moved, Report, State
from bench.core.errors import BenchError
from bench.core.whole_file import write_whole

if TYPE_CHECKING:
    from rich.text import Text

MOST_MOVED = 10  # cells that are listed

_STYLES = {
    State.passed: "green",
    State.improved: "cyan",
    State.regressed: "bold red",
    State.unjudged: "yellow",
}
_COMMANDS = {
    State.passed: "notice", State.improved: "notice", State.regressed: "error", State.unjudged: "warning",
}  # fmt: skip
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def screen(report: Report) -> list[Text]:
    """Lines for a console of rich; `str` of a line is its plain text."""
    from rich.text import Text

    lines = []
    for codec in report.codecs:
        lines.append(Text(f"{codec.codec} on {report.dataset}, {_versions(codec)}", style="bold"))
        for verdict in codec.verdicts:
            state = Text(f"  {verdict.state:<10}", style=_STYLES[verdict.state])
            lines.append(state + Text(f"{verdict.rule}: {verdict.message}", style="default"))
        lines += [Text(f"  {line}") for line in _details(codec)]
    return lines


def write_junit(report: Report, path: Path) -> None:
    """JUnit XML: a suite per codec, a case per rule; regressions are failures, what can't be judged errors.

    Raises:
        BenchError: the file can't be written.
    """
    root = ElementTree.Element("testsuites", {"name": "bench check"})
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for codec in report.codecs:
        states = [verdict.state for verdict in codec.verdicts]
        counts = {
            "tests": len(states),
            "failures": states.count(State.regressed),
            "errors": states.count(State.unjudged),
        }
        suite = ElementTree.SubElement(
            root, "testsuite", {"name": _xml(codec.codec)} | {name: str(n) for name, n in counts.items()}
        )
        for verdict in codec.verdicts:
            case = ElementTree.SubElement(
                suite,
                "testcase",
                {"classname": _xml(f"{report.dataset}.{codec.codec}"), "name": _xml(verdict.rule)},
            )
            element = {State.regressed: "failure", State.unjudged: "error"}.get(verdict.state)
            if element:
                trouble = ElementTree.SubElement(
                    case, element, {"type": str(verdict.state), "message": _xml(verdict.message)}
                )
                trouble.text = _xml("\n".join([verdict.message, *_details(codec)]))
            else:
                ElementTree.SubElement(case, "system-out").text = _xml(f"{verdict.state}: {verdict.message}")
        totals = {name: totals[name] + n for name, n in counts.items()}
    root.attrib.update({name: str(n) for name, n in totals.items()})
    ElementTree.indent(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
    except OSError as error:
        raise BenchError(f"can't write the report {path} ({error.strerror}); give another file") from error


def github_annotations(report: Report) -> list[str]:
    """Workflow commands of GitHub Actions, to print on stdout: an error, warning or notice per rule."""
    lines = []
    for codec in report.codecs:
        details = _details(codec)  # once a codec are enough
        for verdict in codec.verdicts:
            if verdict.rule == "cells" and verdict.state is State.passed:
                continue
            title = _escaped(f"{codec.codec} on {report.dataset}: {verdict.rule}", also=":,")
            text = verdict.message
            if verdict.state is State.regressed:
                text, details = "\n".join([text, *details]), []
            lines.append(f"::{_COMMANDS[verdict.state]} title={title}::{_escaped(text)}")
    return lines


def _versions(codec: CodecReport) -> str:
    if codec.version == codec.baseline_version:
        return f"version {codec.version or 'none'}"
    return f"version {codec.version or 'none'}, baseline {codec.baseline_version or 'none'}"


def _details(codec: CodecReport) -> list[str]:
    lines = []
    if codec.moved:
        cells = "1 cell" if len(codec.moved) == 1 else f"{len(codec.moved)} cells"
        lines.append(f"{cells} moved, the worst first:")
        lines += [f"  {_moved(cell)}" for cell in codec.moved[:MOST_MOVED]]
        if len(codec.moved) > MOST_MOVED:
            lines.append(f"  and {len(codec.moved) - MOST_MOVED} more")
    return lines + [f"note: {note}" for note in codec.notes]


def _moved(cell: Moved) -> str:
    changes = [f"bytes {cell.bytes:+.2f} %"]
    for name, change in cell.metrics.items():
        words = {-math.inf: "lossless no more", math.inf: "lossless now"}.get(change, f"{change:+.4f}")
        changes.append(f"{name} {words}")
    return f"{cell.image} at quality {cell.quality:g}: {', '.join(changes)}"


def _xml(text: str) -> str:
    """Without the characters that XML has no way to write."""
    return _NOT_IN_XML.sub("?", text)


def _escaped(text: str, also: str = "") -> str:
    """As GitHub's toolkit escapes values, and with `also` properties of commands."""
    for character in "%\r\n" + also:  # % first
        text = text.replace(character, f"%{ord(character):02X}")
    return text
