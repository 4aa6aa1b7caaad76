"""How long A-INN takes beside other programs: with one thread and with two, alone and beside a load.

    python experiments/beside_load.py path/to/kodim05.png
    python experiments/beside_load.py path/to/kodim05.png path/to/older-checkout

A load is processes that do nothing but compute, twice as many as there are cores. Each setting has a process
of its own; all code the picture at quality 4, in turns, so that what else the machine does hits all of them.
The median of the rounds is printed. Environment variables such as OMP_WAIT_POLICY are left to the codec.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parents[1]
THREADS = (1, 2)
WHAT = ("encode", "decode")

# A process of one setting: it reads what to do, line by line, and answers with wall and CPU seconds.
SERVER = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from bench import codecs
import numpy, PIL.Image
codec, picture = codecs.get("ainn"), numpy.array(PIL.Image.open(sys.argv[2]).convert("RGB"))
stream = codec.encode(picture, 4)
calls = {"encode": lambda: codec.encode(picture, 4), "decode": lambda: codec.decode(stream)}
calls["decode"]()
for line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    calls[line.strip()]()
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]), flush=True)
"""


class Setting:
    """A checkout with a number of threads."""

    def __init__(self, checkout: Path, picture: Path, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVER, str(checkout), str(picture)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
            | {"OMP_NUM_THREADS": str(threads)},
        )  # fmt: skip

    def seconds(self, what: str) -> tuple[float, float]:
        """Wall and CPU."""
        assert self._process.stdin and self._process.stdout
        print(what, file=self._process.stdin, flush=True)
        wall, cpu = json.loads(self._process.stdout.readline())
        return wall, cpu

    def close(self) -> None:
        self._process.communicate()


@contextmanager
def load(processes: int) -> Iterator[None]:
    """So many processes that only compute."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("picture", type=Path)
    parser.add_argument("other", type=Path, nargs="?", help="another checkout, to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    checkouts = {"here": HERE} | ({"other": options.other.resolve()} if options.other else {})
    settings = {
        (name, threads): Setting(checkout, options.picture.resolve(), threads)
        for name, checkout in checkouts.items()
        for threads in THREADS
    }
    cores = os.cpu_count() or 1
    print(f"{options.picture.name}, {cores} cores, load before: {os.getloadavg()[0]:.1f}")
    print("| code | processes beside | threads | encode (s) | CPU (s) | decode (s) | CPU (s) |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for beside in (0, 2 * cores):
        seconds: dict[tuple[str, int], list[tuple[float, ...]]] = {setting: [] for setting in settings}
        with load(beside):
            for _ in range(options.rounds):
                for key, setting in settings.items():
                    seconds[key].append(tuple(time for what in WHAT for time in setting.seconds(what)))
        for (name, threads), runs in seconds.items():
            times = " | ".join(f"{median(column):.2f}" for column in zip(*runs, strict=True))
            print(f"| {name} | {beside} | {threads} | {times} |", flush=True)
    for setting in settings.values():
        setting.close()


if __name__ == "__main__":
    main()
