"""Which machine this is, without its name."""

from __future__ import annotations

import functools
import hashlib
import platform
from contextlib import suppress
from pathlib import Path


@functools.cache
def node() -> str:
    """Twelve hexadecimal digits: the same for all processes of a machine, and others on another machine."""
    identity = [platform.node()]
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        with suppress(OSError):
            identity.append(Path(path).read_text().strip())
            break
    return hashlib.sha256("\n".join(["codec-bench", *identity]).encode()).hexdigest()[:12]
