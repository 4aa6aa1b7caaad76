"""What a search of A-INN's encoder brings, on the middle of photos: J, bits and CPU time.

    python experiments/ainn_search.py path/to/photos --passes 10 50
    python experiments/ainn_search.py path/to/photos --passes 10 --candidates 32 --steps 0.2 0.04

J = bits + lambda 255^2 MSE (times pixels), by real coding, as `bench.codecs.ainn.search` has it. Changes are
in percent of J without a search, means over photos and qualities.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from middles import middle
from numpy.typing import NDArray

from bench.codecs.ainn import search
from bench.codecs.ainn.codec import AinnCodec, _pad


def main(options: argparse.Namespace) -> None:
    torch.set_flush_denormal(True)
    photos = [middle(path, options.side) for path in sorted(options.photos.iterdir())]
    search.FIRST_STEP, search.LAST_STEP = options.steps
    search.SURVIVORS = options.survivors
    if options.candidates:
        search.candidates_of = lambda effort: options.candidates
    print("| passes | candidates | best pass (%) | last three (%) | by pieces (%) | CPU (s) | beside none |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for passes in options.passes:
        candidates = search.candidates_of(passes)
        rows = [searched(photo, quality, passes) for photo in photos for quality in options.quality]
        best, last, joined, seconds, plain = np.mean(rows, 0)
        print(
            f"| {passes} | {candidates} | {best:+.2f} | {last:+.2f} | {joined:+.2f} "
            f"| {seconds:.1f} | {seconds / plain:.0f} times |",
            flush=True,
        )


def searched(photo: NDArray[np.uint8], quality: float, passes: int) -> tuple[float, ...]:
    """Changes of J by the best pass, the last three, and pieces; CPU seconds, and those of no search."""
    codec = AinnCodec()
    codec.encode(photo, quality)  # builds what is kept
    began = time.process_time()
    codec.encode(photo, quality)
    plain = time.process_time() - began
    found = search.search(codec._model, codec._coder, _pad(photo), photo.shape[:2], quality - 1.0, passes)
    seconds = time.process_time() - began - plain
    costs = 100 * (np.array(found.costs) / found.costs[0] - 1)
    return min(costs[:-1]), costs[-4:-1].mean(), min(costs), seconds, plain


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--passes", type=int, nargs="+", default=[10])
    parser.add_argument("--candidates", type=int, help="by default more of them the more passes")
    parser.add_argument("--survivors", type=int, default=search.SURVIVORS)
    parser.add_argument("--steps", type=float, nargs=2, default=[search.FIRST_STEP, search.LAST_STEP])
    parser.add_argument("--quality", type=float, nargs="+", default=[2, 6])
    parser.add_argument("--side", type=int, default=384)
    main(parser.parse_args())
