"""What A-INN takes for the thinnest pictures, beside a square one of as many pixels: CPU time of both sides.

    python experiments/ainn_thin.py path/to/kodak

The wide picture is strips of photos side by side. The tall one is the same, turned, and the square one has
the same strips below one another.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import cycle
from pathlib import Path

import numpy as np

from bench import codecs
from bench.core.files import is_image_name
from bench.core.images import read_rgb

LONG, SHORT, SIDE = 65_535, 64, 2_048
QUALITY = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of photos")
    folder = parser.parse_args().photos
    strips, width = [], 0
    for path in cycle(sorted(path for path in folder.iterdir() if is_image_name(path.name))):
        photo = read_rgb(path)
        strips += [photo[top : top + SHORT] for top in range(0, len(photo) - SHORT + 1, SHORT)]
        width = sum(strip.shape[1] for strip in strips)
        if width > LONG:
            break
    row = np.concatenate(strips, axis=1)[:, : LONG + 1]
    square = np.concatenate(np.split(row, SIDE // SHORT, axis=1))
    wide = row[:, :LONG]
    codec = codecs.get("ainn")
    codec.decode(codec.encode(square[:64, :64], QUALITY))  # loads what is loaded once
    print("| picture | bytes | encode (us of CPU a pixel) | decode | times the square: encode | decode |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
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
        cells = [f"{side:.2f}" for side in sides]
        cells += [f"{side / of_one:.2f}" for side, of_one in zip(sides, of_square, strict=True)]
        print(f"| {width}x{height} | {len(stream)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
