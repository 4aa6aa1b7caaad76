"""What a codec costs: times, memory, size of its model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, NamedTuple

from bench import codecs
from bench.compare import remarks
from bench.compare.curves import Curve
from bench.compare.sources import Source
from bench.core.errors import BenchError
from bench.results import Setup

SEVERAL = "several machines"
NO_NETWORKS = "none: no networks"  # as of programs; multiply-adds are those of networks
_SIZE = 512, 768  # height and width that multiply-adds are counted for: whole tiles of all models


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
    encode_multiply_adds: float | None  # a pixel, mean over qualities; None: not counted
    decode_multiply_adds: float | None
    not_counted: str  # why there are no multiply-adds, where they were asked for: `NO_NETWORKS`, or else
    timed_on: str | None  # the machine of the times; "several machines"; None: no times to quote
    device: str  # "CPU, 2 threads"; all of them, where cells were measured on several
    timed: int  # cells that the means are over
    cells: int
    note: str  # what to know of the times; may be empty
    encode_gpu_memory: int | None = None  # bytes of tensors on a GPU, the largest of any cell
    decode_gpu_memory: int | None = None
    decodes_elsewhere: str = ""  # of `bench crosscheck`: "bit for bit"; empty: not checked


def cost_of(curve: Curve, source: Source, counted: bool = False) -> Cost:
    """The cost of a curve's cells, from the results that they were measured in.

    Args:
        counted: whether to ask the codec for its multiply-adds, which takes seconds for a learned one.
    """
    complexity = _complexity(curve, source) if counted else _Complexity()
    timed = [cell for cell in curve.cells if cell.encode_s is not None and cell.decode_s is not None]
    images = {cell.image for cell in curve.cells}
    rows = [row for row in source.rows if row.image_sha256 in images]
    alone = [row for row in rows if row.alone]
    details = source.setups[-1].details if source.setups else {}
    return Cost(
        codec=curve.codec,
        encode_s=_of(fmean, timed, lambda cell: cell.encode_s),
        decode_s=_of(fmean, timed, lambda cell: cell.decode_s),
        encode_memory=_of(max, curve.cells, lambda cell: cell.encode_memory),
        decode_memory=_of(max, curve.cells, lambda cell: cell.decode_memory),
        start_s=_of(median, alone, lambda row: row.start_s),
        model_parameters=details.get("model_parameters", complexity.parameters),
        model_bytes=details.get("model_bytes", complexity.bytes),
        encode_multiply_adds=complexity.encode,
        decode_multiply_adds=complexity.decode,
        not_counted=complexity.not_counted,
        timed_on=timed_on(source),
        device="; ".join(dict.fromkeys(map(_device, source.setups))),
        timed=len(timed),
        cells=len(curve.cells),
        note=remarks.on_times(source, len(timed), len(curve.cells)),
        encode_gpu_memory=_of(max, rows, lambda row: row.encode_gpu_memory),
        decode_gpu_memory=_of(max, rows, lambda row: row.decode_gpu_memory),
        decodes_elsewhere=source.decodes_elsewhere,
    )


def machine(setup: Setup) -> str:
    """What times of a setup depend on: "AMD EPYC, CPU, 2 threads"."""
    return ", ".join([*filter(None, [setup.machine.get("cpu"), _device(setup)])])


def timed_on(source: Source) -> str | None:
    """The machine of the rows that were measured alone."""
    used = {row.setup for row in source.rows if row.alone}
    machines = {machine(setup) for setup in source.setups if setup.id in used}
    if not machines:
        return None
    return machines.pop() if len(machines) == 1 else SEVERAL


class _Complexity(NamedTuple):
    """Of a codec as it is installed here; multiply-adds a pixel, means over qualities."""

    encode: float | None = None
    decode: float | None = None
    parameters: int | None = None  # the largest of any quality
    bytes: int | None = None
    not_counted: str = ""


def _complexity(curve: Curve, source: Source) -> _Complexity:
    if not source.rows:
        return _Complexity(not_counted="multiply-adds not known: not measured here")
    name = source.rows[0].codec
    try:
        if not codecs.counts(name):
            codecs.get_class(name.partition(":")[0])  # a codec that isn't known any more may be any
            return _Complexity(not_counted=NO_NETWORKS)
        codec = codecs.get(name)
        if codec.version() != source.version:
            return _Complexity(not_counted="multiply-adds not known: installed in another version")
        counts = [codec.multiply_adds(*_SIZE, point.quality) for point in curve.points]
        sizes = [codec.model_size(point.quality) for point in curve.points]
    except BenchError:  # its weights aren't here
        return _Complexity(not_counted="multiply-adds not known: not usable here")
    pixels = _SIZE[0] * _SIZE[1]
    encode = _of(fmean, counts, lambda count: count and count.encode / pixels)
    decode = _of(fmean, counts, lambda count: count and count.decode / pixels)
    parameters = _of(max, sizes, lambda size: size and size.parameters)
    weights = [size.bytes for size in sizes if size is not None and size.bytes is not None]
    return _Complexity(encode, decode, parameters, max(weights) if len(weights) == len(sizes) else None)


def _device(setup: Setup) -> str:
    device, threads = setup.machine.get("device"), setup.run.get("threads")
    in_words = f"{threads} thread" if threads == 1 else f"{threads} threads"
    return ", ".join([*([device] if device else []), *([in_words] if threads else [])])


def _of(summary: Callable[[list[Any]], Any], cells: Iterable[Any], figure: Callable[[Any], Any]) -> Any:
    known = [value for cell in cells if (value := figure(cell)) is not None]
    return summary(known) if known else None
