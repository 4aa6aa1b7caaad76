"""Measured points beside those that others published at the same setting, on Kodak, as a Markdown table.

    python experiments/agreement.py [path/to/results]

The published files don't say at which settings their points were taken; the scripts that made them do, and
the rates leave no doubt. A line stands for a setting that was measured on all images and published.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.compare import published
from bench.compare.curves import cell_of, curve
from bench.results import COMMITTED, Store

DATASET, IMAGES = "kodak", 24
_EIGHT_QPS = tuple(range(47, 11, -5))
_BY_FIVE = tuple(range(5, 100, 5))

# Codec, published curve, and the settings of its points by rising rate.
PAIRS: tuple[tuple[str, str, Sequence[float]], ...] = (
    ("vtm", "vtm-compressai", _EIGHT_QPS),
    ("vtm", "vtm", range(50, 14, -1)),
    ("vtm:version=12.1", "vtm-compressai", _EIGHT_QPS),
    ("vtm:version=12.1", "vtm", range(50, 14, -1)),
    ("hm", "hm", _EIGHT_QPS),
    ("bpg", "bpg", _EIGHT_QPS),
    ("jpeg", "jpeg", _BY_FIVE),
    ("webp", "webp", _BY_FIVE),
    ("jpeg2000", "jpeg2000", range(190, 0, -10)),
)


def main(results: Path) -> None:
    print("| codec | published | quality | bpp | difference | PSNR (dB) | difference |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for codec, name, settings in PAIRS:
        theirs = dict(zip(settings, published.load(name, DATASET).points, strict=True))
        rows = Store(results).rows(DATASET, codec)
        for point in curve(codec, map(cell_of, rows)).points:
            other = theirs.get(point.quality)
            if other is None or point.images < IMAGES:
                continue
            rate = 100 * (point.bpp / other.bpp - 1)
            psnr = point.values["psnr"]
            print(
                f"| {codec} | {name} | {point.quality:g} | {point.bpp:.4f} | {rate:+.2f} % "
                f"| {psnr:.3f} | {psnr - other.values['psnr']:+.3f} |"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else COMMITTED)
