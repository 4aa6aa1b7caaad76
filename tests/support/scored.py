"""Pictures to score, and what a metric says of them.

The figures of reference implementations are in tests/data/metric_references.json, which
experiments/metric_references.py writes.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import metrics
from bench.core.errors import BenchError

REFERENCES = Path(__file__).parent.parent / "data" / "metric_references.json"
RANDOM_REFERENCES = REFERENCES.with_name("random_weights_references.json")  # of networks with random weights


def noisy_pair(height: int, width: int, seed: int = 0) -> tuple[metrics.RGB, metrics.RGB]:
    """Noise, and the same with more noise on it."""
    rng = np.random.default_rng(seed)
    original = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    noise = rng.integers(-20, 21, original.shape)
    return original, np.clip(original + noise, 0, 255).astype(np.uint8)


def as_jpeg(picture: metrics.RGB, quality: int) -> metrics.RGB:
    """A picture after JPEG (4:2:0)."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def score(name: str, original: metrics.RGB, decoded: metrics.RGB) -> float | None:
    """A score; the test is skipped where the metric's package isn't installed."""
    try:
        metric = metrics.ready(name)
    except BenchError as error:
        pytest.skip(str(error))
    return metric.against(original)(decoded)


@cache
def original(picture: str) -> metrics.RGB:
    """A photo of scikit-image by name, such as "astronaut", or of Kodak, such as "kodak/kodim03"."""
    if "/" in picture:
        folder = os.environ.get("BENCH_DATA")
        if not folder:
            pytest.skip("BENCH_DATA names no folder of datasets (kodak/, tecnick/, ...)")
        path = Path(folder) / f"{picture}.png"
    else:
        import skimage

        path = Path(skimage.__file__).parent / "data" / f"{picture}.png"
    return np.array(Image.open(path).convert("RGB"))


def changed(picture: metrics.RGB, change: str) -> metrics.RGB:
    """A picture after a change such as "jpeg 10", in whole numbers: the same everywhere."""
    name, _, text = change.partition(" ")
    number = int(text or 0)
    values = picture.astype(np.int32)
    match name:
        case "jpeg":
            return as_jpeg(picture, number)
        case "noise":
            values += np.random.default_rng(0).integers(-number, number + 1, values.shape)
        case "levels":
            values = values // number * number + number // 2
        case "darker":
            values -= number
        case "blur":
            padded = np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="edge")
            rows = padded[:-2] + padded[1:-1] + padded[2:]
            values = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] + 4) // 9
        case _:
            raise ValueError(change)
    return np.clip(values, 0, 255).astype(np.uint8)


def pair(recipe: dict[str, Any]) -> tuple[metrics.RGB, metrics.RGB]:
    """The original and the changed picture of a recipe: picture, crop (top, left, height, width), change."""
    picture = original(recipe["picture"])
    if recipe["crop"]:
        top, left, height, width = recipe["crop"]
        picture = picture[top : top + height, left : left + width].copy()
    return picture, changed(picture, recipe["change"])


def fingerprint(picture: metrics.RGB) -> str:
    """The SHA-256 of a picture's samples."""
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


def references(metric: str, kodak: bool = False, file: Path = REFERENCES) -> list[dict[str, Any]]:
    """The recipes with a reference figure for a metric: of scikit-image's photos, or of Kodak's."""
    recipes: list[dict[str, Any]] = json.loads(file.read_text())["pairs"]
    return [r for r in recipes if metric in r["scores"] and r["picture"].startswith("kodak/") == kodak]


def largest_difference(metric: str, recipes: list[dict[str, Any]]) -> float:
    """Between a metric and the reference figures of recipes; the test is skipped where JPEG or the photos are
    not those that the references were made of."""
    differences = []
    for recipe in recipes:
        picture, decoded = pair(recipe)
        if fingerprint(picture) + fingerprint(decoded) != "".join(recipe["sha256"]):
            pytest.skip(f"{recipe['picture']} after {recipe['change']} is another picture here")
        value = score(metric, picture, decoded)
        assert value is not None, recipe
        differences.append(abs(value - recipe["scores"][metric]))
    assert differences, f"there are no references for {metric}"
    return max(differences)
