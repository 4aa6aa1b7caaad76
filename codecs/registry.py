"""Codecs by name, imported when they are asked for.

A codec is a class here, a YAML file here or anywhere (`bench.codecs.commandfile`), or an entry
point of another package, in the group ``codec_bench.codecs``:

    [project.entry-points."codec_bench.codecs"]
    mycodec = "my_package.codec:MyCodec"
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bench.codecs.base import Codec
from bench.codecs.commandfile import SUFFIXES
from bench.codecs.parameters import named_with, read, spelled, split
from bench.core.errors import BenchError
from bench.core.plugins import Registry

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

FOLDER = Path(__file__).resolve().parent  # whose YAML files are codecs


class _Codecs(Registry[Codec]):
    """Python classes, and YAML files of command lines: files in `FOLDER` by name, others by path."""

    def get_class(self, name: str) -> type[Codec]:
        target = name if name.endswith(SUFFIXES) else self.target(name)
        if isinstance(target, str) and target.endswith(SUFFIXES):
            return self._of_file(Path(target))
        return super().get_class(name)

    @cached_property
    def targets(self) -> dict[str, str | EntryPoint]:
        targets = dict(super().targets)
        for path in sorted(path for suffix in SUFFIXES for path in FOLDER.glob(f"*{suffix}")):
            if path.stem in targets:
                raise BenchError(f"two codecs are named '{path.stem}', one of them {path}; rename that file")
            targets[path.stem] = str(path)
        return targets

    def _of_file(self, path: Path) -> type[Codec]:
        from bench.codecs.command import load

        codec = load(path.expanduser())
        ours = path.resolve().parent == FOLDER
        if ours and codec.name != path.stem:
            raise BenchError(f"{path} names its codec '{codec.name}'; leave 'name' out, or rename the file")
        if not ours and codec.name in self.targets:
            raise BenchError(
                f"{path} would be a second codec named '{codec.name}'; set 'name' to another in it"
            )
        return codec


REGISTRY: Registry[Codec] = _Codecs(
    "codec",
    "codec_bench.codecs",
    {
        "ainn": "bench.codecs.ainn.codec:AinnCodec",
        "av1": "bench.codecs.av1:Av1",
        "avif": "bench.codecs.avif:Avif",
        "bmshj2018-factorized": "bench.codecs.compressai_zoo:Factorized",
        "bmshj2018-hyperprior": "bench.codecs.compressai_zoo:Hyperprior",
        "bpg": "bench.codecs.bpg:Bpg",
        "cheng2020-anchor": "bench.codecs.compressai_zoo:ChengAnchor",
        "cheng2020-attn": "bench.codecs.compressai_zoo:ChengAttention",
        "heic": "bench.codecs.heic:Heic",
        "hevc": "bench.codecs.hevc:Hevc",
        "hm": "bench.codecs.hm:Hm",
        "jpeg": "bench.codecs.jpeg:Jpeg",
        "jpeg-mozjpeg": "bench.codecs.mozjpeg:MozJpeg",
        "jpeg2000": "bench.codecs.jpeg2000:Jpeg2000",
        "jpegli": "bench.codecs.jpegli:Jpegli",
        "jpegls": "bench.codecs.jpegls:JpegLs",
        "jpegxl": "bench.codecs.jpegxl:JpegXl",
        "mbt2018": "bench.codecs.compressai_zoo:Joint",
        "mbt2018-mean": "bench.codecs.compressai_zoo:MeanScale",
        "png": "bench.codecs.png:Png",
        "vtm": "bench.codecs.vtm:Vtm",
        "vvenc": "bench.codecs.vvenc:VVenC",
        "webp": "bench.codecs.webp:WebP",
    },
    Codec,  # type: ignore[type-abstract]
)


@dataclass(frozen=True)
class Entry:
    """A line of `bench list codecs`."""

    name: str
    usable: bool
    version: str | None
    qualities: tuple[float, ...]
    summary: str
    parameters: tuple[str, ...]  # "name=default"
    note: str  # what to install, or what is broken


def names() -> list[str]:
    """Names of all codecs, sorted: ours, and those of other packages.

    >>> "jpeg" in names()
    True
    """
    return REGISTRY.names()


def get_class(name: str) -> type[Codec]:
    """The class of a codec, by its name or the path of its YAML file; imports the codec's module.

    >>> get_class("jpeg").quality_range
    (1, 100)

    Raises:
        BenchError: no such codec, or its module doesn't import, or its file makes no sense.
    """
    return REGISTRY.get_class(name)


def get(spec: str) -> Codec:
    """A codec that is ready to code, by its name or the path of its YAML file.

    >>> get("jpeg:chroma=444").name
    'jpeg:chroma=444'

    Args:
        spec: a name, with parameters if need be, or the path of a YAML file.

    Raises:
        BenchError: no such codec or parameter, or a program or package isn't installed.
    """
    if spec.endswith(SUFFIXES):
        return REGISTRY.get(spec)
    name, given = split(spec)
    return REGISTRY.get(name, **read(name, get_class(name).parameters, given))


def counts(spec: str) -> bool:
    """Whether a codec of that name can count its multiply-adds.

    >>> counts("jpeg"), counts("ainn")
    (False, True)
    """
    try:
        codec_class = get_class(spec if spec.endswith(SUFFIXES) else split(spec)[0])
    except BenchError:
        return False
    return codec_class.multiply_adds is not Codec.multiply_adds


def complexity(spec: str, height: int = 512, width: int = 768) -> list[dict[str, float | str | None]]:
    """What a codec's networks compute and weigh, at the lowest and the highest quality of its curve.

    Returns:
        A line for each quality: quality, encode_multiply_adds and decode_multiply_adds (a pixel of a picture
        of this size), model_parameters, model_bytes (None: its weights aren't here), trained_for (None: the
        weights don't say). None of a program.

    >>> complexity("jpeg")
    []

    Raises:
        BenchError: no such codec, or it can't run here.
    """
    if not counts(spec):
        return []
    codec = get(spec)
    lines: list[dict[str, float | str | None]] = []
    for quality in (codec.qualities[0], codec.qualities[-1]):
        adds, size = codec.multiply_adds(height, width, quality), codec.model_size(quality)
        line: dict[str, float | str | None] = {"quality": quality}
        if adds is not None:
            line["encode_multiply_adds"] = adds.encode / (height * width)
            line["decode_multiply_adds"] = adds.decode / (height * width)
        if size is not None:
            line |= {"model_parameters": size.parameters, "model_bytes": size.bytes}
            line["trained_for"] = size.trained_for
        lines.append(line)
    return lines


def name_of(spec: str) -> str:
    """The name that results of a codec go by, also where what the codec needs isn't installed.

    Raises:
        BenchError: no such codec or parameter.
    """
    if spec.endswith(SUFFIXES):
        return get_class(spec).name
    name, given = split(spec)
    known = get_class(name).parameters
    return named_with(name, known, read(name, known, given))


def resolve(name: str) -> str:
    """The name of the same codec for a process with another current folder: its paths are full ones.

    >>> resolve("jpeg:chroma=444")
    'jpeg:chroma=444'
    """
    if name.endswith(SUFFIXES):
        return str(Path(name).expanduser().absolute())
    bare, given = split(name)
    known = get_class(bare).parameters if given else {}
    paths = {
        key: str(known[key].read(text)) for key, text in given.items() if key in known and known[key].path
    }
    return spelled(bare, given | paths)


def describe() -> list[dict[str, object]]:
    """A line of `bench list codecs` for every codec, in plain types: the fields of `Entry` by name."""
    return [asdict(_entry(name)) for name in names()]


def _entry(name: str) -> Entry:
    try:
        codec_class = get_class(name)
        missing = codec_class.missing()
        version = None if missing else codec_class().version()
    except Exception as error:  # a broken plugin is listed as broken
        return Entry(name, False, None, (), "", (), str(error))
    parameters = tuple(f"{key}={value.default}" for key, value in codec_class.parameters.items())
    return Entry(
        name,
        missing is None,
        version,
        codec_class.qualities,
        codec_class.summary,
        parameters,
        missing or "",
    )
