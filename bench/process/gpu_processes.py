"""Which processes compute on a GPU, as NVIDIA's driver says (NVML, by the package nvidia-ml-py)."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any


def others(uuid: str, ours: Collection[Collection[int]]) -> int:
    """How many processes beside ours have opened a GPU to compute; 0, too, where nobody can tell.

    Args:
        uuid: of the GPU.
        ours: for each of our processes that uses the GPU, its number and those of what it started.
    """
    nvml = _nvml()
    if nvml is None:
        return 0
    try:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(nvml.nvmlDeviceGetHandleByUUID(uuid))
    except nvml.NVMLError:  # as of a part of a GPU
        return 0
    numbers = {process.pid for process in running}
    if seen := {number for numbers_of_one in ours for number in numbers_of_one} & numbers:
        return len(numbers - seen)
    return max(0, len(numbers) - len(ours))  # the driver counts processes as those outside of a container do


@functools.cache
def _nvml() -> Any | None:
    """The driver's library; None: the package isn't installed, or there is no driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
