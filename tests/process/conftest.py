"""What the tests of confinement have in common: a picture, and `bench run` of codecs that cheat on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cheating_codecs import Run, install
from PIL import Image
from shell import bench
from tiny import photo


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one photo."""
    folder = tmp_path_factory.mktemp("originals")
    Image.fromarray(photo(192, 192)).save(folder / "photo.png")
    return folder


@pytest.fixture
def environment(tmp_path: Path, picture: Path) -> dict[str, str]:
    """That of `bench` with the cheating codecs."""
    (tmp_path / "side").touch()
    places = {"HOSTILE_FOLDER": str(tmp_path), "HOSTILE_ORIGINALS": f"file:{picture}"}
    return install(tmp_path / "packages") | places


@pytest.fixture
def run(picture: Path, environment: dict[str, str], tmp_path: Path) -> Run:
    """`bench run` of a codec, on the photo unless another dataset is given."""

    def run(
        codec: str, *options: object, dataset: object = picture, results: str = "results"
    ) -> subprocess.CompletedProcess[str]:
        arguments = ("run", "--codec", codec, "--dataset", dataset, "--results", tmp_path / results)
        done = bench(*arguments, *options, **environment)
        assert "Traceback" not in done.stderr
        return done

    return run
