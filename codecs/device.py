"""What the networks of a learned codec compute on: the CPU, or a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.codecs.parameters import Parameter
from bench.core.errors import BenchError

DEVICE = Parameter(
    "cpu",
    "what computes: cpu, cuda (a GPU), auto (a GPU if there is one)",
    ("cpu", "cuda", "auto"),
    setup=True,
)


def chosen(codec: str, wanted: str) -> str:
    """The device of a value of `DEVICE`, as torch calls it: "cpu" or "cuda".

    >>> chosen("ainn", "cpu")
    'cpu'

    Args:
        codec: name of the codec, for errors.

    Raises:
        BenchError: a GPU is asked for, and there is none.
    """
    if wanted == "cpu":
        return "cpu"
    if has_gpu():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    import torch

    built_for_one = torch.version.cuda or torch.version.hip
    why = "" if built_for_one else f" (torch {torch.__version__} is a build for CPUs)"
    raise BenchError(
        f"{codec}:device=cuda wants a GPU that PyTorch can use, and there is none{why}; "
        "write device=auto for a GPU if there is one, or leave device out"
    )


def has_gpu() -> bool:
    """Whether there is a GPU that PyTorch can use; imports it."""
    import torch

    return torch.cuda.is_available()


@contextmanager
def exact_floats(device: str) -> Iterator[None]:
    """Let a GPU compute convolutions in float32 proper, and each time by the same algorithm.

    Without, torch takes TensorFloat-32, whose mantissa has 10 bits, and any algorithm: pictures would be
    others than a CPU's, and a decoder might predict something else than its encoder did.
    """
    if device == "cpu":
        yield
        return
    import torch

    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
        yield
