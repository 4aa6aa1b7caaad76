"""How many bits more than another codec a codec needs on each picture, at the PSNR of each of its qualities.

    python experiments/picture_gaps.py ainn hevc clic2025-valid-folder

takes results of the dataset, and prints a line for each picture: how much of the other codec's mean rate at
QP 32 it is, then, for each quality, its rate and the bits more in percent. Curves are interpolated as for
BD-rates.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.interpolate import PchipInterpolator

import bench

QP = 32


def main(codec: str, anchor: str, dataset: str) -> None:
    rows, others = bench.load_results(dataset, codec), bench.load_results(dataset, anchor)
    qualities = sorted(rows["quality"].unique())
    share = others[others["quality"] == QP].set_index("image")["bpp"]
    share = share / share.sum()
    titles = [f"quality {quality:g}" for quality in qualities]
    print(f"| picture | share of {anchor}'s mean rate | " + " | ".join(titles) + " |")
    print("| --- |" + " ---: |" * (1 + len(qualities)))
    for image, points in rows.groupby("image"):
        curve = others[others["image"] == image].sort_values("psnr")
        log_rate = PchipInterpolator(curve["psnr"], np.log(curve["bpp"]), extrapolate=False)
        cells = []
        for _, point in points.sort_values("quality").iterrows():
            more = 100 * (point["bpp"] / np.exp(float(log_rate(point["psnr"]))) - 1)
            cells.append(
                f"{point['bpp']:.3f} bpp, " + ("no such PSNR" if np.isnan(more) else f"{more:+.0f} %")
            )
        print(f"| {image} | {100 * share[image]:.0f} % | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main(*sys.argv[1:])
