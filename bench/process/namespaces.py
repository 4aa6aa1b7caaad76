"""Namespaces of Linux: a worker sees no other processes, no network and no shared memory but its own.

An ordinary user can make them where the kernel allows user namespaces. Where it doesn't, nothing changes and
a run says so.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

from bench.process.system_calls import mount, set_capabilities, system_call, unshare

_FLAGS = {"user": 0x1000_0000, "pid": 0x2000_0000, "ipc": 0x0800_0000, "net": 0x4000_0000}
_NEW_MOUNTS = 0x0002_0000
_MS_BIND, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 4096, 2, 4, 8
_MOUNT_SETATTR = 442
_AT_FDCWD, _RECURSIVE = -100, 0x8000
_READ_ONLY, _PRIVATE = 1, 1 << 18


class NotMapped(Exception):
    """A user namespace was made, but no user may be mapped into it: this process can't be used any more."""


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "namespace")]


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int32)]


def enter() -> frozenset[str]:
    """Move to new namespaces, as far as the kernel lets us; gives their names, of user, pid, ipc, net.

    Users stay who they are. This process itself isn't in the new "pid", but those are that it starts from now
    on. Call it with one thread.

    Raises:
        NotMapped: a kernel that lets us make namespaces, and no use of them (AppArmor in Ubuntu 24.04).
    """
    maps = _maps()
    for names in (_FLAGS.keys(), _FLAGS.keys() - {"net"}):
        with suppress(OSError), _Mapper(maps) as mapper:
            unshare(sum(_FLAGS[name] for name in names))
            mapper.map()
            return frozenset(names)
    return frozenset()


def enter_mounts(work: str, processes: bool) -> frozenset[str]:
    """Make all mounted file systems read-only for this process, but for a folder; gives "mount" if they are.

    So nothing is left in times, modes and attributes of files either.

    Args:
        work: the folder, absolute; it becomes the current one.
        processes: whether to mount a /proc of this process's own namespace; if that works, "proc" is given.
    """
    done = set()
    with suppress(OSError):
        unshare(_NEW_MOUNTS)
        _change_mount("/", _MountAttributes(0, 0, _PRIVATE, 0), _RECURSIVE)
        mount(work, work, None, _MS_BIND)  # a mount of its own, which can differ
        _change_mount("/", _MountAttributes(_READ_ONLY, 0, 0, 0), _RECURSIVE)
        _change_mount(work, _MountAttributes(0, _READ_ONLY, 0, 0), 0)
        os.chdir(work)  # of the mount that can be written to
        done.add("mount")
        if processes:
            mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
            done.add("proc")
    return frozenset(done)


def limit_tasks() -> None:
    """Hold processes and threads in the namespaces of this process to `most_tasks`, where the kernel can.

    So a fork bomb leaves the runner time to end it. `pid_max` is a namespace's own from Linux 6.14 on;
    before, it is the machine's. RLIMIT_NPROC is counted by user namespace from 5.14 on; root is exempt.
    """
    import resource

    version = _kernel_version()
    if version >= (5, 14):
        limits = resource.getrlimit(resource.RLIMIT_NPROC)
        most = min([most_tasks(), *(limit for limit in limits if limit != resource.RLIM_INFINITY)])
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    if version >= (6, 14):
        with suppress(OSError):
            Path("/proc/sys/kernel/pid_max").write_text(str(most_tasks()))


def most_tasks() -> int:
    """Far more than a codec's threads on all cores, far fewer than what keeps a machine from going on."""
    return max(1024, 16 * (os.cpu_count() or 1))


def _kernel_version() -> tuple[int, int]:
    """(0, 0): not known."""
    with suppress(ValueError):
        major, minor = os.uname().release.split(".")[:2]
        return int(major), int(minor)
    return 0, 0


def drop_capabilities() -> None:
    """Give up what an ordinary user can do inside of a user namespace, and not outside."""
    if os.getuid() != 0:
        with suppress(OSError):
            set_capabilities(_CapabilityHeader(0x2008_0522, 0), (ctypes.c_uint32 * 6)())


def _change_mount(path: str, attributes: _MountAttributes, flags: int) -> None:
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    system_call(_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), size)


def _maps() -> dict[str, str]:
    """Text of uid_map and gid_map in which everybody whom we know stays who he is."""
    if os.getuid() != 0:
        return {"uid_map": f"{os.getuid()} {os.getuid()} 1", "gid_map": f"{os.getgid()} {os.getgid()} 1"}
    maps = {}
    for name in ("uid_map", "gid_map"):
        ranges = (line.split() for line in Path("/proc/self", name).read_text().splitlines())
        maps[name] = "\n".join(f"{inside} {inside} {count}" for inside, _, count in ranges)
    return maps


class _Mapper:
    """Writes the maps of this process. Only a process outside may map more users than one's own, so root has
    a child do it that was started before."""

    def __init__(self, maps: dict[str, str]) -> None:
        self._maps = maps
        self._child = 0

    def __enter__(self) -> _Mapper:
        if os.getuid() == 0:
            wake, self._wake = os.pipe()
            us = os.getpid()
            self._child = os.fork()
            if self._child == 0:
                os.close(self._wake)
                os._exit(0 if os.read(wake, 1) and _written(us, self._maps) else 1)
            os.close(wake)
        return self

    def __exit__(self, *error: object) -> None:
        if self._child:
            os.close(self._wake)
            os.waitpid(self._child, 0)

    def map(self) -> None:
        if not self._child:
            done = _written(os.getpid(), {"setgroups": "deny"} | self._maps)
        else:
            os.write(self._wake, b"m")
            done = os.waitpid(self._child, 0)[1] == 0
            os.close(self._wake)
            self._child = 0
        if not done:
            raise NotMapped


def _written(pid: int, contents: dict[str, str]) -> bool:
    try:
        for name, content in contents.items():
            Path(f"/proc/{pid}", name).write_text(content)
    except OSError:
        return False
    return True
