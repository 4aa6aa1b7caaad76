"""The GPU that a codec computes on, seen from the codec's own process: as far as PyTorch uses it.

No codec is made to import PyTorch, and no GPU is woken: where a codec uses none, nothing happens.
"""

from __future__ import annotations

import sys
from typing import Any


def describe() -> dict[str, str | None]:
    """`device`: what codes, as people call it; `gpu`: the GPU's UUID as NVML writes it, if that is known."""
    torch = _torch()
    if torch is None:
        return {"device": "CPU", "gpu": None}
    uuid = getattr(torch.cuda.get_device_properties(torch.cuda.current_device()), "uuid", None)
    return {"device": str(torch.cuda.get_device_name()), "gpu": f"GPU-{uuid}" if uuid else None}


def synchronise() -> None:
    """Wait for the GPU: its work goes on after a call returns."""
    if torch := _torch():
        torch.cuda.synchronize()


def reset_peak() -> None:
    """From now on `peak` counts anew."""
    if torch := _torch():
        torch.cuda.reset_peak_memory_stats()


def peak() -> int | None:
    """Most bytes of the GPU that tensors took at once; None: there is no GPU in use."""
    torch = _torch()
    return None if torch is None else int(torch.cuda.max_memory_allocated())


def _torch() -> Any | None:
    """PyTorch, if this process uses a GPU by it."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
