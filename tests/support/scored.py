"""Pictures to score, and what a metric says of them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from bench import metrics
from bench.core.errors import BenchError


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
