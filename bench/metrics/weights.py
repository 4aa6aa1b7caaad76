"""Files of weights that metrics by networks need. A metric finds them; it never downloads them.

A network's weights are looked for in the folder that BENCH_WEIGHTS names, then in torch's cache. Small
weights that a metric's authors trained come with their package.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.errors import BenchError
from bench.core.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

SETTING = "BENCH_WEIGHTS"


@dataclass(frozen=True)
class Weights:
    """One file of weights.

    Args:
        file: its name in torch's cache, or its path inside of a package.
        sha256: of the file. Another file of that name is refused: its figures would be others.
        package: the distribution and the module that bring the file; None: it is one of torchvision's, from
            https://download.pytorch.org/models.
    """

    file: str
    sha256: str
    package: tuple[str, str] | None = None

    def path(self) -> Path | None:
        """Where the file is; None where it isn't."""
        return next((path for path in self._places() if path.is_file()), None)

    def missing(self) -> str | None:
        """What to do before the file can be used, as a sentence; None: nothing."""
        path = self.path()
        if path is None and self.package:
            return f"it needs {self.package[0]}; pip install {self.package[0]}"
        if path is None:
            folder = torch_cache()
            return (
                f"it needs the weights {self.file}; download https://download.pytorch.org/models/{self.file} "
                f"into {folder}, or name the folder that holds the file in {SETTING}"
            )
        if (found := _sha256(path)) != self.sha256:
            return (
                f"{path} isn't {self.file} whole: its SHA-256 is {found[:16]}... instead of "
                f"{self.sha256[:16]}...; download it again"
            )
        return None

    def _places(self) -> Iterable[Path]:
        if self.package:
            spec = find_spec(self.package[1])
            folders = list(spec.submodule_search_locations or ()) if spec else []
            return [Path(folder, self.file) for folder in folders]
        given = os.environ.get(SETTING)
        return [*([Path(given, self.file)] if given else []), torch_cache() / self.file]


@lru_cache(maxsize=8)
def load(file: Weights) -> dict[str, Tensor]:
    """A file's tensors by name, on the CPU, but for those of classifiers, which no metric needs.

    Raises:
        BenchError: the file is missing, or isn't the one that is meant.
    """
    import torch

    if sentence := file.missing():
        raise BenchError(sentence)
    path = file.path()
    assert path is not None  # or else it would be missing
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("classifier.")}


def torch_cache() -> Path:
    """The folder that torch.hub downloads weights to, found without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("TORCH_HOME") or f"{cache}/torch").expanduser() / "hub" / "checkpoints"


def missing(files: Iterable[Weights]) -> str | None:
    """What the first of several files lacks, as a sentence; None: nothing."""
    return next(filter(None, (file.missing() for file in files)), None)


def describe(files: Iterable[Weights]) -> str:
    """Files of weights for the version of a metric: each by its name and the start of its SHA-256.

    >>> describe([Weights("a.pth", "0123456789abcdef0123")])
    'a.pth 0123456789abcdef'
    """
    return ", ".join(f"{Path(file.file).name} {file.sha256[:16]}" for file in files)


def _sha256(path: Path) -> str:
    state = path.stat()
    return _sha256_of_state(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=16)  # half a gigabyte takes a second
def _sha256_of_state(path: Path, size: int, changed: int) -> str:
    return sha256_of(path)
