"""Temporary folders of workers, which go with the run, or with the next one where a run was killed.

A folder belongs to the process that holds the lock on the file `lock` in it. The kernel lifts the lock when
that process ends, however it does.
"""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from bench.core.locks import lock

_PREFIX, _BEING_MADE = "bench-", ".bench-new-"
_LOCK, _CACHE = "lock", ".cache"
_NO_LOCKS = "set TMPDIR to a folder on a disk of this machine"
_LONGEST_MAKING_S = 600  # after which a folder that is being made has nobody who makes it


class Folder:
    """A folder of a worker: `work`, which is its own, and `output`, the file of what it prints.

    `cache`, in `work`, is for what libraries compile.
    """

    def __init__(self) -> None:
        _sweep_once(tempfile.gettempdir())
        # It gets the name that `sweep` looks for once it is locked.
        making = Path(tempfile.mkdtemp(prefix=_BEING_MADE))
        self._lock = os.open(making / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        lock(self._lock, making, _NO_LOCKS)
        (making / "work" / _CACHE).mkdir(parents=True)
        self.path = Path(os.path.realpath(making.rename(making.with_name(_PREFIX + secrets.token_hex(8)))))
        self.work, self.output = self.path / "work", self.path / "output"
        self.cache = self.work / _CACHE

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def sweep(temporary: Path) -> None:
    """Remove folders whose runs are over, of this user, from a folder of temporary files."""
    for path in (*temporary.glob(f"{_PREFIX}*"), *temporary.glob(f"{_BEING_MADE}*")):
        with suppress(OSError):
            if path.stat().st_uid == os.getuid() and path.is_dir() and _is_over(path):
                shutil.rmtree(path, ignore_errors=True)


@functools.cache
def _sweep_once(temporary: str) -> None:
    sweep(Path(temporary))


def _is_over(folder: Path) -> bool:
    if folder.name.startswith(_BEING_MADE):
        return time.time() - folder.stat().st_mtime > _LONGEST_MAKING_S
    try:
        file = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False  # it is another's
    try:
        return lock(file, folder, _NO_LOCKS)
    finally:
        os.close(file)
