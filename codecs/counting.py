"""Multiply-adds of networks, counted by torch."""

from __future__ import annotations

from collections.abc import Callable


def count(compute: Callable[[], object]) -> int:
    """Multiply-adds of all convolutions and matrix products in a call.

    Source: torch's counter of operations, which takes a multiply-add for two.

    >>> import torch
    >>> convolution = torch.nn.Conv2d(3, 8, 5, padding=2)
    >>> count(lambda: convolution(torch.zeros(1, 3, 16, 16))) == 3 * 8 * 5 * 5 * 16 * 16
    True
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        compute()
    return int(counter.get_total_flops()) // 2
