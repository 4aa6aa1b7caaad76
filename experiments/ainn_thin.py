"""What A-INN takes for thin pictures, beside a square one of as many pixels: steps, CPU time, bytes.

    python experiments/ainn_thin.py path/to/kodak

The wide picture is strips of photos side by side. The tall one is the same, turned, and the square one has
the same strips below one another. "Upright, in one piece" is how thin pictures were coded before: container
version 2.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import torch

from bench import codecs
from bench.codecs.ainn import container
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.coding_order import CodingOrder, is_thin
from bench.codecs.base import RGB
from bench.core.files import is_image_name
from bench.core.images import read_rgb

SHORT = 64
QUALITY = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--side", type=int, default=2048, help="of the square picture, a multiple of 64")
    options = parser.parse_args()
    long = options.side**2 // SHORT
    strips, width = [], 0
    for path in cycle(sorted(path for path in options.photos.iterdir() if is_image_name(path.name))):
        photo = read_rgb(path)
        strips += [photo[top : top + SHORT] for top in range(0, len(photo) - SHORT + 1, SHORT)]
        width = sum(strip.shape[1] for strip in strips)
        if width >= long:
            break
    row = np.concatenate(strips, axis=1)[:, :long]
    square = np.concatenate(np.split(row, options.side // SHORT, axis=1))
    wide = row[:, : long - 1]
    codec = codecs.get("ainn")
    assert isinstance(codec, AinnCodec)
    codec.decode(codec.encode(square[:64, :64], QUALITY))  # loads what is loaded once
    print("| picture | steps | upright, in one piece | bytes | upright, in one piece "
          "| encode (us of CPU a pixel) | decode | times the square: encode | decode |")  # fmt: skip
    print("| --- |" + " ---: |" * 8)
    of_square: list[float] = []
    for picture in (square, wide, wide.transpose(1, 0, 2)):
        picture = np.ascontiguousarray(picture)
        height, width = picture.shape[:2]
        began = time.process_time()
        stream = codec.encode(picture, QUALITY)
        between = time.process_time()
        codec.decode(stream)
        sides = [1e6 * span / (height * width) for span in (between - began, time.process_time() - between)]
        of_square = of_square or sides
        steps, *before = *_steps(height, width), _bytes_upright(codec, picture, stream)
        cells = [str(number) for number in (steps, before[0], len(stream), before[1])]
        cells += [f"{side:.2f}" for side in sides]
        cells += [f"{side / of_one:.2f}" for side, of_one in zip(sides, of_square, strict=True)]
        print(f"| {width}x{height} | {' | '.join(cells)} |", flush=True)


def _steps(height: int, width: int) -> tuple[int, int]:
    """Wavefronts of a picture, and as many as there were upright and in one piece."""
    size = -(-height // 64) * 4, -(-width // 64) * 4
    laid = (min(size), max(size)) if is_thin(*size) else size
    return len(CodingOrder.of_picture(*laid).fronts), len(CodingOrder(*size).fronts)


@torch.inference_mode()
def _bytes_upright(codec: AinnCodec, picture: RGB, stream: bytes) -> int:
    """Bytes of the stream of a picture that isn't laid down nor cut, given that of now."""
    coder, entropy, level = codec._coder, codec._model.entropy, codec._level(QUALITY)
    y = codec._analyse(picture)
    if not is_thin(*y.shape[2:]):
        return len(stream)
    z = coder.analyse(y)
    hyper = coder.hyper_features(z, level)
    chosen = coder.choose(entropy.normalise(y.float()), hyper, level, CodingOrder(*y.shape[2:]))
    payload = coder.write(z, chosen).payload
    return len(container.pack(container.unpack(stream)._replace(payload=payload, thin=False)))


if __name__ == "__main__":
    sys.exit(main())
