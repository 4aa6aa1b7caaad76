"""What `bench compare` costs: CPU seconds of the whole command, of this checkout and of others, in turns.

    python experiments/compare_speed.py                  # this checkout
    python experiments/compare_speed.py path/to/another  # and an older one beside it

Every checkout runs three times, in turns, so that what else the machine does hits all of them; the quickest
counts. CPU time is what a quiet machine takes: only one core works. Starting Python is part of it. Results
are the committed ones of the first checkout.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
COMMANDS = {
    "ainn vtm": ("ainn", "vtm"),
    "17 codecs": (
        "ainn", "jpeg", "jpeg-mozjpeg", "jpegli", "jpeg2000", "webp", "avif", "heic", "jpegxl", "hevc", "av1",
        "vvenc", "bpg", "bpg:bits=10", "bpg:encoder=jctvc", "hm", "vtm",
    ),
}  # fmt: skip
# In place of `bench`, which runs the checkout that it was installed from.
START = "import sys; sys.path.insert(0, {!r}); from bench.cli import main; main()"


def cpu_seconds(checkout: Path, codecs: tuple[str, ...], *options: str) -> float:
    """Of `bench compare` on Kodak, with its tables and plots."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as results:
        (Path(results) / "kodak").symlink_to(ROOT / "results" / "kodak")
        subprocess.run(
            [
                sys.executable, "-c", START.format(str(checkout)), "compare", *codecs,
                "--dataset", "kodak", "--results", results, *options,
            ],
            check=True, cwd=results, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def takes_format(checkout: Path) -> bool:
    """Whether plots are PNG only unless asked for; before, they were always in three formats."""
    plots = checkout / "bench" / "report" / "plots.py"
    return not plots.is_file() or "FORMATS" in plots.read_text(encoding="utf-8")


def main(others: list[Path]) -> None:
    checkouts = [ROOT, *others]
    columns = [(name, checkout) for name in COMMANDS for checkout in checkouts]
    plain: dict[tuple[str, Path], list[float]] = {column: [] for column in columns}
    formats: dict[tuple[str, Path], list[float]] = {column: [] for column in columns}
    for _ in range(ROUNDS):
        for name, checkout in columns:
            plain[name, checkout].append(cpu_seconds(checkout, COMMANDS[name]))
            if takes_format(checkout):
                three = [word for kind in ("png", "pdf", "svg") for word in ("--format", kind)]
                formats[name, checkout].append(cpu_seconds(checkout, COMMANDS[name], *three))
    print("| `bench compare` on Kodak | checkout | CPU seconds | with PNG, PDF and SVG |")
    print("| --- | --- | ---: | ---: |")
    for name, checkout in columns:
        label = "this" if checkout == ROOT else str(checkout)
        if formats[name, checkout]:
            cells = f"{min(plain[name, checkout]):.2f} | {min(formats[name, checkout]):.2f}"
        else:
            cells = f" | {min(plain[name, checkout]):.2f}"
        print(f"| {name} | {label} | {cells} |")


if __name__ == "__main__":
    main([Path(argument).resolve() for argument in sys.argv[1:]])
