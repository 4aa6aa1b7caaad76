"""Options that several commands have, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None, typer.Option(help="Folder of datasets; by default $BENCH_DATA, then the user's cache.")
]
DatasetOption = Annotated[str, typer.Option(help="Name of a dataset, or a folder of images.")]
MetricOption = Annotated[
    list[str] | None, typer.Option(help="Metric, or jpeg-ai for a set; repeat. By default psnr and ms_ssim.")
]
TargetBppOption = Annotated[
    list[str] | None,
    typer.Option("--target-bpp", help="Each picture at this rate, as 0.25 bpp; jpeg-ai: its six; repeat."),
]
TargetOption = Annotated[
    list[str] | None, typer.Option("--target", help="Each at psnr:36, bytes:20000 and the like; repeat.")
]
TimeoutOption = Annotated[
    float, typer.Option(help="Seconds that one encoding or decoding may take; inf: any.")
]
ResultsOption = Annotated[Path, typer.Option(help="Folder of results.")]
SuffixOption = Annotated[str | None, typer.Option(help="Codec; by default the file's suffix is its name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
