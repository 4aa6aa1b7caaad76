"""The command line as a user meets it: real processes, what they print, their exit codes and results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.results import Contents, Store

BENCH = (sys.executable, "-m", "bench.cli")


def bench(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `bench` to its end, without the datasets of this machine."""
    command = [*BENCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=without_data() | environment)


def without_data() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "BENCH_DATA"}


def results_of(folder: Path, codec: str) -> Contents:
    """What lies under a folder of results about a codec, on the one dataset that it has results on."""
    store = Store(folder)
    (dataset,) = store.datasets(codec)
    return store.load(dataset, codec)


def assert_one_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """One line on stderr, nothing on stdout, exit code 2."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("bench: "), done.stderr
    for part in parts:
        assert part in done.stderr
