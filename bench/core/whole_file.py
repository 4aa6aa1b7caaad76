"""Files written whole or not at all: under another name first, then moved to their place.

A full disk and a kill leave what was there before. What a killed process was writing stays behind, and goes
with the next file that is written into that folder. Whether somebody still writes it is known by a lock,
which the kernel lifts when a process ends, however it does.
"""

from __future__ import annotations

import functools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_PREFIX, _SUFFIX = ".bench-", ".part"


def write_whole(path: Path, content: bytes | memoryview | str) -> None:
    """Write a file at once or not at all; text as UTF-8.

    Raises:
        OSError: the file can't be written; what was there before still is.
    """
    with writing_whole(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def append_whole(file: BinaryIO, content: bytes) -> None:
    """Append to a file that is open without a buffer, all of it or nothing, and bring it to the disk.

    Raises:
        OSError: there is no room; the file is as it was.
    """
    end = file.seek(0, os.SEEK_END)
    try:
        while content:
            content = content[file.write(content) :]
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            os.ftruncate(file.fileno(), end)
        raise


def begin_of_last_line(file: BinaryIO) -> int:
    """Where the line begins that a kill left without a line feed; the end of the file if there is none.

    Args:
        file: open to read, at any place.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 1))
    if file.read(1) in (b"", b"\n"):
        return end
    file.seek(0)
    return file.read().rfind(b"\n") + 1


@contextmanager
def writing_whole(path: Path) -> Iterator[Path]:
    """The path to write a file to; it is moved to `path` when the block ends, and removed when that fails.

    What is no file, such as /dev/stdout, is written to as it is.

    Raises:
        OSError: the file can't be written; what was there before still is.
    """
    place = Path(os.path.realpath(path))  # a link stays one
    if place.exists() and not place.is_file():
        yield place
        return
    _sweep_once(place.parent)
    part, lock = _new_part(place.parent)
    try:
        yield part
        with suppress(FileNotFoundError):
            os.chmod(part, place.stat().st_mode & 0o777)
        os.fsync(lock)  # some file systems find here only that the disk is full
        os.replace(part, place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(lock)


def sweep(folder: Path) -> None:
    """Remove from a folder what killed processes were writing."""
    for part in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):
            lock = os.open(part, os.O_RDWR | os.O_CLOEXEC)
            try:
                if _locked(lock, wait=False):
                    part.unlink()
            finally:
                os.close(lock)


@functools.cache
def _sweep_once(folder: Path) -> None:
    sweep(folder)


def _new_part(folder: Path) -> tuple[Path, int]:
    """A new empty file, and its descriptor, which holds its lock."""
    while True:
        part = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        _locked(lock, wait=True)
        if part.exists():  # else another process swept it before it was locked
            return part, lock
        os.close(lock)


def _locked(file: int, wait: bool) -> bool:
    """Whether the lock was to be had; never where there are no locks."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (ImportError, OSError):
        return False
    return True
