"""Made-up results for the gate, and what it says of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench.check import Report, check, parse_rules
from bench.results import Failure, Row, Setup, Store

QUALITIES = (10.0, 20.0, 30.0, 40.0, 50.0)
IMAGES = 8
Change = Callable[[Row], Row | None]

SETUP = Setup(
    codec="mine", codec_version="1", details={}, dataset={"name": "set"},
    metrics={"psnr": "1", "ms_ssim": "1"}, bench={}, python="3.11", libraries={},
    machine={}, run={}, date="2026-11-02",
)  # fmt: skip


ALL = (
    "bd-rate:psnr:1%", "bd-rate:ms_ssim:1%", "bd-metric:psnr:0.05", "bpp:1%", "metric:psnr:0.02",
    "image:psnr:0.05", "bytes", "decoded",
)  # fmt: skip


def rows(images: int = IMAGES, change: Change | None = None) -> list[Row]:
    """Made-up cells of images of unlike difficulty; `change` alters a cell, or drops it by None."""
    hardness = random.Random(1)
    cells = []
    for i in range(images):
        offset, slope = hardness.uniform(-3, 3), hardness.uniform(5, 7)
        for quality in QUALITIES:
            size = round(20_000 * 2 ** (quality / 10 + offset / 6))
            row = Row(
                dataset="set", image=f"{i}.png", image_sha256=f"sha of {i}", width=500, height=400,
                codec="mine", codec_version="1", quality=quality, bytes=size, bpp=8 * size / 200_000,
                metrics={"psnr": 28 + slope * quality / 10, "ms_ssim": 1 - 0.1 * 2 ** (-quality / 10)},
                encode_s=1.0, decode_s=1.0, bitstream_sha256=f"{size} bytes", decoded_sha256="a picture",
                setup=SETUP.id,
            )  # fmt: skip
            changed = change(row) if change else row
            if changed is not None:
                cells.append(changed)
    return cells


def longer(factor: float, row: Row) -> Row:
    """The same picture from a stream of `factor` times the length, in whole bytes."""
    size = int(row.bytes * factor)
    return replace(row, bytes=size, bpp=8 * size / 200_000, bitstream_sha256=f"{size} bytes")


def poorer(decibels: float, row: Row) -> Row:
    """The same length, a worse picture."""
    values = {"psnr": (row.metrics["psnr"] or 0) - decibels, "ms_ssim": row.metrics["ms_ssim"]}
    return replace(row, metrics=values, decoded_sha256="another picture")


def store(folder: Path, records: Sequence[Row | Failure]) -> Path:
    for record in records:
        Store(folder).append(record, SETUP if isinstance(record, Row) else None)
    return folder


def judged(
    tmp_path: Path, fresh: Sequence[Row | Failure], *rules: str, baseline: Sequence[Row] | None = None
) -> Report:
    store(tmp_path / "fresh", fresh)
    store(tmp_path / "baseline", rows() if baseline is None else baseline)
    return check(tmp_path / "fresh", tmp_path / "baseline", ["mine"], "set", parse_rules(rules))


def states(report: Report) -> dict[str, str]:
    (codec,) = report.codecs
    return {verdict.rule: str(verdict.state) for verdict in codec.verdicts}


def message(report: Report, rule: str) -> str:
    (codec,) = report.codecs
    return next(verdict.message for verdict in codec.verdicts if verdict.rule == rule)


def failure(row: Row) -> Failure:
    return Failure(
        row.dataset,
        row.image,
        row.image_sha256,
        row.codec,
        row.codec_version,
        row.quality,
        "encode",
        "it burst",
    )
