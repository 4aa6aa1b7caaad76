"""Codecs of a module of the tests, made known to `bench` in other processes as an installed package would."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from bench.codecs.base import Codec


def install_codecs(folder: Path, module: str, codecs: Iterable[type[Codec]]) -> dict[str, str]:
    """The environment in which `bench` finds these codecs, by the metadata that it writes to a folder."""
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir(parents=True)
    title = module.replace("_", "-")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {title}\nVersion: 1.0\n")
    lines = [f"{codec.name} = {module}:{codec.__name__}" for codec in codecs]
    (metadata / "entry_points.txt").write_text("\n".join(["[codec_bench.codecs]", *lines]) + "\n")
    return {"PYTHONPATH": os.pathsep.join((str(folder), str(Path(__file__).parent)))}
