"""What a result was measured with: code, libraries, machine, dataset; never a path of the machine."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bench
from bench.datasets.catalogue import Dataset
from bench.results import Setup

ROOT = Path(__file__).resolve().parents[2]  # of a checkout


def setup(
    codec: str,
    codec_version: str,
    dataset: Dataset,
    coder: Mapping[str, Any],
    scorer: Mapping[str, Any],
    run: Mapping[str, Any],
) -> Setup:
    """The setup of rows.

    Args:
        coder: what the encoder's process said of itself when it was loaded.
        scorer: the same of the scorer's.
        run: jobs, threads, repeats and the like.
    """
    return Setup(
        codec=codec,
        codec_version=codec_version,
        details=coder["details"],
        dataset=dataset_identity(dataset),
        metrics=scorer["metrics"],
        bench={"version": bench.__version__, **git_state()},
        python=platform.python_version(),
        libraries=dict(sorted((scorer["libraries"] | coder["libraries"]).items())),
        machine=machine() | {"device": coder["device"]},
        run={**run, "confined": coder["confined"]},
        date=datetime.now(UTC).date().isoformat(),
    )


def dataset_identity(dataset: Dataset) -> dict[str, Any]:
    """Name, split, number of images, whether that is the full set, and one hash over those of the images."""
    sums = "".join(sorted(image.sha256 for image in dataset.images))
    return {
        "name": dataset.name,
        "split": dataset.split,
        "images": len(dataset.images),
        "complete": dataset.complete,
        "sha256": hashlib.sha256(sums.encode()).hexdigest(),
    }


@functools.cache
def git_state() -> dict[str, Any]:
    """Commit of the checkout that this code is in, and whether its code was changed since; for an installed
    package there is none."""
    if not (ROOT / ".git").exists():
        return {"commit": None, "changed": None}
    commit = _git("rev-parse", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "bench", "codecs", "pyproject.toml")
    return {"commit": commit, "changed": None if changed is None else bool(changed)}


@functools.cache
def machine() -> dict[str, Any]:
    """Operating system, CPU and number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": f"{platform.system()} {platform.machine()}", "cpu": _cpu(), "cores": cores}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ("git", "-C", str(ROOT), *arguments), capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
