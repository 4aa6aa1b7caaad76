#!/usr/bin/env python3
"""Set up and go, on a fresh machine with Python 3.11 or 3.12:

    python3 tasks.py sample   # set up, then JPEG and A-INN on three photos: tables and plots
    python3 tasks.py test     # set up, then the tests; further arguments go to pytest
    python3 tasks.py check    # set up, then ruff and mypy
    python3 tasks.py gate     # set up, then A-INN and JPEG on those photos, against results/baseline
    python3 tasks.py setup    # only set up: .venv with the versions pinned in requirements.txt

Nothing but Python itself is needed to run this file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PINS = ROOT / "requirements.txt"
DONE = VENV / "codec-bench-setup"  # holds what was set up, so that the next call can go straight on
PIP = (VENV / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
UV = (VENV / "bin/uv", "pip", "install", "--quiet", "--python", VENV / "bin/python")
SUPPORTED = ((3, 11), (3, 12))  # compressai has wheels for no newer Python


def main(arguments: list[str]) -> int:
    task, *rest = arguments or ["help"]
    if task not in ("sample", "test", "check", "gate", "setup"):
        print(__doc__)
        return 0 if task in ("help", "-h", "--help") else 2
    set_up()
    bench = VENV / "bin/bench"
    if task == "sample":
        return run_sample(bench)
    if task == "test":
        return run_tests(rest)
    if task == "gate":
        with tempfile.TemporaryDirectory() as results:
            where = ("--dataset", "sample", "--results", results)
            jobs = ("--jobs", os.cpu_count() or 1)
            code = run(bench, "run", "--codec", "ainn", "--codec", "jpeg", *jobs, *where)
            return code or run(bench, "check", *where)
    if task == "check":
        ruff = VENV / "bin/ruff"
        return (
            run(ruff, "check", ".")
            or run(ruff, "format", "--check", ".")
            or run(VENV / "bin/mypy", "-p", "bench")
        )
    return 0


def run_sample(bench: Path) -> int:
    """JPEG and A-INN on three photos. JPEG comes first, because its table takes seconds."""
    where = ("--dataset", "sample")
    # A curve needs four points. All eight of A-INN's would take twice the time.
    qualities = [word for quality in ("1", "3", "6", "8") for word in ("--quality", quality)]
    return (
        run(bench, "run", "--codec", "jpeg", *where)
        or run(bench, "run", "--codec", "ainn", *qualities, *where)
        or run(bench, "compare", "ainn", "jpeg", *where)
    )


def run_tests(arguments: list[str]) -> int:
    """All tests, side by side; or those that were asked for."""
    pytest = (VENV / "bin/python", "-m", "pytest")
    if arguments:
        return run(*pytest, *arguments)
    workers = str(min(4, (os.cpu_count() or 1) + 1))  # one more than cores: some tests wait
    # Threads that wait must not spin: what they wait for may want the same core.
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return run(*pytest, "-n", workers, "--dist", "worksteal", **threads)


def set_up() -> None:
    """Make .venv and install the pinned versions and codec-bench itself, if that isn't done already."""
    stamp = hashlib.sha256(PINS.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if DONE.is_file() and DONE.read_text() == stamp:
        return
    python = find_python()
    print(f"setting up {VENV} with {python}: about 2 GB (with CUDA 5.5), some minutes", flush=True)
    must_run(python, "-m", "venv", "--clear", VENV)
    # pip installs torch: its settings can name a build without CUDA. uv does not read these settings.
    must_run(*PIP, *(line for line in PINS.read_text().splitlines() if line.startswith("torch==")))
    # uv installs many packages at once. It isn't pinned, as pip does its work where uv can't be had.
    if run(*PIP, "uv") or run(*UV, "-r", PINS):
        print("tasks.py: uv can't install here, so pip does; that takes a minute more", flush=True)
        must_run(*PIP, "-r", PINS)
    must_run(*PIP, "--no-deps", "--no-build-isolation", "-e", ROOT)
    DONE.write_text(stamp)


def must_run(*command: object) -> None:
    """Run a command of setting up, or end here."""
    if code := run(*command):
        sys.exit(f"tasks.py: setting up failed (exit code {code}); what was printed above says why")


def find_python() -> str:
    """This Python if it will do, else another one on the PATH."""
    if sys.version_info[:2] in SUPPORTED:
        return sys.executable
    for major, minor in SUPPORTED:
        found = shutil.which(f"python{major}.{minor}")
        if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    sys.exit(
        f"tasks.py: codec-bench needs Python 3.11 or 3.12, and this is {sys.version.split()[0]}; install one"
    )


def run(*command: object, cwd: Path = ROOT, **variables: str) -> int:
    """Exit code of a command, which has these variables in its environment."""
    environment = os.environ | variables
    # Python may keep what it compiles. Else each process compiles NumPy and pandas again, which takes longer
    # than most tests: uv leaves compiling to the first import.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run([str(part) for part in command], cwd=cwd, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
