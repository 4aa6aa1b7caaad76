"""All tables of "What a user waits for", and the first of "What the harness itself costs".

    python experiments/quiet.py path/to/kodak

Run it on a machine with nothing else to do. First come commands that only print, the quickest of seven each;
then `start.py`, `beside_load.py`, `ainn_speed.py` and one round of `speed.py`. Six minutes on two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.core.openmp import wait_passively

HERE = Path(__file__).resolve().parent
PRINTING = ("--help", "run --help", "list codecs", "list datasets", "list metrics")
ROUNDS = 7


def quickest(*command: str) -> float:
    """Wall seconds of a command, the least of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def print_printing() -> None:
    """The table of commands that only print."""
    print("| command | now (s) |\n| --- | ---: |")
    for words in PRINTING:
        print(f"| `bench {words}` | {quickest('-m', 'bench.cli', *words.split()):.3f} |")
    print(f"| importing typer alone | {quickest('-c', 'import typer'):.3f} |", flush=True)


def main(kodak: Path) -> None:
    wait_passively()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as on most machines
    print_printing()
    for script, *arguments in (
        ("start.py", str(kodak / "kodim15.png"), "--rounds", "2"),
        ("beside_load.py", str(kodak / "kodim05.png")),
        ("ainn_speed.py", str(kodak / "kodim05.png")),
        ("speed.py", str(kodak), "--rounds", "1"),
    ):
        began = time.perf_counter()
        print(f"\npython experiments/{script} {' '.join(arguments)}\n", flush=True)
        subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)
        print(f"\n{time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
