"""The example of a codec in a package of its own: it installs, and bench finds, runs and checks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import EXAMPLES
from shell import bench, results_of

EXAMPLE = EXAMPLES / "deflate"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the example is installed in, as a user's copy would be."""
    source = tmp_path_factory.mktemp("source") / "deflate"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    target = tmp_path_factory.mktemp("installed")
    options = (
        "--no-deps",
        "--no-build-isolation",
        "--disable-pip-version-check",
        "-q",
        "--target",
        str(target),
    )
    command = [sys.executable, "-m", "pip", "install", *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def test_its_own_tests_pass(installed: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(EXAMPLE)]
    done = subprocess.run(
        [*command, str(EXAMPLE / "test_deflate_codec.py")],
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout


def test_bench_knows_it_once_it_is_installed(installed: Path, tmp_path: Path) -> None:
    where = {"PYTHONPATH": str(installed)}
    options = ("--dataset", "sample", "--images", "1", "--results", tmp_path)
    done = bench("run", "--codec", "deflate", "--codec", "deflate:effort=1", *options, **where)
    assert done.returncode == 0, done.stderr
    rows = {row.quality: row for row in results_of(tmp_path, "deflate").rows.values()}
    assert list(rows) == [2, 3, 4, 5, 6, 8] and rows[8].metrics["psnr"] == float("inf")
    fast = results_of(tmp_path, "deflate:effort=1").rows.values()
    assert sum(row.bytes for row in fast) > sum(row.bytes for row in rows.values())
    assert "no codec 'deflate'" in bench("run", "--codec", "deflate", *options).stderr
