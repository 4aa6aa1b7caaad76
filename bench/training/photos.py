"""Photos to train on: decoded once, kept in memory, cropped on the device that trains."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from bench.download import IMAGE_SUFFIXES
from bench.errors import BenchError


def load_photos(source: Path, min_side: int) -> list[NDArray[np.uint8]]:
    """RGB photos (H, W, 3) under `source`: a folder of images, of shards (.tar), of both, or one shard.

    Files named ``valid*`` are left to `load_validation`; photos with a side under `min_side` are passed over.
    """
    photos = [photo for path in _sources(source, validation=False) for photo in _decode(path)]
    kept = [photo for photo in photos if min(photo.shape[:2]) >= min_side]
    if not kept:
        raise BenchError(
            f"no photo with sides of at least {min_side} pixels under {source}; "
            "give --data a folder of images or of .tar shards of images"
        )
    return kept


def load_validation(source: Path, side: int) -> Tensor:
    """Centre crops (N, 3, side, side), uint8, of the photos held out in ``valid*`` files; N may be 0."""
    photos = [photo for path in _sources(source, validation=True) for photo in _decode(path)]
    crops = []
    for photo in photos:
        top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
        if min(top, left) >= 0:
            crops.append(_to_tensor(photo[top : top + side, left : left + side]))
    return torch.stack(crops) if crops else torch.empty(0, 3, side, side, dtype=torch.uint8)


class Cropper:
    """Random crops of photos; a step's batch depends on seed and step alone, so that runs resume exactly."""

    def __init__(self, photos: list[NDArray[np.uint8]], crop: int, seed: int, device: torch.device) -> None:
        self.photos = [_to_tensor(photo).to(device) for photo in photos]
        self.crop = crop
        self.seed = seed

    def batch(self, step: int, size: int) -> Tensor:
        """(size, 3, crop, crop), float32 in [0, 1]."""
        rng = np.random.default_rng((self.seed, step))
        crops = []
        for index in rng.integers(len(self.photos), size=size):
            photo = self.photos[index]
            top = rng.integers(photo.shape[1] - self.crop + 1)
            left = rng.integers(photo.shape[2] - self.crop + 1)
            crop = photo[:, top : top + self.crop, left : left + self.crop]
            if rng.random() < 0.5:
                crop = crop.flip(2)
            if rng.random() < 0.5:
                crop = crop.transpose(1, 2)
            crops.append(crop)
        return torch.stack(crops).float() / 255


def _sources(source: Path, validation: bool) -> list[Path]:
    if not source.exists():
        raise BenchError(f"no training photos at {source}; give --data a folder of images or of .tar shards")
    paths = sorted(source.rglob("*")) if source.is_dir() else [source]
    return [
        path
        for path in paths
        if path.suffix.lower() in (*IMAGE_SUFFIXES, ".tar") and path.name.startswith("valid") == validation
    ]


def _decode(path: Path) -> Iterator[NDArray[np.uint8]]:
    if path.suffix.lower() != ".tar":
        yield _rgb(path.read_bytes(), str(path))
        return
    try:
        with tarfile.open(path) as shard:
            for member in shard:
                if Path(member.name).suffix.lower() in IMAGE_SUFFIXES and (file := shard.extractfile(member)):
                    yield _rgb(file.read(), f"{member.name} in {path}")
    except tarfile.TarError as error:
        raise BenchError(f"{path} is not a readable .tar shard ({error}); fetch it again") from error


def _rgb(data: bytes, name: str) -> NDArray[np.uint8]:
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise BenchError(
            f"{name} can't be read as an image ({error}); remove it or fetch it again"
        ) from error


def _to_tensor(photo: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(photo.transpose(2, 0, 1).copy())
