"""Damages bitstreams, results, YAML, weights, archives and pictures, and says what doesn't end as it should.

    python experiments/fuzz.py --tries 10000 --seed 1 jpeg ainn results

A damaged input is to be taken, or refused with one sentence. All else is a finding: a traceback, a crash,
over a minute, over a gigabyte of memory. Each target runs in a process of its own, which is started again
after a crash. Inputs of findings are kept in a folder. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import psutil
from fuzz_damages import Target, damaged
from fuzz_targets import mending, names, target

from bench.core.archive import ArchiveError
from bench.core.errors import BenchError
from bench.core.yaml_file import YamlError

SECONDS = 60  # of CPU after which an input counts as one that never ends
LONGEST = 1800  # seconds after which any input does
MEMORY = 1 << 30  # bytes beyond what the process had, after which an input counts as one that takes too much
MOST_MEMORY = 8 << 30  # address space of a process, so that the machine lives on
_BATCH = 32  # inputs that are sent at once; what comes back of them has to fit into a pipe
SENTENCE = 600  # characters of an error at most


class Finding(NamedTuple):
    kind: str
    text: str
    content: bytes


class _End(NamedTuple):
    """How feeding an input ended."""

    kind: str
    text: str
    memory: int  # bytes beyond what the process had
    seconds: float


class Report(NamedTuple):
    """What came of a target's inputs."""

    name: str
    ends: Counter[str]  # taken, refused, and the kinds of findings
    findings: list[Finding]
    slowest: float  # seconds
    memory: int  # bytes beyond what the process had, at most


def fuzz(name: str, tries: int, seed: int, weights: str = "") -> Report:
    """Feed a target with damaged inputs."""
    ends: Counter[str] = Counter()
    findings: list[Finding] = []
    slowest, memory = 0.0, 0
    with _Child(name, weights) as child:
        target = Target(child.inputs, bytes, *mending(name))
        contents = (damaged(target, random.Random(f"{seed} {name} {number}")) for number in range(tries))
        while batch := list(islice(contents, _BATCH)):
            for content, end in zip(batch, child.feed(batch), strict=True):
                slowest, memory = max(slowest, end.seconds), max(memory, end.memory)
                ends[end.kind] += 1
                if end.kind not in ("taken", "refused"):
                    findings.append(Finding(end.kind, end.text, content))
    return Report(name, ends, findings, slowest, memory)


class _Child:
    """A process that feeds a target, and is started again when it ends."""

    def __init__(self, name: str, weights: str) -> None:
        self._arguments = (name, weights)
        self._start()

    def feed(self, contents: list[bytes]) -> Iterator[_End]:
        """How each ended."""
        left = list(contents)
        while left:
            try:
                for content in left:
                    self._pipe.send_bytes(content)
                for _ in range(len(left)):
                    if not self._answers():
                        yield _End("hang", f"over {SECONDS} s of CPU", 0, SECONDS)
                        self._stop()
                        raise EOFError
                    end = self._pipe.recv()
                    yield end
                    left.pop(0)
            except (EOFError, OSError):
                self._process.join()
                if self._process.exitcode != -9:
                    yield _End("crash", f"exit code {self._process.exitcode}", 0, 0)
                left.pop(0)
                self._start()

    def _answers(self) -> bool:
        """Whether there is an answer within the time, which is the CPU's: the machine may have other work."""
        process = psutil.Process(self._process.pid)
        began, before = time.monotonic(), sum(process.cpu_times()[:4])
        while not self._pipe.poll(1):
            with contextlib.suppress(psutil.Error):
                if sum(process.cpu_times()[:4]) - before > SECONDS or time.monotonic() - began > LONGEST:
                    return False
        return True

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, *self._arguments))
        self._process.start()
        theirs.close()
        self.inputs: list[bytes] = self._pipe.recv()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Connection, name: str, weights: str) -> None:
    """Feed what comes through the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries say much of damaged files
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    made = target(name, weights)
    pipe.send(made.inputs)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    while True:
        content = pipe.recv_bytes()
        began = time.monotonic()
        with _Memory() as memory:
            kind, text = end_of(made, content)
        if memory.used > MEMORY:
            kind, text = "memory", f"{memory.used >> 20} MiB; then {kind}: {text}"
        pipe.send(_End(kind, text[:SENTENCE], memory.used, time.monotonic() - began))


def end_of(made: Target, content: bytes) -> tuple[str, str]:
    try:
        made.feed(content)
    except (BenchError, ArchiveError, YamlError) as error:
        text = str(error)
        fine = len(text) <= SENTENCE and "\n" not in text and " at 0x" not in text
        return ("refused", text) if fine else ("wordy", text)
    except MemoryError:
        return "memory", "MemoryError"
    except BaseException as error:
        return "traceback", f"{type(error).__name__}: {error}"[:500]
    return "taken", ""


class _Memory:
    """The peak of memory while a block lasts, beyond what was there before."""

    def __enter__(self) -> _Memory:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._before = _peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.used = _peak() - self._before


def _peak() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", help="by default all that can run here")
    parser.add_argument("--tries", type=int, default=1000, help="damaged inputs of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-findings"), help="folder for inputs of findings"
    )
    parser.add_argument("--weights", default="", help="of A-INN, by default those that ship")
    options = parser.parse_args()
    kinds = ("traceback", "crash", "hang", "memory", "wordy")
    print(f"| target | inputs | taken | refused | {' | '.join(kinds)} | slowest | memory |")
    print("| --- |" + " ---: |" * (len(kinds) + 5), flush=True)
    bad = 0
    for report in (
        fuzz(name, options.tries, options.seed, options.weights) for name in options.targets or names()
    ):
        counts = [options.tries, *(report.ends[kind] for kind in ("taken", "refused", *kinds))]
        cells = [report.name, *map(str, counts), f"{report.slowest:.1f} s", f"{report.memory >> 20} MiB"]
        print(f"| {' | '.join(cells)} |", flush=True)
        for line in _kept(report, options.keep):
            print(line, file=sys.stderr, flush=True)
        bad += len(report.findings)
    return 1 if bad else 0


def _kept(report: Report, folder: Path) -> Iterator[str]:
    """Write the inputs of findings, the first of each text; a line for each."""
    firsts: dict[tuple[str, str], Finding] = {}
    for finding in report.findings:
        firsts.setdefault((finding.kind, re.sub(r"\d+", "0", finding.text)), finding)
    for number, finding in enumerate(firsts.values()):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{re.sub(r'[^a-z0-9]', '-', report.name)}-{finding.kind}-{number}"
        path.write_bytes(finding.content)
        yield f"{path}: {finding.text}"


if __name__ == "__main__":
    sys.exit(main())
