"""Where the CPU time of `bench run` goes, by parts that add up: JPEG at 8 qualities, PSNR and MS-SSIM.

    python experiments/harness_parts.py path/to/kodak
    python experiments/harness_parts.py path/to/kodak --images 6

Linux only: the kernel tells the CPU time of each thread to the nanosecond. Codec and metrics are what their
processes spend in the calls of the codec and of the metrics. All else is the harness.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speed import QUALITIES

import bench.cli
from bench.process import Worker
from bench.results import Store

WORK = {"encode": "codec: encoding", "decode": "codec: decoding", "score": "metrics"}
HARNESS = (
    "runner: starting, until the first process starts",
    "runner: watching processes, and messages",
    "runner: rows to the disk",
    "runner: the rest",
    "starting processes (Python, NumPy, codec or metrics, confinement)",
    "scorer: reading pictures",
    "scorer: taking pictures, SHA-256",
    "encoder: taking pictures, giving memory back, peak of memory",
    "decoder: giving pictures and memory back, peak of memory",
    "ending processes",
)
(
    STARTING_RUNNER, ASKING, APPENDING, RUNNER, STARTING, READING, SCORER, ENCODER, DECODER, ENDING,
) = HARNESS  # fmt: skip
BESIDE = {"encode": ENCODER, "decode": DECODER, "score": SCORER}

parts: dict[str, float] = defaultdict(float)
_seen: dict[int, float] = {}  # CPU seconds of a process when it was looked at last


def seconds_of(pid: int | None) -> float:
    """CPU seconds of all threads of a process since this was asked last."""
    total = 0.0
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            total += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0]) / 1e9
        before, _seen[pid or 0] = _seen.get(pid or 0, 0.0), total
        return total - before
    return 0.0


def seconds_of_all(worker: Worker) -> float:
    """The same of a worker, its guard, and the first process of its namespace."""
    processes = worker._processes
    return sum(map(seconds_of, (processes.worker, processes.guard, processes.first)))


def watch(cls: type, name: str, replacement: Callable[..., Any]) -> None:
    """Have another function called instead of a method, with the method as its first argument."""
    method = getattr(cls, name)
    setattr(cls, name, lambda *args, **options: replacement(method, *args, **options))


def start(method: Callable[..., Any], worker: Worker, *args: Any) -> Any:
    parts.setdefault(STARTING_RUNNER, time.process_time())
    began = time.thread_time()
    result = method(worker, *args)
    parts[ASKING] += time.thread_time() - began
    parts[STARTING] += seconds_of_all(worker)
    return result


def ask(method: Callable[..., Any], worker: Worker, action: str, *args: Any, **values: Any) -> Any:
    began = time.thread_time()
    reply = method(worker, action, *args, **values)
    parts[ASKING] += time.thread_time() - began
    used, work = seconds_of_all(worker), float(reply.header.get("cpu", 0.0))
    if work:
        parts[WORK[action]] += work
    parts[READING if action == "read" else BESIDE[worker.role]] += used - work
    return reply


def append(method: Callable[..., Any], *args: Any) -> None:
    began = time.thread_time()
    method(*args)
    parts[APPENDING] += time.thread_time() - began


def used_by(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def main(folder: Path, images: int | None) -> None:
    watch(Worker, "start", start)
    watch(Worker, "ask", ask)
    watch(Store, "append", append)
    qualities = [word for quality in QUALITIES for word in ("--quality", str(quality))]
    limit = [] if images is None else ["--images", str(images)]
    with tempfile.TemporaryDirectory() as results, contextlib.redirect_stdout(io.StringIO()):
        arguments = ["run", "--codec", "jpeg", "--dataset", str(folder), "--results", results]
        sys.argv = ["bench", *arguments, *qualities, *limit]
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
            bench.cli.main()
    runner, others = used_by(resource.RUSAGE_SELF), used_by(resource.RUSAGE_CHILDREN)
    parts[RUNNER] = runner - parts[STARTING_RUNNER] - parts[ASKING] - parts[APPENDING]
    parts[ENDING] = runner + others - sum(parts.values())
    total, harness = runner + others, sum(parts[name] for name in HARNESS)
    print("| part | CPU (s) | share |\n| --- | ---: | ---: |")
    for name in (*WORK.values(), *HARNESS):
        print(f"| {name} | {parts[name]:.2f} | {parts[name] / total:.1%} |")
    print(f"| all | {total:.2f} | |\n\nthe harness: {harness:.2f} s, {harness / total:.1%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kodak", type=Path)
    parser.add_argument("--images", type=int)
    options = parser.parse_args()
    main(options.kodak, options.images)
