"""Locks on open files, by which processes of this machine see each other."""

from __future__ import annotations

import errno
from typing import IO, Any

from bench.core.errors import BenchError

_HELD_BY_ANOTHER = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


def lock(
    file: IO[Any] | int, place: object, way_out: str, *, shared: bool = False, wait: bool = False
) -> bool:
    """Lock a file for as long as it is open.

    Args:
        place: the file's path, for the error.
        way_out: what to do where the filesystem has no locks.
        shared: others may hold it so, too.
        wait: until it is to be had.

    Returns:
        Whether it was to be had. Windows has no such locks: True.

    Raises:
        BenchError: the filesystem refuses locks, as some that are shared over a network do.
    """
    try:
        import fcntl
    except ImportError:
        return True
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_BY_ANOTHER:
            return False
        raise BenchError(f"the filesystem of {place} refuses locks ({error.strerror}); {way_out}") from None
    return True
