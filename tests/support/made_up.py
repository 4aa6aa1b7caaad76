"""Made-up results: codecs of which everything is known, so that what is said of them can be checked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bench.compare.curves import Curve, MeasuredCell, curve
from bench.results import Failure, Row, Setup, Store

QUALITIES = (10.0, 20.0, 30.0, 40.0, 50.0)

SETUP = Setup(
    codec="any", codec_version="1", details={},
    dataset={"name": "set", "split": "test", "images": 3, "complete": True, "sha256": "aa"},
    metrics={"psnr": "1"}, bench={}, python="3.11", libraries={"torch": "2.4"}, machine={"cpu": "one"},
    run={"jobs": 1}, date="2026-01-01",
)  # fmt: skip


def row(codec: str, image: str, quality: float, factor: float = 1.0, **changes: Any) -> Row:
    """A cell: 6 dB per doubling of the rate, `factor` times the rate of the reference codec."""
    rate = 0.1 * 2 ** (quality / 10)
    cell = Row(
        dataset="set", image=f"{image}.png", image_sha256=f"{image * 8} and so on", width=200, height=200,
        codec=codec, codec_version="1", quality=quality, bytes=100, bpp=factor * rate,
        metrics={"psnr": 30 + 6 * math.log2(rate), "ms_ssim": 1 - 0.05 / rate}, encode_s=1.0, decode_s=2.0,
        encode_memory=3 << 20, decode_memory=1 << 20,
    )  # fmt: skip
    return replace(cell, **changes)


def fill(
    store: Store,
    codec: str,
    images: str = "abc",
    qualities: Iterable[float] = QUALITIES,
    setup: Setup = SETUP,
    **changes: Any,
) -> None:
    """Results of a codec, an image for each letter."""
    for image in images:
        for quality in qualities:
            store.append(row(codec, image, quality, setup=setup.id, **changes), setup)


def failure(codec: str, image: str, quality: float, reason: str) -> Failure:
    return Failure("set", f"{image}.png", f"{image * 8} and so on", codec, "1", quality, "encode", reason)


def straight(
    codec: str,
    offset: float = 0.0,
    slope: float = 6.0,
    rates: Iterable[float] = (0.2, 0.4, 0.8, 1.6, 3.2),
) -> Curve:
    """A curve of one image: PSNR is 30 dB + offset at 1 bpp and rises by `slope` with each doubling."""
    return curve(
        codec,
        [
            MeasuredCell("a", "a", number, rate, {"psnr": 30 + offset + slope * math.log2(rate)})
            for number, rate in enumerate(rates)
        ],
    )
