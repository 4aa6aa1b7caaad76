"""Tables of what codecs cost: times, memory, size, multiply-adds; and BD-rate over these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.compare.comparison import Comparison
from bench.compare.costs import NO_NETWORKS, Cost
from bench.compare.pareto import AXES, pareto
from bench.metrics import get as get_metric
from bench.report.grid import Grid, number

# Columns of costs that are there even if they are empty.
_ALWAYS = ("codec", "encode (s)", "decode (s)", "cells", "encode, peak (MiB)", "decode, peak (MiB)", "note")


def costs(comparison: Comparison) -> Grid:
    """Times and memory; what no codec has makes no column."""
    columns = (
        "codec", "encode (s)", "decode (s)", "cells", "start (s)", "encode, peak (MiB)", "decode, peak (MiB)",
        "encode, GPU (MiB)", "decode, GPU (MiB)", "parameters (M)", "model (MiB)", "encode (kMAC/pixel)",
        "decode (kMAC/pixel)", "decodes elsewhere", "device", "note",
    )  # fmt: skip
    title = "Times, means over images and qualities; memory and size"
    rows = [_cost_row(cost) for cost in comparison.costs]
    kept = [place for place, name in enumerate(columns) if name in _ALWAYS or any(row[place] for row in rows)]
    return Grid(title, tuple(columns[place] for place in kept), [[row[p] for p in kept] for row in rows])


def paretos(comparison: Comparison, axes: Sequence[str]) -> Iterator[Grid]:
    """BD-rate over each of these axes of `bench.compare.pareto.AXES`, by each metric."""
    for cost in axes:
        for metric in comparison.metrics:
            of = pareto(comparison, metric, cost)
            if not of.places:
                continue
            axis = AXES[cost]
            rows = [
                [
                    place.codec,
                    f"{place.cost:.3g}",
                    f"{place.bd_rate:+.2f}",
                    "yes" if place.on_front else "",
                    "",
                ]
                for place in of.places
            ]
            rows += [[codec, "", "", "", reason] for codec, reason in of.absent]
            columns = ("codec", f"{axis.title} ({axis.unit})", "BD-rate (%)", "on the front", "note")
            on = f", {of.machine}" if of.machine else ""
            yield Grid(f"BD-rate by {get_metric(metric).title} over {axis.title}{on}", columns, rows)


def _cost_row(cost: Cost) -> list[str]:
    return [
        cost.codec,
        number(cost.encode_s, ".3f"),
        number(cost.decode_s, ".3f"),
        str(cost.timed) if cost.timed else "",
        number(cost.start_s, ".2f"),
        *(number(memory and memory / 2**20, ".0f") for memory in (cost.encode_memory, cost.decode_memory)),
        *(
            number(memory and memory / 2**20, ".0f")
            for memory in (cost.encode_gpu_memory, cost.decode_gpu_memory)
        ),
        number(cost.model_parameters and cost.model_parameters / 1e6, ".1f"),
        number(cost.model_bytes and cost.model_bytes / 2**20, ".1f"),
        *(
            "none" if cost.not_counted == NO_NETWORKS else number(adds and adds / 1e3, ".1f")
            for adds in (cost.encode_multiply_adds, cost.decode_multiply_adds)
        ),
        cost.decodes_elsewhere,
        cost.device,
        "; ".join(filter(None, (cost.note, "" if cost.not_counted == NO_NETWORKS else cost.not_counted))),
    ]
