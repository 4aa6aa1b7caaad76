"""The files that the name of a codec names, for machines that share no disk: YAML files and weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench import codecs
from bench.codecs.commandfile import SUFFIXES
from bench.codecs.parameters import spelled, split
from bench.core.errors import BenchError
from bench.core.files import sha256_of


@dataclass(frozen=True)
class CarriedFile:
    """A file of the client.

    Args:
        place: as the codec's name has it: the path of the file, or of the folder that it is in.
        path: of the file.
        content: None: it was sent before.
    """

    place: str
    path: str
    sha256: str
    content: bytes | None


@dataclass(frozen=True)
class CarriedCodec:
    """A codec's name with the files that it names; `pack` makes it and `unpack` turns it back into a name."""

    spec: str
    files: tuple[CarriedFile, ...] = ()

    def without_contents(self) -> CarriedCodec:
        return replace(self, files=tuple(replace(file, content=None) for file in self.files))


def pack(spec: str) -> CarriedCodec:
    """A codec's name, ready to be sent.

    >>> pack("jpeg:chroma=444")
    CarriedCodec(spec='jpeg:chroma=444', files=())

    Raises:
        BenchError: no such codec or parameter, or a file can't be read.
    """
    spec = codecs.resolve(spec)
    files = []
    for place in _places(spec):
        path = Path(place)
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file():
                try:
                    files.append(CarriedFile(place, str(file), sha256_of(file), file.read_bytes()))
                except OSError as error:
                    raise BenchError(f"can't read {file} ({error.strerror})") from None
    return CarriedCodec(spec, tuple(files))


def unpack(codec: CarriedCodec, folder: Path) -> str:
    """The name of the same codec on this machine. Files that lie here in the same place are not copied.

    Args:
        folder: where files go that came along.
    """
    here: dict[str, str] = {}
    for file in codec.files:
        if file.place in here:
            continue
        together = [other for other in codec.files if other.place == file.place]
        if all(_is_here(other) for other in together):
            here[file.place] = file.place
            continue
        target = folder / file.sha256[:16] / Path(file.place).name
        for other in together:
            path = target if other.path == other.place else target / Path(other.path).name
            if other.content is not None and not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(other.content)
        here[file.place] = str(target)
    if codec.spec.endswith(SUFFIXES):
        return here[codec.spec]
    name, given = split(codec.spec)
    return spelled(name, {key: here.get(value, value) for key, value in given.items()})


def _places(spec: str) -> Iterator[str]:
    """Paths that a name has in it, of files and folders."""
    if spec.endswith(SUFFIXES):
        yield spec
        return
    name, given = split(spec)
    known = codecs.get_class(name).parameters if given else {}
    yield from (value for key, value in given.items() if key in known and known[key].path)


def _is_here(file: CarriedFile) -> bool:
    try:
        return sha256_of(Path(file.path)) == file.sha256
    except OSError:
        return False
