"""Files of `torch.save`: read as what they are to be, tensors in plain containers, in no more memory than
their size allows.

`weights_only` keeps torch from running what a file says. Memory is another matter: a file may hold packed
entries, name functions that make tensors of any size, or describe a network far larger than its weights.
"""

from __future__ import annotations

import io
import math
import pickletools
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.core.whole_file import write_whole

# What tensors in dicts, lists and tuples are made of, and optimisers' states; nothing that makes a large
# object of a small entry.
_NEEDED = {
    "collections OrderedDict",
    "collections Counter",
    "torch Size",
    "torch device",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor_v2",
}
_STORAGES = {f"torch {kind}Storage" for kind in ("Half", "BFloat16", "Float", "Double", "Bool")} | {
    f"torch {kind}Storage" for kind in ("Byte", "Char", "Short", "Int", "Long")
}
_FACTORIES: set[Callable[..., Any]] = {
    torch.empty,
    torch.zeros,
    torch.ones,
    torch.randn,
    torch.full,
    torch.eye,
}
_MOST_STEPS = 1 << 20  # of a file's pickle; real ones have some thousands
_SLACK = 1 << 20  # numbers that a network may hold beside its weights


def read(path: Path) -> Any:
    """What `torch.save` wrote, on the CPU.

    Raises:
        OSError, RuntimeError, ValueError, pickle.UnpicklingError and others of torch: no such file, or it
            is damaged, packed, or holds anything but tensors in plain containers.
    """
    _refuse_what_grows(path)
    content = torch.load(path, map_location="cpu", weights_only=True)
    size = path.stat().st_size
    if sum(value.numel() * value.element_size() for value in _tensors(content)) > size:
        raise ValueError(f"its tensors claim more than its {size} bytes")
    return content


def write(path: Path, content: Any) -> None:
    """Write what `read` reads, at once or not at all.

    Raises:
        OSError: the file can't be written; what was there before still is.
    """
    packed = io.BytesIO()  # onto a full disk, torch itself raises a RuntimeError about positions
    torch.save(content, packed)
    write_whole(path, packed.getbuffer())


def check_finite(state: Mapping[str, Tensor]) -> None:
    """Check that all numbers are numbers.

    >>> check_finite({"bias": torch.tensor([1.0, math.nan])})
    Traceback (most recent call last):
        ...
    ValueError: bias holds NaN or infinity

    Raises:
        ValueError: there is a NaN or an infinity, or numbers too large to be summed.
    """
    for name, value in state.items():
        # A sum takes a tenth of the time of looking at each, and is neither if one of them isn't.
        if value.is_floating_point() and not math.isfinite(value.sum(dtype=torch.float32)):
            raise ValueError(f"{name} holds NaN or infinity")


class WithinWeights(TorchFunctionMode):
    """``with WithinWeights(state):`` a network is made only as far as these weights can fill it.

    >>> with WithinWeights({"weight": torch.zeros(3, 2)}):
    ...     torch.nn.Linear(10**6, 10**6)
    Traceback (most recent call last):
        ...
    ValueError: the network that it describes is larger than its weights
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._left = _SLACK + 2 * sum(value.numel() for value in state.values())

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _FACTORIES:
            self._left -= _numbers(func, args)
            if self._left < 0:
                raise ValueError("the network that it describes is larger than its weights")
        return func(*args, **kwargs or {})


def _refuse_what_grows(path: Path) -> None:
    if not zipfile.is_zipfile(path):  # as torch wrote until 2020
        with path.open("rb") as file:
            for _ in range(4):  # of its pickles the last but one describes the tensors
                _refuse_other_names(file)
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        if packed or sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("its entries are packed, which torch.save never does")
        for entry in entries:
            if entry.filename.endswith("data.pkl"):
                _refuse_other_names(archive.read(entry))


def _refuse_other_names(pickle: Any) -> None:
    for step, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
        if step == _MOST_STEPS:
            raise ValueError("it describes more than weights")
        if opcode.name in ("GLOBAL", "STACK_GLOBAL", "INST") and argument not in _NEEDED | _STORAGES:
            name = str(argument).replace(" ", ".")[:60]
            raise ValueError(f"it holds {name}, which weights have no need of")


def _tensors(content: Any) -> Iterable[Tensor]:
    """The tensors in containers, each once: what holds itself again and again takes no time."""
    seen: set[int] = set()
    left = [content]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping):
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value


def _numbers(func: Callable[..., Any], args: tuple[Any, ...]) -> int:
    """How many numbers a factory is to make."""
    sizes = args[:1] if func in (torch.full, torch.eye) else args
    if sizes and isinstance(sizes[0], tuple | list | torch.Size):
        sizes = tuple(sizes[0])
    if func is torch.eye:
        sizes = (*sizes, *sizes)
    return math.prod(int(size) for size in sizes)
