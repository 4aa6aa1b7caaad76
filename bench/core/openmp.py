"""How threads of OpenMP wait for one another; PyTorch's are such threads."""

from __future__ import annotations

import os
from collections.abc import MutableMapping


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let waiting threads sleep, from the next import of torch on, here and in processes started from here.

    By default a thread that waits spins. Where another program needs that core, the thread that all wait
    for is kept from running: with two threads and a load of four, A-INN took 7 times as long. On a
    quiet machine both ways take the same time. OpenMP's library reads the setting when it is loaded, so
    call this before torch is imported. A setting of the user's own stays.

    Args:
        environment: of a process that is to be started; by default this one's.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
