"""How often A-INN's bitstreams and pictures hang on the last digits of floats, which each device has its own.

    python experiments/other_floats.py path/to/kodak

Each picture is encoded by transforms in float32 and in float64: as far apart as a CPU and a GPU, or more.
Then each codec decodes what the other wrote.
"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.model import Ainn
from bench.core.images import read_rgb

QUALITIES = (1, 3, 6, 8)


class Transforms64:
    """A model's transforms in float64, what they give rounded to float32; its filter as it is."""

    def __init__(self, model: Ainn) -> None:
        self._model = copy.deepcopy(model).double()
        self.picture_filter = model.picture_filter

    def encode(self, x: Tensor) -> Tensor:
        return self._model.encode(x.double()).float()

    def decode(self, y_hat: Tensor) -> Tensor:
        return self._model.decode(y_hat.double()).float()


def main(folder: Path) -> None:
    usual, other = AinnCodec(), AinnCodec()
    other._transforms = Transforms64(other._model)
    columns = "quality", "bitstreams", "the same", "largest difference, bytes", "share of samples that differ"
    print(f"| {' | '.join(columns)} | by at most |")
    print("| --- " * (len(columns) + 1) + "|")
    for quality in QUALITIES:
        same, bytes_apart, apart, samples, levels = 0, 0, 0, 0, 0
        paths = sorted(folder.glob("*.png"))
        for path in paths:
            image = read_rgb(path)
            streams = [codec.encode(image, quality) for codec in (usual, other)]
            same += streams[0] == streams[1]
            bytes_apart = max(bytes_apart, abs(len(streams[0]) - len(streams[1])))
            for stream in set(streams):
                one, two = (codec.decode(stream).astype(int) for codec in (usual, other))
                apart += int((one != two).sum())
                samples += one.size
                levels = max(levels, int(np.abs(one - two).max()))
        print(
            f"| {quality} | {len(paths)} | {same} | {bytes_apart} | {apart / samples:.1e} | {levels} |",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
