"""What pictures of datasets are like, and which of these traits go with codecs' BD-rates on them.

    python experiments/traits.py ainn,jpeg results/compare/kodak/elsewhere=path/to/kodak \
        results/compare/cid22-valid/elsewhere=path/to/cid22-valid

Arguments are codecs, then pairs: a folder with the comparison.json of `bench compare`, whose anchor is HEVC,
and the folder of its pictures. Prints the mean of each trait over the pictures of each dataset, and its rank
correlation (Spearman) with each codec's BD-rates of single pictures, by PSNR, over the pictures of all
datasets together: +1 says that a codec does worse against HEVC, the more of the trait there is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

import bench

BLOCK, FLAT = 16, 2.0  # pixels of a block's side; standard deviation of luma in a flat one
QP = 32


def main(codecs: list[str], arguments: list[str]) -> None:
    comparisons, traits = {}, {}
    for argument in arguments:
        folder, pictures = argument.split("=")
        comparison = json.loads((Path(folder) / "comparison.json").read_text())
        comparisons[comparison["dataset"]] = comparison
        traits[comparison["dataset"]] = traits_by_image(comparison, Path(pictures))

    print("| | " + " | ".join([*traits, *(f"with {codec}'s BD-rate" for codec in codecs)]) + " |")
    print("| --- |" + " ---: |" * (len(traits) + len(codecs)))
    for trait in next(iter(next(iter(traits.values())).values())):
        means = [np.mean([of[trait] for of in images.values()]) for images in traits.values()]
        cells = [f"{mean:.3g}" for mean in means]
        cells += [f"{correlation(trait, codec, comparisons, traits):+.2f}" for codec in codecs]
        print(f"| {trait} | " + " | ".join(cells) + " |")


def correlation(
    trait: str,
    codec: str,
    comparisons: dict[str, dict[str, Any]],
    traits: dict[str, dict[str, dict[str, float]]],
) -> float:
    """Spearman's, of a trait with a codec's BD-rates of single pictures, over all datasets."""
    pairs = []
    for dataset, comparison in comparisons.items():
        for row in comparison["rows"]:
            if row["codec"] == codec and row["metric"] == "psnr":
                pairs += [
                    (traits[dataset][delta["image"]][trait], delta["bd_rate"])
                    for delta in row["per_image"]["deltas"]
                    if delta["bd_rate"] is not None
                ]
    values, rates = zip(*pairs, strict=True)
    return float(spearmanr(values, rates).statistic) if len(set(values)) > 1 else float("nan")


def traits_by_image(comparison: dict[str, Any], pictures: Path) -> dict[str, dict[str, float]]:
    rows = bench.load_results(comparison["dataset"], comparison["anchor"])
    rows = rows[rows["quality"] == QP].set_index("image")
    images = [delta["image"] for delta in comparison["rows"][0]["per_image"]["deltas"]]
    return {
        image: {
            **traits_of(pictures / image),
            f"bpp of HEVC at QP {QP}": float(rows["bpp"][image]),
            f"PSNR of HEVC at QP {QP} (dB)": float(rows["psnr"][image]),
        }
        for image in images
    }


def traits_of(path: Path) -> dict[str, float]:
    with Image.open(path) as opened:
        ycc = np.asarray(opened.convert("RGB").convert("YCbCr"), dtype=np.float64)
    luma, chroma = ycc[..., 0], ycc[..., 1:]
    rows, columns = (side // BLOCK * BLOCK for side in luma.shape)
    blocks = luma[:rows, :columns].reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK)
    a, b, c, d = (luma[y:rows:2, x:columns:2] for y in (0, 1) for x in (0, 1))
    diagonal = (a - b - c + d) / 2  # of a Haar wavelet: in most places noise alone
    fine = luma - gaussian_filter(luma, 1.0)
    return {
        "megapixels": luma.size / 1e6,
        "noise (levels)": float(np.median(np.abs(diagonal)) / 0.6745),
        "share of flat blocks": float((blocks.std(axis=(1, 3)) < FLAT).mean()),
        "fine detail / luma": float(fine.std() / luma.std()),
        "chroma / luma": float(chroma.std(axis=(0, 1)).mean() / luma.std()),
    }


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
