"""System calls of Linux that Python's library has no function for."""

from __future__ import annotations

import ctypes
import os

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_libc = ctypes.CDLL(None, use_errno=True)


def system_call(number: int, *arguments: object) -> int:
    """The result of a system call; raises OSError where it fails.

    Args:
        number: the same on every architecture since Linux 5.1 (424 and above).
    """
    return _checked(_libc.syscall(number, *arguments))


def unshare(flags: int) -> None:
    """Leave namespaces, as unshare(2) has it; raises OSError."""
    _checked(_libc.unshare(flags))


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """Mount, as mount(2) has it; raises OSError."""
    _checked(_libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None))


def set_capabilities(header: ctypes.Structure, sets: ctypes.Array[ctypes.c_uint32]) -> None:
    """As capset(2) has it; raises OSError."""
    _checked(_libc.capset(ctypes.byref(header), sets))


def gain_no_privileges() -> None:
    """No program that is started from now on has more rights than this process; raises OSError."""
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def die_with_parent(signal_number: int) -> None:
    """Get a signal when the thread that started this process ends; raises OSError."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
