"""Codecs by name, each imported when it is asked for.

Another package adds a codec through an entry point of the group ``codec_bench.codecs``:

    [project.entry-points."codec_bench.codecs"]
    mycodec = "my_package.codec:MyCodec"
"""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from bench.codecs.base import Codec
from bench.errors import BenchError

ENTRY_POINT_GROUP = "codec_bench.codecs"
BUILT_IN = {
    "ainn": "bench.codecs.ainn.codec:AinnCodec",
    "jpeg": "bench.codecs.jpeg:Jpeg",
    "webp": "bench.codecs.webp:WebP",
}


@dataclass(frozen=True)
class Entry:
    """A line of `bench list codecs`."""

    name: str
    usable: bool
    version: str | None
    qualities: tuple[float, ...]
    summary: str
    note: str  # what to install, or what is broken


def names() -> list[str]:
    """Names of all codecs, ours and those of other packages."""
    return sorted(_targets())


def get_class(name: str) -> type[Codec]:
    """The class of a codec, imported now.

    Raises:
        BenchError: no such codec, or its module doesn't import.
    """
    targets = _targets()
    if name not in targets:
        close = get_close_matches(name, targets, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise BenchError(f"no codec '{name}'; {hint}there are {', '.join(sorted(targets))}")
    target = targets[name]
    try:
        if isinstance(target, EntryPoint):
            loaded = target.load()
        else:
            module, _, attribute = target.partition(":")
            loaded = getattr(import_module(module), attribute)
    except Exception as error:  # whatever a plugin raises, the others go on working
        raise BenchError(f"codec '{name}' doesn't import ({type(error).__name__}: {error})") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Codec)):
        raise BenchError(f"codec '{name}' is no subclass of bench.codecs.Codec but {loaded!r}")
    return loaded


def get(name: str) -> Codec:
    """A codec, ready to code.

    Raises:
        BenchError: no such codec, or what it needs isn't installed.
    """
    codec_class = get_class(name)
    if missing := codec_class.missing():
        raise BenchError(f"codec '{name}' can't run here: {missing}")
    return codec_class()


def describe() -> list[dict[str, object]]:
    """Every codec, whether it can run here, and if not, why: plain types, a codec a line."""
    return [asdict(_entry(name)) for name in names()]


def _entry(name: str) -> Entry:
    try:
        codec_class = get_class(name)
        missing = codec_class.missing()
        version = None if missing else codec_class().version()
    except Exception as error:  # a broken plugin is listed as broken
        return Entry(name, False, None, (), "", str(error))
    return Entry(name, missing is None, version, codec_class.qualities, codec_class.summary, missing or "")


@functools.cache
def _targets() -> dict[str, str | EntryPoint]:
    targets: dict[str, str | EntryPoint] = dict(BUILT_IN)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name in targets:
            raise BenchError(
                f"two codecs are named '{point.name}', one of them {point.value}; uninstall or rename one"
            )
        targets[point.name] = point
    return targets
