"""What an ordinary install holds: a wheel is built of the tracked files and looked into."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile

import pytest
from places import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    source = tmp_path_factory.mktemp("source")
    for name in ("bench", "codecs"):
        shutil.copytree(
            ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    target = source / "wheel"
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-q",
        "-w",
        target,
        source,
    ]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_wheel_holds_all_modules_and_data(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    expected = {f"bench/{path.relative_to(ROOT / 'bench')}" for path in (ROOT / "bench").rglob("*.py")}
    expected |= {
        f"bench/codecs/{path.relative_to(ROOT / 'codecs')}" for path in (ROOT / "codecs").rglob("*.py")
    }
    expected |= {f"bench/codecs/{path.name}" for path in (ROOT / "codecs").glob("*.yaml")}
    expected |= {"bench/datasets/datasets.yaml", "bench/codecs/ainn/compact.pt"}
    expected |= {str(path.relative_to(ROOT)) for path in (ROOT / "bench/compare").rglob("*.csv")}
    assert expected - names == set()
    assert not any(name.startswith(("codecs/", "tests/", "results/")) for name in names)


def test_datasets_are_in_it_as_text_not_as_a_link(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("bench/datasets/datasets.yaml") == (ROOT / "datasets.yaml").read_bytes()


def test_weights_are_small_enough_for_a_repository() -> None:
    assert (ROOT / "codecs/ainn/compact.pt").stat().st_size <= 24 * 2**20
