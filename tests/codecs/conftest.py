"""Fixtures of the tests of codecs: YAML files of command lines."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_files import DECODE, ENCODE, Write

from bench.codecs import Codec, get, registry


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a codec's YAML file, with the keys that are given instead of or beside a working one's."""

    def write(file: str = "fake.yaml", **keys: Any) -> Path:
        content = {"qualities": [20, 60, 95], "encode": ENCODE, "decode": DECODE, **keys}
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))
        return path

    return write


@pytest.fixture
def make(write: Write) -> Callable[..., Codec]:
    return lambda **keys: get(str(write(**keys)))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder with an odd name, where all folders of programs lie."""
    folder = tmp_path / "odd $HOME; 'folder'"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in place of the project's folder of codecs."""
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    monkeypatch.setattr(registry, "FOLDER", folder)
    vars(registry.REGISTRY).pop("targets", None)
    yield folder
    vars(registry.REGISTRY).pop("targets", None)
