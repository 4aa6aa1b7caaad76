"""Fixtures that several test files use."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from PIL import Image
from tiny import photo, save_photos, tiny_model

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
    sizes = ((96, 128), (112, 128), (128, 128))
    pictures = (photo(*size, seed) for seed, size in enumerate(sizes))
    return save_photos(tmp_path_factory.mktemp("photos"), pictures)


@pytest.fixture(scope="session")
def photos_and_valid(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos, and one held out."""
    folder = tmp_path_factory.mktemp("photos_and_valid")
    shutil.copytree(photos, folder, dirs_exist_ok=True)
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


@pytest.fixture(params=["a GPU", "a pretended one"])
def cuda(request: pytest.FixtureRequest) -> Iterator[None]:
    """What "cuda" is in a test."""
    import torch
    from pretended_gpu import pretended_gpu

    real = torch.cuda.is_available()
    if (request.param == "a GPU") != real:
        pytest.skip("there is a real one" if real else "there is no GPU")
    with nullcontext() if real else pretended_gpu():
        yield
