"""`bench compare`, `bench report` and `bench export`: what results say."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.options import (
    DataOption,
    DatasetOption,
    JsonOption,
    MetricOption,
    ResultsOption,
    TargetBppOption,
    TargetOption,
)
from bench.core.errors import BenchError

if TYPE_CHECKING:
    from bench.results.targets import Target

# What `compare` and `report` have in common.
CurvesArgument = Annotated[
    list[str], typer.Argument(help="Codecs, file:PATH, published:NAME, or hull: before one; the anchor last.")
]
SharedDatasetOption = Annotated[
    str | None, typer.Option(help="Dataset; by default every one on which all of them have results.")
]
MethodOption = Annotated[str, typer.Option(help="Interpolation: pchip, cubic or akima.")]
AverageOption = Annotated[
    str, typer.Option(help="Mean over images: usual (as papers), mean-of-db, db-of-mean, by-pixels.")
]
RangeOption = Annotated[
    list[str] | None,
    typer.Option("--range", help="Part that deltas are about, as psnr:30:38 or bpp:0.1:1; repeat."),
]
IntervalsOption = Annotated[bool, typer.Option(help="95 % intervals over images.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder to write to; by default under --results.")]


class ExportFormat(StrEnum):
    codec_compare = "codec-compare"
    csv = "csv"
    compressai = "compressai"


def compare(
    codec: CurvesArgument,
    dataset: SharedDatasetOption = None,
    metric: MetricOption = None,
    method: MethodOption = "pchip",
    average: AverageOption = "usual",
    intervals: IntervalsOption = True,
    ranges: RangeOption = None,
    target_bpp: TargetBppOption = None,
    target: TargetOption = None,
    name: Annotated[
        str | None, typer.Option(help="Folder of the tables and plots; by default the codecs' names.")
    ] = None,
    results: ResultsOption = Path("results"),
    format: Annotated[
        list[str] | None, typer.Option(help="Of plots: png (the default), pdf, svg; repeat for several.")
    ] = None,
    highlight: Annotated[
        list[str] | None,
        typer.Option(help="Codec that stands out in plots; repeat. Of many: the first and the anchor."),
    ] = None,
    log_rate: Annotated[
        bool, typer.Option("--log-rate", help="Plots with a logarithmic rate, to show low rates.")
    ] = False,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="BD-rate over decoding time and multiply-adds, with the front.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Print all tables, not only the BD-rates.")] = False,
    json: JsonOption = False,
) -> None:
    """Compare codecs with the last one named.

    Prints Bjontegaard deltas; writes tables and plots.
    """
    from bench import console
    from bench.compare.comparison import compare as compare_codecs
    from bench.compare.part import parse_ranges
    from bench.report.plots import write_plots
    from bench.report.tables import write_tables
    from bench.results.targets import parse_targets

    if name is not None and not re.fullmatch(r"[\w+=-][\w.+=-]*", name):
        raise BenchError(f"--name is that of a folder, of letters, digits and - _ . + =, not '{name}'")
    for asked in highlight or ():
        if asked not in codec:
            raise BenchError(f"--highlight {asked} isn't compared; choose of {', '.join(codec)}")
    if targets := parse_targets(target_bpp or (), target or ()):
        if ranges or pareto or highlight or log_rate or format:
            raise BenchError(
                "a comparison at targets has no curves: leave out --range, --pareto, --highlight, "
                "--log-rate and --format"
            )
        _compare_at(targets, codec, dataset, metric, average, results, name, json)
        return
    comparisons = compare_codecs(
        codec, dataset, results, method=method, average=average, metrics=metric or None, intervals=intervals,
        counted=pareto, ranges=parse_ranges(ranges or ()),
    )  # fmt: skip
    costs = ("decode_s", "decode_multiply_adds") if pareto else ()
    if json:
        console.json_document(console.merged(comparisons))
        return
    for comparison in comparisons:
        folder = results / "compare" / comparison.dataset / (name or comparison.folder_name)
        # Curves are in the order of the names, which results may spell otherwise.
        brought_out = [
            curve.codec
            for asked, curve in zip(codec, comparison.curves, strict=True)
            if asked in (highlight or ())
        ]
        paths = write_tables(comparison, folder)
        paths += write_plots(
            comparison, folder, format or ("png",), highlight=brought_out, log_rate=log_rate, costs=costs
        )
        console.comparison(comparison, paths, full, costs)


def report(
    codec: CurvesArgument,
    dataset: SharedDatasetOption = None,
    metric: MetricOption = None,
    method: MethodOption = "pchip",
    average: AverageOption = "usual",
    intervals: IntervalsOption = True,
    ranges: RangeOption = None,
    pictures: Annotated[
        str, typer.Option(help="Images that the viewer shows: a number, or all; those that --keep kept.")
    ] = "6",
    single_file: Annotated[
        bool, typer.Option("--single-file", help="One file to mail, with the pictures in it.")
    ] = False,
    out: OutOption = None,
    results: ResultsOption = Path("results"),
    data: DataOption = None,
) -> None:
    """Write a page with plots, tables and pictures.

    Plots are to point at, and pictures lie side by side. The page opens from the disk.
    """
    from bench.compare.part import parse_ranges
    from bench.report.page.anchors import Terms
    from bench.report.page.build import write_reports

    terms = Terms(tuple(metric or ()), method, average, intervals, parse_ranges(ranges or ()))
    for written in write_reports(
        codec, dataset, results, terms, out=out, images=pictures, single_file=single_file, data=data,
        say=_on_stderr,
    ):  # fmt: skip
        print(written.summary())


def export(
    format: Annotated[
        ExportFormat,
        typer.Argument(help="csv: a table; compressai: its JSON; codec-compare: for Google's page."),
    ],
    codec: Annotated[list[str], typer.Argument(help="Measured codecs.")],
    dataset: DatasetOption,
    out: OutOption = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Write results in the format of others."""
    from bench import console

    if format is ExportFormat.csv:
        from bench.report.exports.rows_csv import export_csv

        paths = export_csv(codec, dataset, results, out)
    elif format is ExportFormat.compressai:
        from bench.report.exports.compressai_json import export_compressai

        paths = export_compressai(codec, dataset, results, out, _on_stderr)
    else:
        from bench.report.exports.codec_compare import export_codec_compare

        paths = export_codec_compare(codec, dataset, results, out, _on_stderr)
    console.wrote(paths)


def _compare_at(
    targets: Sequence[Target],
    names: Sequence[str],
    dataset: str | None,
    metrics: Sequence[str] | None,
    average: str,
    results: Path,
    folder: str | None,
    json: bool,
) -> None:
    from bench import console
    from bench.compare.at_targets import compare_at_targets
    from bench.core.files import file_name_of
    from bench.report.targets import write_comparison

    if dataset is None:
        raise BenchError("a comparison at targets is of one dataset; name it: --dataset kodak")
    comparison = compare_at_targets(names, dataset, results, targets, metrics, average)
    if json:
        console.json_document(comparison.to_dict())
        return
    own = folder or "-".join(map(file_name_of, comparison.codecs))
    paths = write_comparison(comparison, results / "compare" / comparison.dataset / own)
    console.at_targets(comparison, paths)


def _on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
