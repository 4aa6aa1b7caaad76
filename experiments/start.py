"""How long A-INN takes to start, beside another checkout of this repository.

    python experiments/start.py path/to/kodim15.png
    python experiments/start.py path/to/kodim15.png path/to/older-checkout

Three things are timed: `bench encode` of the picture at quality 5, an encoder's process until it is ready
to be measured, and importing torch alone, which no A-INN starts without. All take turns, so that what else
the machine does hits all of them. CPU time hardly depends on other programs, wall time does; of both the
least of the rounds is printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
READY = (
    "from bench.process import Limits, Worker; "
    "worker = Worker('encode', 'ainn', Limits(None, None), {threads}); worker.start(); worker.close()"
)
WHAT = ("bench encode", "a process that is ready", "import torch")


def commands(picture: Path, stream: Path, threads: int) -> dict[str, tuple[str, ...]]:
    """Command lines by what they time."""
    python = (sys.executable, "-P")
    encode = (*python, "-m", "bench.cli", "encode", str(picture), str(stream), "--quality", "5")
    ready = (*python, "-c", READY.format(threads=threads))
    return dict(zip(WHAT, (encode, ready, (*python, "-c", "import torch")), strict=True))


def timed(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command, with those of the processes that it starts."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("other", type=Path, nargs="?", help="another checkout, to compare with")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    checkouts = {"here": HERE} | ({"other": options.other.resolve()} if options.other else {})
    seconds: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            for name, checkout in checkouts.items():
                # Before an installed package, and before an editable checkout.
                environment = os.environ | {
                    "PYTHONPATH": str(checkout),
                    "OMP_NUM_THREADS": str(options.threads),
                }
                lines = commands(options.picture.resolve(), Path(folder, "x.ainn"), options.threads)
                for what, command in lines.items():
                    seconds.setdefault((what, name), []).append(timed(command, environment))
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {options.threads} threads")
    print("| what | code | wall s | CPU s |")
    print("| --- | --- | ---: | ---: |")
    for (what, name), runs in seconds.items():
        wall, cpu = (min(column) for column in zip(*runs, strict=True))
        print(f"| {what} | {name} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
