"""What a codec costs: times, memory, size of its model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from bench.compare.curves import Curve
from bench.compare.sources import Source
from bench.results import Setup


@dataclass(frozen=True)
class Cost:
    """Times, memory and size of a codec, over its cells; None: not known."""

    codec: str
    encode_s: float | None  # means over the cells that were measured with no other job
    decode_s: float | None
    encode_memory: int | None  # bytes, the largest of any cell
    decode_memory: int | None
    start_s: float | None  # median; from nothing to a codec ready to encode
    model_parameters: int | None
    model_bytes: int | None
    device: str  # "CPU, 2 threads"; all of them, where cells were measured on several
    timed: int  # cells that the means are over
    cells: int
    note: str


def cost_of(each: Curve, source: Source) -> Cost:
    """Of the cells of a curve, from the results that it was measured in."""
    timed = [cell for cell in each.cells if cell.encode_s is not None and cell.decode_s is not None]
    note = ""
    if source.contents is None:
        note = "not measured here"
    elif not timed:
        note = "not measured alone"
    elif len(timed) < len(each.cells):
        note = f"times of the {len(timed)} of {len(each.cells)} cells that were measured alone"
    measured = {cell.image for cell in each.cells}
    alone = [row for row in source.rows if row.alone and row.image_sha256 in measured]
    details = source.setups[-1].details if source.setups else {}
    return Cost(
        codec=each.codec,
        encode_s=_of(fmean, timed, lambda cell: cell.encode_s),
        decode_s=_of(fmean, timed, lambda cell: cell.decode_s),
        encode_memory=_of(max, each.cells, lambda cell: cell.encode_memory),
        decode_memory=_of(max, each.cells, lambda cell: cell.decode_memory),
        start_s=_of(median, alone, lambda row: row.start_s),
        model_parameters=details.get("model_parameters"),
        model_bytes=details.get("model_bytes"),
        device="; ".join(dict.fromkeys(map(_device, source.setups))),
        timed=len(timed),
        cells=len(each.cells),
        note=note,
    )


def _device(made_with: Setup) -> str:
    device, threads = made_with.machine.get("device"), made_with.run.get("threads")
    told = f"{threads} thread" if threads == 1 else f"{threads} threads"
    return ", ".join([*([device] if device else []), *([told] if threads else [])])


def _of(summary: Callable[[list[Any]], Any], cells: Iterable[Any], figure: Callable[[Any], Any]) -> Any:
    known = [value for cell in cells if (value := figure(cell)) is not None]
    return summary(known) if known else None
