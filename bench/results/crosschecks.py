"""Crosschecks on disk: whether bitstreams that one setup wrote decode to the same picture in another.

``DIR/<dataset>/<codec>.crosscheck.json`` holds those of one version of a codec: the newest of each bitstream,
writer and reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import orjson

from bench.core.errors import BenchError
from bench.core.whole_file import write_whole
from bench.results.store import Store


class Verdict(StrEnum):
    """What became of a bitstream elsewhere, the best first."""

    same = "bit for bit"
    close = "within levels"  # of 255, a few: rounding
    other = "another picture"  # that still shows the same
    derailed = "derailed"  # noise, or an error


_ORDER = list(Verdict)


@dataclass(frozen=True)
class Crosscheck:
    """One bitstream, decoded elsewhere."""

    image: str
    image_sha256: str
    quality: float
    bitstream_sha256: str
    written_by: str  # "2 threads", "a node"
    read_by: str
    verdict: Verdict
    levels: int | None = None  # of 255: the largest difference of a sample; None: no picture to compare
    psnr: float | None = None  # dB, between the two pictures; None: the same, or no picture
    reason: str = ""  # why there is no picture


def save(store: Store, dataset: str, codec: str, version: str, checks: Iterable[Crosscheck]) -> None:
    """Add crosschecks of a version; those of another version go.

    Raises:
        BenchError: the folder can't be written to.
    """
    path = _path(store, dataset, codec)
    newest = {_key(check): check for check in [*load(store, dataset, codec, version), *checks]}
    fields = {"codec": codec, "codec_version": version, "checks": list(map(asdict, newest.values()))}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(fields, indent=1) + "\n")
    except OSError as error:
        raise BenchError(
            f"can't write to {path} ({error.strerror}); make room or give another --results"
        ) from error


def load(store: Store, dataset: str, codec: str, version: str | None) -> list[Crosscheck]:
    """The crosschecks of a version of a codec; none where there are none.

    Raises:
        BenchError: the file is damaged.
    """
    path = _path(store, dataset, codec)
    try:
        fields = orjson.loads(path.read_bytes())
        if fields["codec_version"] != version:
            return []
        return [Crosscheck(**check | {"verdict": Verdict(check["verdict"])}) for check in fields["checks"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError):
        raise BenchError(f"{path} is damaged; delete it, and run bench crosscheck again") from None


def summary(checks: Iterable[Crosscheck]) -> str:
    """The worst of crosschecks, and how many are so: "bit for bit", "within 2 levels", "derailed, 3 of 24";
    "" where there are none.

    >>> summary([Crosscheck("a.png", "", 1, "", "", "", Verdict.close, levels=2)])
    'within 2 levels'
    """
    checks = list(checks)
    if not checks:
        return ""
    worst = max((check.verdict for check in checks), key=_ORDER.index)
    count = sum(check.verdict == worst for check in checks)
    if worst is Verdict.same:
        return str(worst)
    if worst is Verdict.close:
        levels = max(check.levels or 0 for check in checks)
        return "within 1 level" if levels == 1 else f"within {levels} levels"
    return f"{worst}, {count} of {len(checks)}"


def _key(check: Crosscheck) -> tuple[object, ...]:
    return check.image_sha256, check.quality, check.written_by, check.read_by


def _path(store: Store, dataset: str, codec: str) -> Path:
    results = store.path(dataset, codec)
    return results.with_name(f"{results.stem}.crosscheck.json")
