"""The log of a training: means over the steps since the last row, and where their time went."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.core.whole_file import append_whole, begin_of_last_line

PARTS = ("photos", "passes", "update")  # of a step
LOG_COLUMNS = (
    "step", "minutes", "phase", "learning_rate", "loss", "bpp", "psnr", "patches_per_second", "skipped_steps",
    "steps_back", *(f"{part}_share" for part in PARTS), "valid_loss", "valid_bpp", "valid_psnr",
    "ms_ssim", "valid_ms_ssim", "train_loss", "train_bpp", "train_psnr", "train_ms_ssim",
)  # fmt: skip


class Step(NamedTuple):
    """Figures of one step, means over its patches."""

    loss: float
    bpp: float
    psnr: float
    ms_ssim: float  # NaN where training doesn't know it
    patches: int


class Window:
    """The steps since the last row."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._start()

    def add(self, step: Step) -> None:
        self._steps.append(step)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the time that passes here as this part of a step."""
        began = self._mark()
        yield
        self._spans.append((part, began, self._mark()))

    def leave_out(self, seconds: float) -> None:
        """Don't count these seconds, which have passed, as time of steps."""
        self._since += seconds

    def row(self) -> dict[str, Any]:
        """Means, throughput and shares of the time; empty where there was no step. The next window begins."""
        row: dict[str, Any] = {}
        if self._steps:
            spent = self._spent()
            seconds = time.perf_counter() - self._since
            *columns, patches = zip(*self._steps, strict=True)
            means = (sum(column) / len(column) for column in columns)
            row = dict(zip(("loss", "bpp", "psnr", "ms_ssim"), means, strict=True))
            if math.isnan(row["ms_ssim"]):  # of all steps, or of some: a phase without it has begun or ended
                del row["ms_ssim"]
            row["patches_per_second"] = sum(patches) / seconds
            row |= {f"{part}_share": spent[part] / seconds for part in PARTS}
        self._start()
        return row

    def _start(self) -> None:
        self._steps: list[Step] = []
        self._spans: list[tuple[str, Any, Any]] = []
        self._since = time.perf_counter()

    def _mark(self) -> Any:
        """This moment; on a GPU, which may lag behind, the moment in the GPU's own work."""
        if self._device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _spent(self) -> dict[str, float]:
        """Seconds of each part."""
        on_gpu = self._device.type == "cuda"
        if on_gpu:
            torch.cuda.synchronize(self._device)
        spent = dict.fromkeys(PARTS, 0.0)
        for part, began, ended in self._spans:
            spent[part] += began.elapsed_time(ended) / 1000 if on_gpu else ended - began
        return spent


def append(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a log, and the heading to a new one. A row that a kill cut off is taken out.

    A log from before there were all of these columns keeps its own.

    Raises:
        OSError: there is no room; the rows before stay.
    """
    text = io.StringIO(newline="")
    with path.open("ab+", buffering=0) as file:
        end = begin_of_last_line(file)
        file.truncate(end)
        file.seek(0)
        columns = file.readline().decode().strip().split(",") if end else LOG_COLUMNS
        writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore")
        if not end:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
        append_whole(file, text.getvalue().encode())
