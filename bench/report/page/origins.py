"""Where each curve comes from: whose figures they are, which version, which command makes them again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.compare.costs import machine, timed_on
from bench.compare.published import PREFIX as PUBLISHED
from bench.compare.sources import FILE, Source
from bench.results import Setup


def origin(name: str, source: Source, dataset: str) -> dict[str, Any]:
    """The origin of a curve, as plain types.

    Returns:
        `whose` (a sentence), `version`, `command` (that measures it again), `programs` (the codec's own
        command lines, by what they do), `facts` (pairs of a title and a text), `timed_on` (the machine that
        its times were taken on; None: no times to quote), `failures` (their number).
    """
    if name.startswith(PUBLISHED):
        return _published(name, dataset)
    if source.parts:
        names = ", ".join(part.curve.codec for part in source.parts)
        return _origin(f"The upper convex hull, by each metric its own, of {names}.", "", None)
    if source.contents is None:
        file = Path(name.removeprefix(FILE)).name
        return _origin(f"Figures of the file {file}; nothing else is known of them.", "", None)
    setups = source.setups
    whose = (
        "Measured by codec-bench; the results that its project commits."
        if source.committed
        else "Measured by codec-bench."
    )
    details = setups[-1].details if setups else {}
    return {
        **_origin(whose, source.contents.version or "", _command(name, dataset)),
        "programs": {str(side): str(line) for side, line in details.get("commands", {}).items()},
        "facts": list(_facts(setups)),
        "timed_on": timed_on(source),
        "failures": len(source.contents.failures),
    }


def bench_command(*words: object) -> str:
    """A command line of bench that can be pasted into a shell.

    >>> bench_command("run", "--codec", "jpeg", "--dataset", "my photos")
    "bench run --codec jpeg --dataset 'my photos'"
    """
    return shlex.join(["bench", *map(str, words)])


def _origin(whose: str, version: str, command: str | None) -> dict[str, Any]:
    return {
        "whose": whose,
        "version": version,
        "command": command,
        "programs": {},
        "facts": [],
        "timed_on": None,
        "failures": 0,
    }


def _published(name: str, dataset: str) -> dict[str, Any]:
    from bench.compare import published

    bare = name.removeprefix(PUBLISHED)
    (line,) = (line for line in published.describe() if line["name"] == bare and line["dataset"] == dataset)
    version = str(line["version"] or "")
    facts = [("Title", line["title"]), ("Source", line["source"]), ("Note", line["note"])]
    return {
        **_origin("Published by others, not measured by codec-bench.", version, None),
        "facts": [(title, str(text)) for title, text in facts if text],
    }


def _command(name: str, dataset: str) -> str:
    return bench_command("run", "--codec", name, "--dataset", dataset)


def _facts(setups: Sequence[Setup]) -> Iterable[tuple[str, str]]:
    """A line for each fact, with all its values where setups differ."""
    lines: dict[str, dict[str, None]] = {}
    for setup in setups:
        for title, text in (
            ("Measured on", setup.date),
            ("Machine", _machine_in_full(setup)),
            ("Model", _model(setup.details)),
            ("codec-bench", _bench(setup.bench)),
            ("Python", setup.python),
            ("Libraries", _versions(setup.libraries)),
            ("Metrics", _versions(setup.metrics)),
        ):
            if text:
                lines.setdefault(title, {})[text] = None
    return [(title, "; ".join(texts)) for title, texts in lines.items()]


def _machine_in_full(setup: Setup) -> str:
    facts = setup.machine
    cores = f"{facts['cores']} cores" if facts.get("cores") else ""
    jobs = f"{setup.run['jobs']} jobs at once" if setup.run.get("jobs", 1) != 1 else ""
    return ", ".join(part for part in (facts.get("system"), machine(setup), cores, jobs) if part)


def _model(details: Mapping[str, Any]) -> str:
    parts = []
    if parameters := details.get("model_parameters"):
        parts.append(f"{parameters:,} parameters")
    if size := details.get("model_bytes"):
        parts.append(f"{size:,} bytes")
    return ", ".join(parts)


def _bench(facts: Mapping[str, Any]) -> str:
    commit = facts.get("commit")
    state = ", with changes" if facts.get("changed") else ""
    return f"{facts.get('version', '')}" + (f" at {commit[:12]}{state}" if commit else "")


def _versions(versions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())
