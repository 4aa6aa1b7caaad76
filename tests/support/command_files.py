"""Codecs made of command lines that the tests write, of a program of the tests."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from places import SUPPORT
from tiny import photo

from bench.codecs import Codec

FAKE_CODEC = SUPPORT / "fake_codec.py"
FAKE = shlex.join([sys.executable, str(FAKE_CODEC)])
ENCODE = f"{FAKE} encode {{input}} {{output}} {{quality}}"
DECODE = f"{FAKE} decode {{input}} {{output}}"
COPY = f"{FAKE} copy {{input}} {{output}}"

Write = Callable[..., Path]


def executable(path: Path, action: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {FAKE} {action} "$@"\n')
    path.chmod(0o755)
    return path


def looked(codec: Codec, quality: float = 20) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(codec.encode(photo(5, 7), quality))
    return seen
