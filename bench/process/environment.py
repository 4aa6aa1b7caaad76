"""The environment of workers: that of the runner, without what is nobody's business."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.core.openmp import wait_passively
from bench.process.descendants import MARK
from bench.process.folders import Folder

# Where libraries keep what they compile: by default in the user's home folder, which a confined codec can't
# write to. Each process has a place of its own, or one could leave word for another there.
_CACHES = (
    "CUDA_CACHE_PATH", "NUMBA_CACHE_DIR", "PYTORCH_KERNEL_CACHE_PATH", "TORCHINDUCTOR_CACHE_DIR",
    "TRITON_CACHE_DIR",
)  # fmt: skip

# Places that the runner's environment tells, and that are nobody's business.
_PLACES = ("BENCH_DATA", "OLDPWD", "PWD", "PYTEST_CURRENT_TEST", "TMPDIR", "_")


def shared_variables(role: str, threads: int, hidden: Iterable[Path]) -> dict[str, str]:
    """Variables that workers of a kind have in common.

    Args:
        threads: for libraries that ask the environment.
        hidden: files and folders that no variable may name.
    """
    places = _secret_places(hidden)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in _PLACES and (name == "HOME" or os.path.abspath(value) not in places)
    }
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM"):
        environment[f"{name}_NUM_THREADS"] = str(threads)
    if role == "score":
        # NumPy's products in metrics are small. OpenBLAS's threads spin between them, whatever
        # OMP_WAIT_POLICY says, and beside other programs take three times as long as one does.
        environment["OPENBLAS_NUM_THREADS"] = "1"
    wait_passively(environment)
    # The search path of this process, as children of tests and notebooks may not have it.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    return environment


def own_variables(mark: str, folder: Folder, confined: bool) -> dict[str, str]:
    """Variables that a worker has for itself: its mark and its folder."""
    work = str(folder.work)
    caches = dict.fromkeys(_CACHES, str(folder.cache)) if confined else {}
    return {MARK: mark, "TMPDIR": work, "PWD": work, **caches}


def _secret_places(hidden: Iterable[Path]) -> set[str]:
    """What is hidden, and the folders of hidden files."""
    places = {os.path.abspath(path) for path in hidden}
    return places | {os.path.dirname(path) for path in places if os.path.isfile(path)}
