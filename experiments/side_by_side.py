"""BD-rates of several comparisons beside each other, or of one comparison by many metrics.

    python experiments/side_by_side.py results/compare/kodak/elsewhere results/compare/cid22-valid/elsewhere
    python experiments/side_by_side.py results/compare/cid22-valid/elsewhere --metrics

Each folder holds the comparison.json of `bench compare`. The first command prints two tables by PSNR, with a
column for each comparison, the codec that is best in the first comparison first: BD-rates of mean curves with
95 % intervals; then means of the BD-rates of single pictures, with the lowest and the highest. The second
command prints a line for each metric: the BD-rates of all codecs, and how far the metric ranks the codecs as
SSIMULACRA 2 does (Kendall's tau over all codecs with a BD-rate by both: 1 is the same ranking, 0 is none).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scipy.stats import kendalltau

JUDGE = "ssimulacra2"


def main(folders: list[Path], by_metric: bool) -> None:
    comparisons = [json.loads((folder / "comparison.json").read_text()) for folder in folders]
    if by_metric:
        for comparison in comparisons:
            print_metrics(comparison)
    else:
        print_sets(comparisons, with_interval)
        print()
        print_sets(comparisons, of_pictures)


def print_sets(comparisons: list[dict[str, Any]], written: Callable[[dict[str, Any] | None], str]) -> None:
    """A line for each codec, a column for each comparison."""
    columns = [deltas_by(comparison, "psnr") for comparison in comparisons]
    titles = [f"{comparison['dataset']}, {comparison['images']}" for comparison in comparisons]
    print("| codec | " + " | ".join(titles) + " |")
    print("| --- |" + " ---: |" * len(titles))
    for codec in sorted(columns[0], key=lambda codec: rate(columns[0][codec])):
        print(f"| {codec} | " + " | ".join(written(column.get(codec)) for column in columns) + " |")


def print_metrics(comparison: dict[str, Any]) -> None:
    """A line for each metric, a column for each codec but for the anchor."""
    anchor = comparison["anchor"]
    metrics = list(dict.fromkeys(row["metric"] for row in comparison["rows"]))
    deltas = {metric: deltas_by(comparison, metric) for metric in metrics}
    codecs = sorted(deltas[metrics[0]], key=lambda codec: rate(deltas[metrics[0]][codec]))
    print("| metric | " + " | ".join(codecs) + " | ranks as SSIMULACRA 2 |")
    print("| --- |" + " ---: |" * (len(codecs) + 1))
    for metric in metrics:
        rates = {codec: row["bd_rate"] for codec, row in deltas[metric].items()} | {anchor: 0.0}
        judged = {codec: row["bd_rate"] for codec, row in deltas.get(JUDGE, {}).items()} | {anchor: 0.0}
        both = [codec for codec in rates if rates[codec] is not None and judged.get(codec) is not None]
        tau = kendalltau([rates[codec] for codec in both], [judged[codec] for codec in both]).statistic
        cells = ["" if rates[codec] is None else f"{rates[codec]:+.0f}" for codec in codecs]
        print(f"| {metric} | " + " | ".join(cells) + f" | {tau:.2f} |")


def deltas_by(comparison: dict[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    return {row["codec"]: row for row in comparison["rows"] if row["metric"] == metric}


def rate(row: dict[str, Any]) -> float:
    return float("inf") if row["bd_rate"] is None else float(row["bd_rate"])


def with_interval(row: dict[str, Any] | None) -> str:
    if row is None or row["bd_rate"] is None:
        return ""
    ends = (row["interval"] or {}).get("bd_rate")
    return f"{row['bd_rate']:+.1f} %" + (f" ({ends[0]:+.0f} to {ends[1]:+.0f})" if ends else "")


def of_pictures(row: dict[str, Any] | None) -> str:
    """The mean of the BD-rates of single pictures, the lowest and the highest."""
    rates = [picture["bd_rate"] for picture in (row or {"per_image": {"deltas": []}})["per_image"]["deltas"]]
    if not rates or None in rates:
        return ""
    ends = f" ({min(rates):+.0f} to {max(rates):+.0f})" if len(rates) > 1 else ""
    return f"{sum(rates) / len(rates):+.1f} %{ends}"


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--metrics"]
    main([Path(argument) for argument in arguments], "--metrics" in sys.argv)
