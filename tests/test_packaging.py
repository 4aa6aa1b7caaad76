"""What people install: a source distribution, and the wheel that it builds, are looked into."""

from __future__ import annotations

import tarfile
import zipfile
from email.parser import HeaderParser

import pytest
from places import ROOT
from source_tree import build, copy_source

import bench

WEIGHTS = "bench/codecs/ainn/compact.pt"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> tarfile.TarFile:
    return tarfile.open(build("sdist", copy_source(tmp_path_factory.mktemp("source"))))


@pytest.fixture(scope="module")
def wheel(sdist: tarfile.TarFile, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from the source distribution alone."""
    folder = tmp_path_factory.mktemp("unpacked")
    sdist.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return zipfile.ZipFile(build("wheel", source))


def package_files() -> set[str]:
    """All files of the package, as they are named in an install."""
    folders = {"bench": ROOT / "bench", "bench/codecs": ROOT / "codecs"}
    return {
        f"{name}/{path.relative_to(folder)}"
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }


def test_the_wheel_holds_every_module_and_data_file_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = package_files()
    assert {WEIGHTS, "bench/py.typed", "bench/datasets/datasets.yaml", "bench/codecs/cjpeg.yaml"} <= expected
    assert sum(name.startswith("bench/compare/published_data/") for name in expected) > 70
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected


def test_the_source_distribution_holds_the_package_once_as_real_files(sdist: tarfile.TarFile) -> None:
    members = {member.name.partition("/")[2]: member for member in sdist}
    assert all(member.isfile() or member.isdir() for member in members.values())
    assert package_files() <= set(members)
    assert [name for name in members if name.endswith(".pt")] == [WEIGHTS]
    assert members[WEIGHTS].size == (ROOT / "codecs/ainn/compact.pt").stat().st_size
    assert {"CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "requirements.txt"} <= set(members)
    assert not any(name.startswith(("codecs", "tests", "results")) for name in members)


def test_datasets_are_in_it_as_text_not_as_a_link(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("bench/datasets/datasets.yaml") == (ROOT / "datasets.yaml").read_bytes()


def test_the_metadata_has_the_version_the_licence_and_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = HeaderParser().parsestr(wheel.read(name).decode())
    assert (metadata["Name"], metadata["Version"]) == ("codec-bench", bench.__version__)
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert "Typing :: Typed" in (metadata.get_all("Classifier") or [])
    commands = wheel.read(name.replace("METADATA", "entry_points.txt")).decode()
    assert "bench = bench.cli:main" in commands


def test_weights_are_small_enough_for_a_repository() -> None:
    assert (ROOT / "codecs/ainn/compact.pt").stat().st_size <= 24 * 2**20
