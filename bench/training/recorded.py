"""A GPU's work of one step, recorded once and replayed.

A step of A-INN is some thousand small kernels. Launching them one by one takes the CPU longer than
the GPU takes to run them, at the batches that a short training wants.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_WARM_UPS = 3  # in which libraries choose their kernels and allocate


class Recorded:
    """A function of tensors to a tensor, as a CUDA graph (https://pytorch.org/docs/stable/notes/cuda.html).

    The function must not wait for the GPU, and all calls take inputs of the shapes of the first.
    Gradients that the function leaves in parameters stay in the same memory: don't set them to None
    between calls.
    """

    def __init__(self, function: Callable[..., Tensor], *inputs: Tensor) -> None:
        self._inputs = tuple(value.clone() for value in inputs)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                function(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = function(*self._inputs)

    def __call__(self, *inputs: Tensor) -> Tensor:
        for kept, value in zip(self._inputs, inputs, strict=True):
            kept.copy_(value)
        self._graph.replay()
        return self._output
