"""Fixtures that several test files use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from tiny import photo, tiny_model

from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.weights import load_weights, save_weights


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real datasets, for tests that need Kodak and its like."""
    folder = os.environ.get("BENCH_DATA")
    if not folder:
        pytest.skip("BENCH_DATA names no folder of datasets (kodak/, tecnick/, ...)")
    return Path(folder)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three small photos to train on."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        Image.fromarray(photo(96 + 16 * seed, 128, seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="session")
def photos_and_valid(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos, and one held out."""
    folder = tmp_path_factory.mktemp("photos_and_valid")
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    Image.fromarray(photo(256, 300, seed=7)).save(folder / "valid-0.png")
    return folder


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    save_weights(tiny_model(), path, {"steps": 0})
    return path


@pytest.fixture(scope="session")
def tiny(tiny_weights: Path) -> Ainn:
    return load_weights(tiny_weights)
