"""Photos to train on: decoded once, kept in memory, cropped on the device that trains."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.core.errors import BenchError, first_line
from bench.core.files import is_image_name
from bench.core.images import read_rgb


def load_photos(source: Path, min_side: int) -> list[NDArray[np.uint8]]:
    """RGB photos (H, W, 3) under `source`: a folder of images, of shards (.tar), of both, or one shard.

    Files named ``valid*`` are left to `load_validation`; photos with a side under `min_side` are left out.

    Raises:
        BenchError: no such folder, no photo that is large enough, or a file that can't be read.
    """
    photos = _decode_all(source, validation=False)
    kept = [photo for photo in photos if min(photo.shape[:2]) >= min_side]
    if not kept:
        raise BenchError(
            f"no photo with sides of at least {min_side} pixels under {source}; "
            "give --data a folder of images or of .tar shards of images"
        )
    return kept


def load_validation(source: Path, side: int) -> Tensor:
    """Centre crops (N, 3, side, side), uint8, of the photos held out in ``valid*`` files; N may be 0."""
    return _centre_crops(_decode_all(source, validation=True), side)


def spread_crops(photos: list[NDArray[np.uint8]], side: int, count: int) -> Tensor:
    """As `load_validation`, of `count` of the photos to train on, spread over all that are large enough."""
    large = [photo for photo in photos if min(photo.shape[:2]) >= side]
    indices = np.linspace(0, len(large), min(count, len(large)), endpoint=False).astype(int)
    return _centre_crops([large[index] for index in indices], side)


class Cropper:
    """Random crops of photos; a step's batch depends on seed and step alone, so that runs resume exactly."""

    def __init__(self, photos: list[NDArray[np.uint8]], crop: int, seed: int, device: torch.device) -> None:
        self.shapes = [photo.shape[:2] for photo in photos]
        self.crop = crop
        self.seed = seed
        # One after the other in one tensor: a batch is then one gathering, not some kernels for
        # each crop.
        self._starts = np.cumsum([0, *(photo.size for photo in photos)])
        samples = np.empty(self._starts[-1], np.uint8)
        for start, photo in zip(self._starts, photos, strict=False):
            samples[start : start + photo.size] = photo.reshape(-1)
        self._samples = torch.from_numpy(samples).to(device)
        self._side = torch.arange(crop, device=device)
        self._colours = torch.arange(3, device=device)

    def __len__(self) -> int:
        """Number of photos."""
        return len(self.shapes)

    def batch(self, step: int, size: int) -> Tensor:
        """(size, 3, crop, crop), float32 in [0, 1]."""
        rng = np.random.default_rng((self.seed, step))
        places = []  # of crops: the first sample, and the steps to the next row and column
        for index in rng.integers(len(self), size=size):
            height, width = self.shapes[index]
            top, left = rng.integers(height - self.crop + 1), rng.integers(width - self.crop + 1)
            right, down = 3, 3 * width
            first = self._starts[index] + top * down + left * right
            if rng.random() < 0.5:  # mirrored
                first += (self.crop - 1) * right
                right = -right
            if rng.random() < 0.5:  # transposed
                right, down = down, right
            places.append((first, down, right))
        placed = torch.tensor(np.array(places)).to(self._samples.device)[:, :, None, None, None]
        starts, downs, rights = placed.unbind(1)  # (size, 1, 1, 1)
        indices = starts + downs * self._side[:, None] + rights * self._side + self._colours[:, None, None]
        return self._samples[indices].float() / 255


def _sources(source: Path, validation: bool) -> list[Path]:
    if not source.exists():
        raise BenchError(f"no training photos at {source}; give --data a folder of images or of .tar shards")
    paths = sorted(source.rglob("*")) if source.is_dir() else [source]
    return [
        path
        for path in paths
        if (is_image_name(path.name) or path.suffix.lower() == ".tar")
        and path.name.startswith("valid") == validation
        and not path.is_dir()
    ]


def _decode_all(source: Path, validation: bool) -> list[NDArray[np.uint8]]:
    """The photos (H, W, 3) of all files, in order."""
    files = (file for path in _sources(source, validation) for file in _read(path))
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda file: read_rgb(*file), files))


def _read(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    """The images in a file, undecoded, and their names for messages."""
    if path.suffix.lower() != ".tar":
        try:
            yield io.BytesIO(path.read_bytes()), str(path)
        except OSError as error:
            raise BenchError(
                f"{path} cannot be read ({error.strerror}); remove it or fetch it again"
            ) from error
        return
    size = path.stat().st_size
    try:
        # "r:" is a plain archive: a packed one may unpack to anything.
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                # Only files that lie in the archive as they are: links and sparse files may claim anything.
                if not (member.isreg() and is_image_name(Path(member.name).name)) or member.issparse():
                    continue
                if not 0 <= member.size <= size - member.offset_data:
                    raise tarfile.ReadError(f"{member.name[:200]} ends behind the end of the file")
                if file := shard.extractfile(member):
                    yield io.BytesIO(file.read()), f"{member.name} in {path}"
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, MemoryError) as error:
        reason = first_line(error)
        raise BenchError(f"{path} is not a readable .tar shard ({reason}); fetch it again") from error


def _centre_crops(photos: list[NDArray[np.uint8]], side: int) -> Tensor:
    """(N, 3, side, side), uint8, of those photos that are large enough."""
    crops = []
    for photo in photos:
        top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
        if min(top, left) >= 0:
            crops.append(_to_tensor(photo[top : top + side, left : left + side]))
    return torch.stack(crops) if crops else torch.empty(0, 3, side, side, dtype=torch.uint8)


def _to_tensor(photo: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(photo.transpose(2, 0, 1).copy())
