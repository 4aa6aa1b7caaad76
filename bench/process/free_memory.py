"""How much memory is free for this process: the machine's, or less where a cgroup has a limit.

Slurm, Docker, Kubernetes and systemd put processes into cgroups. The kernel kills what goes over the limit of
a cgroup, however much the machine has left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil

_NO_LIMIT = 1 << 60  # version 1 writes a number near 2^63 where there is no limit


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that may still be taken.

    Args:
        root: of the folders proc and sys.
    """
    return min([int(psutil.virtual_memory().available), *_left_in_cgroups(root)])


def _left_in_cgroups(root: Path) -> Iterator[int]:
    """Bytes left in each cgroup that this process is in and that has a limit, of both versions."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # no Linux
        return
    mounts = root / "sys/fs/cgroup"
    for _, controllers, path in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        if controllers == "":
            for mount in (mounts, mounts / "unified"):
                yield from _left(mount, path, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _left(mounts / "memory", path, *names)


def _left(mount: Path, path: str, limit: str, usage: str, cache: str) -> Iterator[int]:
    """Bytes left in a cgroup and in those that it is in. In a container the path may be that of the host,
    which isn't there; the mount itself is then the container's cgroup."""
    for part in (PurePosixPath(path.lstrip("/")), *PurePosixPath(path.lstrip("/")).parents):
        folder = mount / part
        with suppress(OSError, ValueError):  # no such folder, or "max"
            most = int((folder / limit).read_text())
            used = int((folder / usage).read_text())
            if most < _NO_LIMIT:
                yield max(0, most - used + _cached(folder / "memory.stat", cache))


def _cached(statistics: Path, name: str) -> int:
    """Bytes of files in memory, which the kernel gives up before it kills."""
    with suppress(OSError, ValueError):
        for line in statistics.read_text().splitlines():
            if line.startswith(f"{name} "):
                return int(line.split()[1])
    return 0
