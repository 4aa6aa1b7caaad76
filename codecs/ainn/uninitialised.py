"""Build a model whose weights are about to be replaced, without computing weights to start from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FILLS = {Tensor.uniform_, Tensor.normal_, Tensor.zero_, Tensor.fill_}


class Uninitialised(TorchFunctionMode):
    """``with Uninitialised():`` new parameters hold whatever lies in memory.

    Random numbers, fills and the QR decomposition of random rotations are left out. PyTorch's own way
    (`torch.nn.utils.skip_init`, the device "meta") imports its compiler, which takes longer than
    initialising.

    >>> with Uninitialised():
    ...     torch.nn.Linear(3, 2).weight.shape
    torch.Size([2, 3])
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FILLS or getattr(func, "__module__", None) == torch.nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        if func is torch.randn:
            return torch.empty(*args, **kwargs)
        if func is torch.linalg.qr:
            return args[0], args[0]
        return func(*args, **kwargs)
