"""A comparison in one Markdown table: BD-rates with their intervals, times and memory, the best first.

python experiments/overview.py results/compare/kodak/classical/comparison.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(path: Path) -> None:
    found = json.loads(path.read_text())
    metrics = list(dict.fromkeys(row["metric"] for row in found["rows"]))
    deltas = {(row["codec"], row["metric"]): row for row in found["rows"]}
    costs = {cost["codec"]: cost for cost in found["costs"]}
    titles = {"psnr": "BD-rate, PSNR", "ms_ssim": "BD-rate, MS-SSIM"}
    columns = [
        "codec", "chroma", *(titles.get(metric, metric) for metric in metrics),
        "encode (s)", "decode (s)", "encode, peak (MiB)", "decode, peak (MiB)",
    ]  # fmt: skip
    print("| " + " | ".join(columns) + " |")
    print("| --- | --- |" + " ---: |" * (len(columns) - 2))
    codecs = [curve["codec"] for curve in found["curves"]]
    for codec in sorted(codecs, key=lambda codec: _rank(deltas.get((codec, metrics[0])))):
        cost = costs[codec]
        cells = [codec, found["sampling"].get(codec, "")]
        cells += [
            "anchor" if codec == found["anchor"] else _delta(deltas[codec, metric]) for metric in metrics
        ]
        cells += [_seconds(cost["encode_s"]), _seconds(cost["decode_s"])]
        cells += [_mebibytes(cost["encode_memory"]), _mebibytes(cost["decode_memory"])]
        print("| " + " | ".join(cells) + " |")


def _rank(row: dict[str, Any] | None) -> float:
    if row is None:  # the anchor
        return 0.0
    return float("inf") if row["bd_rate"] is None else float(row["bd_rate"])


def _delta(row: dict[str, Any]) -> str:
    if row["bd_rate"] is None:
        return str(row["reason"])
    ends = (row["interval"] or {}).get("bd_rate")
    told = f" ({ends[0]:+.1f} to {ends[1]:+.1f})" if ends else ""
    return f"{row['bd_rate']:+.2f} %{told}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _mebibytes(value: int | None) -> str:
    return "" if value is None else f"{value / 2**20:.0f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
