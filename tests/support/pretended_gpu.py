"""A GPU that is pretended: tensors that say they are on "cuda:0", and compute on the CPU by a GPU's rules.

Operations that mix devices are refused, as a GPU refuses them, and NumPy can't read what lies there. What
sums many numbers computes in float64, so that results differ from the CPU's as a GPU's do: by rounding. So
tests for a GPU run where there is none, and all but the kernels is real. A kernel that is compiled, or
recorded as a graph, needs a real one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import return_and_correct_aliasing

from bench.codecs.ainn.codec import AinnCodec

NAME = "Pretended GPU"
_CUDA, _CPU = torch.device("cuda", 0), torch.device("cpu")
_FOR_GOOD = ExitStack()
_TAKING_INDEXES = {"index", "index_put", "index_put_"}  # of either device
_RANDOM = {"rand_like", "randn_like", "uniform_", "normal_", "bernoulli", "bernoulli_"}
_generator = torch.Generator()
_SUMS = {
    "conv2d", "convolution", "convolution_backward", "mm", "addmm", "bmm", "linear", "sum", "mean",
    "exp", "log", "sigmoid", "softplus",
}  # fmt: skip


@contextmanager
def pretended_gpu() -> Iterator[list[Tensor]]:
    """Let this thread find a GPU; yields what was brought from there, which grows."""
    autocast = torch.autocast

    def cast(device_type: str, *args: Any, **kwargs: Any) -> torch.autocast:
        return autocast(device_type.replace("cuda", "cpu"), *args, **kwargs)

    with (
        patch.multiple(torch.cuda, **_asked_of_cuda()),
        patch.object(torch, "autocast", cast),
        _Calls() as calls,
    ):
        yield calls.fetched


class PretendedAinn(AinnCodec):
    """A-INN in a process of its own that finds a GPU."""

    name = "ainn-pretended"

    def __init__(self, **values: Any) -> None:
        if not torch.cuda.is_available():
            _FOR_GOOD.enter_context(pretended_gpu())
        super().__init__(**values)


class TensorOnGpu(Tensor):
    """A tensor on the GPU. `held` has its values."""

    held: Tensor
    device = property(lambda self: _CUDA)  # type: ignore[assignment]
    is_cuda = property(lambda self: True)  # type: ignore[assignment]
    is_cpu = property(lambda self: False)  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, held: Tensor, requires_grad: bool = False) -> TensorOnGpu:
        made: TensorOnGpu = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            requires_grad=requires_grad,
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs, name = kwargs or {}, func.overloadpacket.__name__
        mixes = name == "copy_" or (name in _TAKING_INDEXES and isinstance(args[0], TensorOnGpu))

        def held(tensor: Tensor) -> Tensor:
            if isinstance(tensor, TensorOnGpu):
                return tensor.held
            if tensor.dim() and not mixes:
                raise RuntimeError(f"{name} takes tensors on one device; some are on cuda:0, some on the cpu")
            return tensor

        inner = _changed(args, held), _changed(kwargs, held)
        with _random_numbers_of_gpu() if name in _RANDOM else nullcontext():
            result = _summed(func, *inner) if name in _SUMS else func(*inner[0], **inner[1])
        if name == "_local_scalar_dense" or (not isinstance(args[0], TensorOnGpu) and name == "copy_"):
            return result
        return return_and_correct_aliasing(func, args, kwargs, _changed(result, TensorOnGpu))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Files have it as a tensor of the CPU, as they are read."""
        return self.held.__reduce_ex__(protocol)


def _changed(values: Any, change: Callable[[Tensor], Any]) -> Any:
    """Values with all tensors in them changed, also those of lists and dictionaries."""
    if isinstance(values, Tensor):
        return change(values)
    if isinstance(values, list | tuple):
        return type(values)([_changed(value, change) for value in values])
    if isinstance(values, dict):
        return {key: _changed(value, change) for key, value in values.items()}
    return values


def _summed(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """By float64; the result has the type of the first tensor, or that asked for."""

    def double(tensor: Tensor) -> Tensor:
        return tensor.double() if tensor.is_floating_point() else tensor

    result = func(*_changed(args, double), **_changed(kwargs, double))
    first = next(value for value in args if isinstance(value, Tensor))
    if kwargs.get("dtype") or not first.is_floating_point():
        return result
    return _changed(result, lambda tensor: tensor.to(first.dtype))


@contextmanager
def _random_numbers_of_gpu() -> Iterator[None]:
    """Draw them from the GPU's generator, not from the CPU's."""
    before = torch.get_rng_state()
    torch.set_rng_state(_generator.get_state())
    try:
        yield
    finally:
        _generator.set_state(torch.get_rng_state())
        torch.set_rng_state(before)


class _Calls(TorchFunctionMode):
    """Calls that bring tensors from one device to the other, or make them there."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch._has_compatible_shallow_copy_type:
            return isinstance(args[0], TensorOnGpu) == isinstance(args[1], TensorOnGpu)
        if func in (Tensor.tolist, Tensor.__repr__) and isinstance(args[0], TensorOnGpu):
            return func(args[0].held)
        if func is Tensor.type_as:
            func, args = Tensor.to, (args[0], args[1].device, args[1].dtype)
        if func in (Tensor.cuda, Tensor.cpu):
            func, args, kwargs = Tensor.to, (args[0], _CUDA if func is Tensor.cuda else _CPU), {}
        if func is Tensor.to:
            result = _to(*args, **kwargs)
            self.fetched += [result] * (
                isinstance(args[0], TensorOnGpu) and not isinstance(result, TensorOnGpu)
            )
            return result
        if not _is_cuda(kwargs.get("device")) or func is torch.device:
            return func(*args, **kwargs)
        with _random_numbers_of_gpu():
            made = func(*args, **kwargs | {"device": _CPU})
        return made if isinstance(made, TensorOnGpu) or not isinstance(made, Tensor) else TensorOnGpu(made)


def _to(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """`Tensor.to`, whatever it is given: a device, a type, a tensor that has both."""
    wanted = kwargs.pop("device", None)
    rest = []
    for value in args:
        if isinstance(value, str | torch.device):
            wanted = value
        elif isinstance(value, Tensor):
            wanted, rest = value.device, [value.dtype]
        elif isinstance(value, torch.dtype):
            rest.append(value)
    there = isinstance(tensor, TensorOnGpu)
    if wanted is None or _is_cuda(wanted) == there:
        return tensor.to(*rest, **kwargs) if rest or kwargs else tensor
    assert not (tensor.requires_grad and torch.is_grad_enabled()), "no gradients go from device to device"
    if there:
        return tensor.held.detach().clone().to(*rest, **kwargs)  # type: ignore[attr-defined]
    return TensorOnGpu(tensor.detach().clone().to(*rest, **kwargs))


def _is_cuda(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cuda"


class _Event:
    def __init__(self, enable_timing: bool = False) -> None:
        self.moment = 0.0

    def record(self) -> None:
        self.moment = time.perf_counter()

    def elapsed_time(self, other: _Event) -> float:
        return 1000 * (other.moment - self.moment)


def _asked_of_cuda() -> dict[str, Any]:
    """What is asked of `torch.cuda`."""
    functions: dict[str, Callable[..., Any]] = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "current_device": lambda: 0,
        "get_device_name": lambda device=None: NAME,
        "get_device_properties": lambda device=None: SimpleNamespace(uuid="0123"),
        "synchronize": lambda device=None: None,
        "reset_peak_memory_stats": lambda device=None: None,
        "max_memory_allocated": lambda device=None: 1 << 20,
        "manual_seed_all": lambda seed: _generator.manual_seed(seed),
        "get_rng_state": lambda device=None: _generator.get_state(),
        "set_rng_state": lambda state, device=None: _generator.set_state(state),
    }
    return {**functions, "Event": _Event}
