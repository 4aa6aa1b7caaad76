"""Codecs at equal rate (or size, or quality), each picture coded at its own setting: `--target-bpp 0.25`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.compare.sources import is_codec
from bench.core.errors import BenchError
from bench.core.words import counted, first_few
from bench.metrics import AVERAGES, BY_PIXELS, DEFAULT, USUAL, expand
from bench.metrics import get as get_metric
from bench.results import Row, stores_of
from bench.results.names import name_of_codec, name_of_dataset
from bench.results.targets import Target, nearest, tried

if TYPE_CHECKING:
    import pandas as pd

RATE = "bpp"  # the figure that is compared at equal quality


@dataclass(frozen=True)
class AtTarget:
    """A codec at a target by one figure.

    Args:
        figure: a metric, or "bpp".
        value: mean over images: of the metric on the scale of curves, or of bits per pixel.
        gap: to the anchor: difference of the metric, or percent of the rate; None for the anchor.
        interval: of the gap on other images of the kind, 95 %; None: fewer than three images.
        off: mean of how far rows are off the target: percent of the rate, or difference of the metric.
        images: that all of this is over.
    """

    codec: str
    target: str
    figure: str
    value: float
    gap: float | None
    interval: tuple[float, float] | None
    off: float
    images: int


@dataclass(frozen=True)
class TargetComparison:
    """Codecs at targets on one dataset.

    Args:
        pictures: for each target, image and codec the row that comes nearest, as plain fields.
        notes: which images are left out, and why.
    """

    dataset: str
    anchor: str
    codecs: tuple[str, ...]  # the anchor last
    targets: tuple[Target, ...]
    entries: tuple[AtTarget, ...]
    pictures: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """A row per codec, target and figure, as a table of pandas: the fields of `AtTarget`."""
        import pandas as pd

        return pd.DataFrame([asdict(entry) for entry in self.entries])

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "dataset": self.dataset,
            "anchor": self.anchor,
            "codecs": list(self.codecs),
            "targets": [str(target) for target in self.targets],
            "rows": [asdict(entry) for entry in self.entries],
            "pictures": [dict(picture) for picture in self.pictures],
            "notes": list(self.notes),
        }


def compare_at_targets(
    names: Sequence[str],
    dataset: str,
    folder: Path,
    targets: Sequence[Target],
    metrics: Sequence[str] | None = None,
    average: str = USUAL,
) -> TargetComparison:
    """Compare codecs with the last one named, at targets.

    Args:
        names: codecs that were measured; of their rows at any quality the nearest to a target counts.
        dataset: its name, or a folder of images.
        folder: of results.
        targets: at least one.
        metrics: names; by default psnr and ms_ssim, as far as all rows have them.
        average: of `bench.metrics.AVERAGES`.

    Raises:
        BenchError: fewer than two codecs, no results, or no image on which all come near a target.
    """
    if len(names) < 2:
        raise BenchError("compare takes two codecs or more, the anchor last: bench compare ainn jpeg")
    if average not in AVERAGES:
        raise BenchError(f"unknown average '{average}': choose one of {', '.join(AVERAGES)}")
    for name in names:
        if not is_codec(name):
            raise BenchError(f"{name} has no pictures coded at a target; name codecs that were measured")
    stores = stores_of(folder)
    dataset = name_of_dataset(dataset, stores[0])
    names = [name_of_codec(name, stores, dataset) for name in names]
    rows = {}
    for name in names:
        rows[name] = tried(dataset, name, stores)
        if not rows[name]:
            raise BenchError(
                f"no results of '{name}' on {dataset} in {folder}; measure them with: "
                f"bench run --codec {name} --dataset {dataset} {_option(targets[0])}"
            )
    entries: list[AtTarget] = []
    pictures: list[dict[str, Any]] = []
    notes: list[str] = []
    for target in targets:
        chosen, missed = _chosen(rows, target)
        notes += missed
        pictures += [_fields(target, row) for own in chosen.values() for row in own.values()]
        for figure in _figures(target, metrics, chosen):
            entries += _entries(chosen, target, figure, average)
    if not entries:
        raise BenchError("; ".join(notes) or "there is nothing to compare at these targets")
    return TargetComparison(
        dataset, names[-1], tuple(names), tuple(targets), tuple(entries), tuple(pictures), tuple(notes)
    )


def _chosen(rows: Mapping[str, Sequence[Row]], target: Target) -> tuple[dict[str, dict[str, Row]], list[str]]:
    """By codec and image the row nearest to a target, of the images on which all codecs come near; and what
    is left out."""
    near: dict[str, dict[str, Row]] = {}
    names: dict[str, str] = {}
    reasons: dict[str, list[str]] = {}
    for codec, own in rows.items():
        by_image: dict[str, list[Row]] = {}
        for row in own:
            by_image.setdefault(row.image_sha256, []).append(row)
            names[row.image_sha256] = row.image
        near[codec] = {}
        for image, candidates in by_image.items():
            best = nearest(candidates, target)
            if best is None:
                continue
            if not target.is_near(best):
                reasons.setdefault(f"{codec} doesn't come near {target.title}", []).append(best.image)
            else:
                near[codec][image] = best
    shared = set.intersection(*(set(own) for own in near.values()))
    known = {image for images in reasons.values() for image in images}
    lacking = sorted(name for image, name in names.items() if image not in shared and name not in known)
    notes = [
        f"{reason} on {counted(len(images), 'image')}: {first_few(sorted(images))}"
        for reason, images in reasons.items()
    ]
    if lacking:
        notes.append(f"not all have figures at {target.title} on {first_few(lacking)}")
    by_name = sorted(shared, key=lambda image: (names[image], image))
    chosen = {codec: {image: own[image] for image in by_name} for codec, own in near.items()}
    return (chosen if shared else {codec: {} for codec in near}), notes


def _figures(
    target: Target, metrics: Sequence[str] | None, chosen: Mapping[str, Mapping[str, Row]]
) -> list[str]:
    """What is compared: metrics that all rows have, and at equal quality the rate."""
    rows = [row for own in chosen.values() for row in own.values()]
    if not rows:
        return []
    wanted = expand(metrics) if metrics else DEFAULT
    figures = [name for name in wanted if all(row.metrics.get(name) is not None for row in rows)]
    return [RATE, *figures] if target.metric or target.of != RATE else figures


def _entries(
    chosen: Mapping[str, Mapping[str, Row]], target: Target, figure: str, average: str
) -> list[AtTarget]:
    *_, anchor = chosen
    against = list(chosen[anchor].values())
    entries = []
    for codec, own in chosen.items():
        rows = list(own.values())
        offs = [off for row in rows if (off := target.off(row)) is not None]
        gap, interval = (None, None) if codec == anchor else _gap(rows, against, figure, average)
        value = _mean(rows, figure, average)
        entries.append(AtTarget(codec, str(target), figure, value, gap, interval, fmean(offs), len(rows)))
    return entries


def _mean(rows: Sequence[Row], figure: str, average: str) -> float:
    weights = [row.width * row.height for row in rows] if average == BY_PIXELS else None
    if figure == RATE:
        return fmean((row.bpp for row in rows), weights)
    return get_metric(figure).mean_in_db(
        [value for row in rows if (value := row.metrics[figure]) is not None], average, weights
    )


def _gap(
    rows: Sequence[Row], anchor: Sequence[Row], figure: str, average: str
) -> tuple[float | None, tuple[float, float] | None]:
    """Percent of the mean rate, or difference of the mean metric, with its interval over images."""
    import numpy as np

    from bench.compare.intervals import MIN_IMAGES, ends

    def gap(left_out: int | None = None) -> float:
        means = [
            _mean([row for place, row in enumerate(side) if place != left_out], figure, average)
            for side in (rows, anchor)
        ]
        return math.log(means[0] / means[1]) if figure == RATE else means[0] - means[1]

    def shown(value: float) -> float:
        return 100 * math.expm1(value) if figure == RATE else value

    whole = gap()
    if not math.isfinite(whole):
        return None, None
    without = [gap(place) for place in range(len(rows))] if len(rows) >= MIN_IMAGES else []
    if not without or not all(map(math.isfinite, without)):
        return shown(whole), None
    low, high = ends(np.array(whole), np.array(without))
    return shown(whole), (shown(float(low)), shown(float(high)))


def _fields(target: Target, row: Row) -> dict[str, Any]:
    return {
        "target": str(target),
        "image": row.image,
        "codec": row.codec,
        "quality": row.quality,
        "off": target.off(row),
        "bpp": row.bpp,
        "bytes": row.bytes,
        **{name: "inf" if value == math.inf else value for name, value in row.metrics.items()},
        "encode_s": row.encode_s if row.alone else None,
        "decode_s": row.decode_s if row.alone else None,
    }


def _option(target: Target) -> str:
    return f"--target-bpp {target.value:g}" if target.of == RATE else f"--target {target}"
