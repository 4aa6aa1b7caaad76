"""Keep a codec's process from leaving anything where another process could find it.

Where the kernel has Landlock (Linux 5.13 and later), it enforces for this process and all that it starts:
files are written only in a folder of its own and to devices, no TCP connection is made (6.7), no abstract
socket reached (6.12). Elsewhere Python's audit hook does the first of these for files opened by Python.
This is against mistakes and tricks of the ordinary kind; it is no jail for hostile code.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

LANDLOCK, PYTHON = "landlock", "python"  # the means that `confine` may have
NOT_AT_ALL = "no"  # what a run says that asked for that

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_ASK_VERSION, _PATH_BENEATH = 1, 1
_NO_NEW_PRIVS = 38

# linux/landlock.h; reading and executing stay free.
_WRITE_FILE = 1 << 1
_CHANGE_TREE = 0b1_1111_1111 << 4  # remove and make entries of every kind
_REFER, _TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
_TCP = 0b11  # bind and connect, since version 4
_ABSTRACT_SOCKETS = 1 << 0  # since version 6

# Memory that any process can map by name.
_SHARED_MEMORY = ("shm", "mqueue")


def confine(folder: Path) -> str:
    """From now on, this process writes only beneath `folder`. Returns the means."""
    if sys.platform == "linux":
        with suppress(OSError):
            _landlock(folder)
            return LANDLOCK
    _audit(folder)
    return PYTHON


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def _landlock(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: object) -> int:
        result = int(libc.syscall(number, *arguments))
        if result < 0:
            raise OSError(ctypes.get_errno(), "Landlock")
        return result

    version = call(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    everything = _WRITE_FILE | _CHANGE_TREE
    everything |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    rules = _Ruleset(everything, _TCP if version >= 4 else 0, _ABSTRACT_SOCKETS if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = call(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    try:
        devices = [Path("/dev", name) for name in os.listdir("/dev") if name not in _SHARED_MEMORY]
        for path, access in [(folder, everything), *((device, _WRITE_FILE) for device in devices)]:
            try:
                parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                if path == folder:
                    raise
                continue  # a device that is gone
            try:
                beneath = _PathBeneath(access, parent)
                call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(beneath), 0)
            finally:
                os.close(parent)
        if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no_new_privs")
        call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _audit(folder: Path) -> None:
    allowed = (f"{folder.resolve()}{os.sep}", f"{os.sep}dev{os.sep}")
    shared = tuple(f"/dev/{name}" for name in _SHARED_MEMORY)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open":
            return
        path, _, flags = arguments
        if not isinstance(path, str | bytes | os.PathLike) or not (
            isinstance(flags, int) and flags & writing
        ):
            return
        where = os.path.realpath(os.fsdecode(path))
        if not where.startswith(allowed) or where.startswith(shared):
            raise PermissionError(13, "a codec writes only to its temporary folder", where)

    sys.addaudithook(hook)
