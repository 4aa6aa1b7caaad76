"""A copy of what packages are built from, so that no build leaves files in the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from places import ROOT

FOLDERS = ("bench", "codecs")
FILES = (
    "CHANGELOG.md", "CITATION.cff", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml",
    "requirements.txt",
)  # fmt: skip


def copy_source(target: Path) -> Path:
    """Copy these folders and files, links as links; returns the folder."""
    for name in FOLDERS:
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=skip)
    for name in FILES:
        shutil.copy(ROOT / name, target)
    return target


def build(kind: str, source: Path) -> Path:
    """Build an `sdist` or a `wheel` from a source tree, with the setuptools at hand; returns the file."""
    script = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    target = source / "dist"
    command = [sys.executable, "-c", script, str(target)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = target.iterdir()
    return path
