"""The pictures that codecs were measured on, where they are at hand; nothing is downloaded for a report."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable
from pathlib import Path

from bench import datasets
from bench.core.errors import BenchError

THUMBNAIL = 144  # pixels, the longer side
MOST_THUMBNAILS = 100  # of a page


def originals(dataset: str, data: Path | None) -> dict[str, Path]:
    """Paths of a dataset's pictures, by the SHA-256 of the file; empty where they aren't at hand.

    Args:
        dataset: a name, or a folder of images.
        data: the folder of datasets; None: $BENCH_DATA, then the user's cache.
    """
    if os.sep not in dataset:
        usable = {str(item["name"]) for item in datasets.describe(data) if item["usable"]}
        if dataset in datasets.known() and dataset not in usable:
            return {}
    try:
        loaded = datasets.load(dataset, data)
    except BenchError:  # a folder's name alone doesn't say where it is
        return {}
    return {image.sha256: image.path for image in loaded.images}


def title_of(dataset: str) -> str | None:
    """The title of a known dataset, such as "Kodak Lossless True Color Image Suite"."""
    return next((str(item["title"]) for item in datasets.describe() if item["name"] == dataset), None)


def thumbnails(paths: Iterable[Path | None]) -> list[str | None]:
    """Small copies of pictures as data URIs; none at all where there are very many."""
    wanted = list(paths)
    if len(wanted) > MOST_THUMBNAILS:
        return [None] * len(wanted)
    return [_thumbnail(path) if path else None for path in wanted]


def _thumbnail(path: Path) -> str | None:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=50, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
