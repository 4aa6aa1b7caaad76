"""Landlock: what this process, and all that it starts, may do with files from now on (Linux 5.13 and later).

https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from bench.process.system_calls import gain_no_privileges, system_call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1

# linux/landlock.h. Executing stays free: a program that can't be read doesn't get far.
_WRITE_FILE, _READ_FILE, _READ_FOLDER = 1 << 1, 1 << 2, 1 << 3
_CHANGE_TREE = 0b1_1111_1111 << 4  # remove and make entries of every kind
_REFER, _TRUNCATE = 1 << 13, 1 << 14  # since versions 2 and 3
_TCP = 0b11  # bind and connect, since version 4
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1  # since version 6


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def restrict(own: str, readable: Iterable[str], listable: Iterable[str], devices: Iterable[str]) -> None:
    """From now on only these files are there to read and to write; what is open stays open.

    No TCP connection is made (Linux 6.7), no abstract socket and no process outside is reached (6.12).

    Args:
        own: a folder in which everything is allowed.
        readable: files, and folders with all beneath them; those that are gone are passed over.
        listable: folders of which, and of folders beneath, the names of entries can be read.
        devices: to read and to write.

    Raises:
        OSError: this kernel has no Landlock, or it isn't allowed here.
    """
    version = system_call(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
    read = _READ_FILE | _READ_FOLDER
    everything = read | _WRITE_FILE | _CHANGE_TREE
    everything |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    scoped = _ABSTRACT_SOCKETS | _SIGNALS
    rules = _Ruleset(everything, _TCP if version >= 4 else 0, scoped if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = system_call(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    try:
        _allow(ruleset, own, everything)
        for paths, access in ((readable, read), (listable, _READ_FOLDER), (devices, read | _WRITE_FILE)):
            for path in paths:
                with suppress(OSError):
                    _allow(ruleset, path, access)
        gain_no_privileges()
        system_call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            access &= ~_READ_FOLDER  # which only a folder can have
        beneath = _PathBeneath(access, file)
        system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(beneath), 0)
    finally:
        os.close(file)
