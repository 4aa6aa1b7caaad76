"""How long A-INN takes for a picture beside CompressAI's cheng2020-anchor, in one process, in turns.

    python experiments/ainn_speed.py path/to/picture.png

cheng2020-anchor is untrained: its time doesn't depend on its weights, and its serial context model is the
usual one. Each is called three times, in turns; the quickest counts. CPU seconds are those of all threads:
other programs change them less. The last two lines are what A-INN's transform alone computes, both ways, and
how long the filter behind it takes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from bench import codecs
from bench.codecs.ainn.codec import WEIGHTS
from bench.codecs.ainn.weights import load_weights
from bench.codecs.compressai_import import compressai
from bench.core.images import read_rgb

ROUNDS = 3
INFINITE = float("inf")


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU."""
    began, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - began, time.process_time() - used


@torch.inference_mode()
def main(path: Path) -> None:
    picture = read_rgb(path)
    x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    ainn = codecs.get("ainn")
    calls: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {}
    stream = ainn.encode(picture, 4)
    calls["ainn"] = (lambda: ainn.encode(picture, 4), lambda: ainn.decode(stream))
    for quality in (1, 6):
        model = compressai().zoo.cheng2020_anchor(quality=quality, pretrained=False).eval()
        model.update()
        coded = model.compress(x)
        calls[f"cheng2020-anchor, quality {quality}"] = (
            lambda model=model: model.compress(x),  # type: ignore[misc]
            lambda model=model, coded=coded: model.decompress(coded["strings"], coded["shape"]),  # type: ignore[misc]
        )
    best = {name: [INFINITE] * 4 for name in calls}  # wall and CPU to encode, wall and CPU to decode
    for _ in range(ROUNDS):
        for name, (encode, decode) in calls.items():
            best[name] = list(map(min, best[name], seconds(encode) + seconds(decode)))
    print(f"{path.name}, {picture.shape[1]}x{picture.shape[0]}, {torch.get_num_threads()} threads")
    print("| codec | encode (s) | CPU | decode (s) | CPU | times A-INN: encode | CPU | decode | CPU |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, times in best.items():
        ratios = (time / ours for time, ours in zip(times, best["ainn"], strict=True))
        cells = [*(f"{time:.2f}" for time in times), *(f"{ratio:.1f}" for ratio in ratios)]
        print(f"| {name} | {' | '.join(cells)} |")
    model = load_weights(WEIGHTS)
    with FlopCounterMode(display=False) as encoding:
        y = model.encode(x)
    with FlopCounterMode(display=False) as decoding:
        model.decode(y)
    giga = [counter.get_total_flops() / 2e9 for counter in (encoding, decoding)]
    print(f"multiply-adds: {giga[0]:.1f} G to encode, {giga[1]:.1f} G to decode")
    print(f"filter: {min(seconds(lambda: model.picture_filter(x, 3.0))[0] for _ in range(ROUNDS)):.2f} s")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
