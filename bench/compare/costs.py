"""What a codec costs: times, memory, size of its model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from bench.compare import remarks
from bench.compare.curves import Curve
from bench.compare.sources import Source
from bench.results import Setup


@dataclass(frozen=True)
class Cost:
    """Times, memory and size of a codec, over the cells of its curve; None: not known."""

    codec: str
    encode_s: float | None  # means over the cells that were measured alone
    decode_s: float | None
    encode_memory: int | None  # bytes, the largest of any cell
    decode_memory: int | None
    start_s: float | None  # median; from nothing to a codec ready to encode
    model_parameters: int | None
    model_bytes: int | None
    device: str  # "CPU, 2 threads"; all of them, where cells were measured on several
    timed: int  # cells that the means are over
    cells: int
    note: str  # what to know of the times; may be empty


def cost_of(curve: Curve, source: Source) -> Cost:
    """The cost of a curve's cells, from the results that they were measured in."""
    timed = [cell for cell in curve.cells if cell.encode_s is not None and cell.decode_s is not None]
    images = {cell.image for cell in curve.cells}
    alone = [row for row in source.rows if row.alone and row.image_sha256 in images]
    details = source.setups[-1].details if source.setups else {}
    return Cost(
        codec=curve.codec,
        encode_s=_of(fmean, timed, lambda cell: cell.encode_s),
        decode_s=_of(fmean, timed, lambda cell: cell.decode_s),
        encode_memory=_of(max, curve.cells, lambda cell: cell.encode_memory),
        decode_memory=_of(max, curve.cells, lambda cell: cell.decode_memory),
        start_s=_of(median, alone, lambda row: row.start_s),
        model_parameters=details.get("model_parameters"),
        model_bytes=details.get("model_bytes"),
        device="; ".join(dict.fromkeys(map(_device, source.setups))),
        timed=len(timed),
        cells=len(curve.cells),
        note=remarks.on_times(source, len(timed), len(curve.cells)),
    )


def _device(setup: Setup) -> str:
    device, threads = setup.machine.get("device"), setup.run.get("threads")
    in_words = f"{threads} thread" if threads == 1 else f"{threads} threads"
    return ", ".join([*([device] if device else []), *([in_words] if threads else [])])


def _of(summary: Callable[[list[Any]], Any], cells: Iterable[Any], figure: Callable[[Any], Any]) -> Any:
    known = [value for cell in cells if (value := figure(cell)) is not None]
    return summary(known) if known else None
