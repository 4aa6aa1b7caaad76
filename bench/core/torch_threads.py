"""How many threads PyTorch computes with, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[int]:
    """Let operations of PyTorch compute in the thread that calls them; gives the number of threads before.

    Small operations lose by a second thread: to wake it takes as long as the operation itself.

    >>> import torch
    >>> with one_thread() as threads:
    ...     torch.get_num_threads()
    1
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)
