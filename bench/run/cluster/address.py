"""What `--cluster` and `bench worker` take: the address of a scheduler, or how to start workers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import orjson

from bench.core.errors import BenchError

_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|\[::1\]")
_MOST_WORKERS = 1000


class Kind(Enum):
    """Who starts scheduler and workers."""

    local = "local"  # we do, on this machine
    slurm = "slurm"  # we do, by Slurm
    scheduler = "scheduler"  # somebody did


@dataclass(frozen=True)
class Address:
    """Where workers are.

    Args:
        text: "tcp://host:8786", for a scheduler that runs already.
        count: of workers that are to be started.
    """

    kind: Kind
    text: str
    count: int = 0

    @property
    def loopback(self) -> bool:
        host = self.text.partition("://")[2].rpartition(":")[0]
        return bool(_LOOPBACK.fullmatch(host))

    @property
    def safe(self) -> bool:
        """Whether nobody on the network can run programs where this leads."""
        return self.kind is not Kind.scheduler or self.loopback or self.text.startswith("tls://")


def parse(text: str) -> Address:
    """The address of a text.

    >>> parse("local:4")
    Address(kind=<Kind.local: 'local'>, text='local:4', count=4)
    >>> parse("tcp://10.0.0.7:8786").safe, parse("tls://10.0.0.7:8786").safe
    (False, True)

    Raises:
        BenchError: it is none.
    """
    if match := re.fullmatch(r"(local|slurm):([1-9]\d{0,3})", text):
        if int(match[2]) > _MOST_WORKERS:
            raise BenchError(f"--cluster {text} is too many workers; the most is {_MOST_WORKERS}")
        return Address(Kind(match[1]), text, int(match[2]))
    if text.endswith(".json"):
        return parse_scheduler(_in_file(Path(text)))
    if "://" in text:
        return parse_scheduler(text)
    raise BenchError(
        "--cluster is local:N, slurm:N, tls://HOST:PORT, tcp://HOST:PORT or a scheduler's .json, "
        f"not '{text}'"
    )


def parse_scheduler(text: str) -> Address:
    """The address of a scheduler that runs, given as such or as its file.

    Raises:
        BenchError: it is none.
    """
    if text.endswith(".json"):
        text = _in_file(Path(text))
    if not re.fullmatch(r"(tcp|tls)://\S+:\d{1,5}", text):
        raise BenchError(f"a scheduler is at tcp://HOST:PORT or tls://HOST:PORT, not at '{text}'")
    return Address(Kind.scheduler, text)


def _in_file(path: Path) -> str:
    """The address in a file that `dask scheduler --scheduler-file` wrote."""
    try:
        return str(orjson.loads(path.read_bytes())["address"])
    except OSError as error:
        raise BenchError(f"can't read {path} ({error.strerror}); dask scheduler writes such a file") from None
    except (ValueError, KeyError, TypeError):
        raise BenchError(
            f"{path} holds no address of a scheduler; write it with: dask scheduler --scheduler-file {path}"
        ) from None
