"""What the process of a codec can reach: its own files, and no file, process or socket of anybody else.

Two means of Linux work together, and each does its part where the other is missing:

- Landlock (Linux 5.13 and later) says which files are there to read and to write.
- Namespaces hide other processes, shared memory, message queues and the network, and make all mounted file
  systems read-only. An ordinary user can make them where the kernel allows user namespaces.

Where there is no Landlock, Python's audit hook watches the files that Python itself opens.
`docs/background/confinement.md` says what holds and what doesn't.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

UNCONFINED = "no"  # what a row says of a run that asked for that

_DEVICES = ("null", "zero", "full", "random", "urandom")
_ACCELERATORS = ("nvidia", "dri", "kfd", "accel", "dxg")  # beginnings of names
_KERNEL_FILES = (
    "self", "cpuinfo", "devices", "driver", "filesystems", "loadavg", "meminfo", "stat", "sys", "uptime",
    "version", "vmstat",
)  # fmt: skip


@dataclass(frozen=True)
class Reach:
    """Absolute paths that the process of a codec may read.

    Args:
        readable: files, and folders with all beneath them.
        listable: folders in which modules are looked for: the names in them can be read, not the files.
        hidden: files and folders that it must not read: pictures and results.
    """

    readable: Sequence[str]
    listable: Sequence[str]
    hidden: Sequence[str]


def confine(work: Path, reach: Reach, namespaces: frozenset[str]) -> str:
    """Hold this process, and all that it starts, to its own files from now on. Call it with one thread.

    Args:
        work: the folder that it may write to, which becomes the current one.
        namespaces: those that it is in already, as `namespaces.enter` names them.

    Returns:
        What holds: "landlock:read,write namespaces:ipc,mount,net,pid" at best, "python:read,write" at least,
        which is for files that Python opens only.
    """
    if sys.platform != "linux":
        _audit(work, reach.hidden)
        return "python:read,write"
    from bench.process import landlock
    from bench.process.namespaces import drop_capabilities, enter_mounts

    if namespaces:
        namespaces |= enter_mounts(str(work), "pid" in namespaces)
        drop_capabilities()
    files = "landlock:read,write"
    try:
        kernel = ["/proc"] if "proc" in namespaces else [f"/proc/{name}" for name in _KERNEL_FILES]
        landlock.restrict(str(work), [*reach.readable, *kernel], reach.listable, _devices())
    except OSError:
        _audit(work, reach.hidden)
        files = "python:read,write"
    names = ",".join(sorted(namespaces - {"user", "proc"}))
    return f"{files} namespaces:{names}" if names else files


def _devices() -> list[str]:
    present = os.listdir("/dev")
    return [f"/dev/{name}" for name in present if name in _DEVICES or name.startswith(_ACCELERATORS)]


def _audit(work: Path, hidden: Sequence[str]) -> None:
    """Refuse what Python opens: to write, outside of a folder; to read, what is hidden."""
    allowed = (f"{work.resolve()}{os.sep}", "/dev/")
    shared = ("/dev/shm", "/dev/mqueue")  # memory that any process can map by name
    secret = tuple(hidden) + tuple(f"{path}{os.sep}" for path in hidden)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in ("open", "os.listdir", "os.scandir"):
            return
        path = arguments[0]
        flags = arguments[2] if event == "open" else 0
        if not isinstance(path, str | bytes | os.PathLike):
            return
        where = os.path.realpath(os.fsdecode(path))
        if isinstance(flags, int) and flags & writing:
            if not where.startswith(allowed) or where.startswith(shared):
                raise PermissionError(13, "a codec writes only to its temporary folder", where)
        elif where in hidden or where.startswith(secret):
            raise PermissionError(13, "a codec reads no pictures and no results", where)

    with suppress(AttributeError):
        sys.addaudithook(hook)
