"""A codec made of command lines: `bench.codecs.commandfile` says how to write one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import struct
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.codecs import pillow, program
from bench.codecs.base import RGB, Codec, CodecError
from bench.codecs.commandfile import RAW, Command, CommandFile, filled, read
from bench.core.errors import BenchError

VERSION_LIMIT_S = 30.0  # a program that waits for something must not hold up `bench list`

_SIZE = struct.Struct("<HH")  # width and height before the bitstream, where the decoder writes raw pixels
_PLANES = {"rgb24": (0, 1, 2), "gbrp": (1, 2, 0)}


class CommandCodec(Codec):
    """Runs the command lines of one YAML file; `load` makes the subclass for a file.

    Times include starting the programs, and writing and reading their files.
    """

    file: ClassVar[CommandFile]

    @classmethod
    def missing(cls) -> str | None:
        file = cls.file
        absent = sorted({command[0] for command in _commands(file) if _find(file, command) is None})
        if absent:
            needs = (name + (" as an executable file" if "/" in name else " on the PATH") for name in absent)
            return f"it needs {' and '.join(needs)}" + (f"; {file.install}" if file.install else "")
        beside = ((name, path) for name, path in _files(file) if path.is_relative_to(file.folder))
        gone = [name for name, path in beside if not path.exists()]
        return f"it needs the file {gone[0]}, which its command lines name" if gone else None

    def version(self) -> str:
        return self._version

    def reads(self) -> list[Path]:
        """The YAML file's folder, the programs, and the files that the commands name."""
        return [self.file.folder, *(path for _, path in (*_programs(self.file), *_files(self.file)))]

    def provenance(self) -> dict[str, Any]:
        from bench.core.files import sha256_of

        files = [*_programs(self.file), *_files(self.file)]
        hashes = {name: sha256_of(path) for name, path in files if path.is_file()}
        return {"commands": _command_lines(self.file), "programs": hashes}

    @cached_property
    def _version(self) -> str:
        """The programs' own version, or hashes of the programs; and a hash of the command lines."""
        from bench.core.files import sha256_of

        if self.file.version is not None:
            programs = _first_line(self.file, self.file.version)
        else:
            programs = ", ".join(f"{name} {sha256_of(path)[:10]}" for name, path in _programs(self.file))
        files = [sha256_of(path) for _, path in _files(self.file) if path.is_file()]
        formats = [self.file.input, self.file.output, self.file.suffix]
        settings = json.dumps([_command_lines(self.file), formats, files])
        return f"{programs}, commands {hashlib.sha256(settings.encode()).hexdigest()[:10]}"

    def encode(self, image: RGB, quality: float) -> bytes:
        height, width = image.shape[:2]
        size = b""
        if self.file.output in RAW:
            if max(height, width) >= 1 << 16:
                raise CodecError(f"raw pictures have sides of at most 65535 pixels, not {width}x{height}")
            size = _SIZE.pack(width, height)
        values = {
            "quality": np.format_float_positional(quality, trim="-"),
            "width": str(width),
            "height": str(height),
            "pixel_format": self.file.input,
        }
        with program.fresh_folder() as folder:
            source, target = folder / f"input.{self.file.input}", folder / f"output.{self.file.suffix}"
            source.write_bytes(_picture(image, self.file.input))
            return size + self._run(self.file.encode, source, target, values).read_bytes()

    def decode(self, bitstream: bytes) -> RGB:
        values: dict[str, str] = {}
        width = height = 0
        if self.file.output in RAW:
            if len(bitstream) < _SIZE.size:
                raise CodecError(f"a bitstream of {len(bitstream)} bytes doesn't hold the picture's size")
            width, height = _SIZE.unpack_from(bitstream)
            bitstream = bitstream[_SIZE.size :]
            values = {"width": str(width), "height": str(height), "pixel_format": self.file.output}
        with program.fresh_folder() as folder:
            source, target = folder / f"input.{self.file.suffix}", folder / f"output.{self.file.output}"
            source.write_bytes(bitstream)
            written = self._run(self.file.decode, source, target, values)
            if self.file.output in RAW:
                return self._raw(written, width, height)
            return self._read(written)

    def _run(self, commands: tuple[Command, ...], source: Path, target: Path, values: dict[str, str]) -> Path:
        """Run commands beside the source, for the target that they are to write."""
        # Plain names, as the commands run there: a command line is the same on every machine.
        names = {"input": source.name, "output": target.name, "threads": str(program.threads())}
        for command in commands:
            output = program.run(_ready(self.file, command, values | names), source.parent).output
        return program.check_written(target, command, output)

    def _raw(self, path: Path, width: int, height: int) -> RGB:
        if path.stat().st_size != 3 * width * height:
            raise CodecError(
                f"{self._decoder} wrote {path.stat().st_size} bytes instead of the {3 * width * height} "
                f"of a {self.file.output} picture of {width}x{height} pixels"
            )
        pixels = np.fromfile(path, np.uint8)
        if self.file.output == "rgb24":
            return pixels.reshape(height, width, 3)
        planes = pixels.reshape(3, height, width)
        return np.stack([planes[_PLANES[self.file.output].index(channel)] for channel in range(3)], axis=-1)

    def _read(self, path: Path) -> RGB:
        from bench.core.images import read_rgb  # refuses more than 8 bits, instead of cutting them off

        try:
            return read_rgb(path, formats=(self.file.output.upper(),))
        except BenchError as error:
            reason = program.last_words(str(error), path.parent).partition(";")[0]
            raise CodecError(f"{self._decoder} wrote no picture that can be read{reason}") from None

    @property
    def _decoder(self) -> str:
        return Path(self.file.decode[-1][0]).name


def load(path: Path) -> type[CommandCodec]:
    """The class of the codec that a YAML file describes.

    Raises:
        BenchError: there is no such file, or its content makes no sense.
    """
    file = read(path)
    attributes = {
        "__doc__": file.summary,
        "__module__": __name__,
        "file": file,
        "name": file.name,
        "summary": file.summary,
        "qualities": file.qualities,
        "quality_range": file.quality_range,
        "whole_qualities": file.whole_qualities,
    }
    return type(file.name, (CommandCodec,), attributes)


def _picture(image: RGB, format: str) -> bytes:
    """The file of an image, in one of the formats of `commandfile`."""
    if format == "rgb24":
        return image.tobytes()
    if format in RAW:
        return image[..., _PLANES[format]].transpose(2, 0, 1).tobytes()
    options = {"compress_level": 1} if format == "png" else {}  # it is read once: fast beats small
    return pillow.save(image, format.upper(), **options)


def _commands(file: CommandFile) -> list[Command]:
    return [*file.encode, *file.decode, *([file.version] if file.version else [])]


def _ready(file: CommandFile, command: Command, values: dict[str, str]) -> Command:
    """A command as it is run: the program by its path, and no placeholders."""
    path = _find(file, command)
    if path is None:
        raise CodecError(f"the program {Path(command[0]).name} is not there any more")
    words = filled(command[1:], values | {"folder": str(file.folder)})
    return (str(path), *map(os.path.expanduser, words))


def _find(file: CommandFile, command: Command) -> Path | None:
    """The program of a command, if it is there and can be run."""
    (word,) = filled(command[:1], {"folder": str(file.folder)})
    if "/" in word:
        word = str(file.folder / os.path.expanduser(word))
    path = shutil.which(word)
    return Path(path).absolute() if path else None


def _programs(file: CommandFile) -> list[tuple[str, Path]]:
    """Every program of the commands, by its name."""
    programs = {(Path(command[0]).name, _find(file, command)) for command in _commands(file)}
    return sorted((name, path) for name, path in programs if path is not None)


def _files(file: CommandFile) -> list[tuple[str, Path]]:
    """Every file that the commands name by {folder} or by its full path, whether or not it is there."""
    files = set()
    for word in (word for command in _commands(file) for word in command[1:]):
        named = word.rpartition("=")[2]
        path = Path(os.path.expanduser(*filled((named,), {"folder": str(file.folder)})))
        if path.is_absolute() and "{" not in named.removeprefix("{folder}"):
            files.add((_short(named).removeprefix("{folder}/"), path))
    return sorted(files)


def _first_line(file: CommandFile, command: Command) -> str:
    with program.fresh_folder() as folder:
        output = program.run(_ready(file, command, {}), folder, limit_s=VERSION_LIMIT_S).output
    for line in output.splitlines():
        if text := "".join(filter(str.isprintable, line)).strip():
            return _short(text)[:100]
    raise BenchError(f"'{' '.join(command)}' prints no version; leave 'version' out of the file")


def _command_lines(file: CommandFile) -> dict[str, list[str]]:
    """The command lines, with placeholders, and without folders of this machine."""

    def line(command: Command) -> str:
        words = (Path(command[0]).name, *map(_short, command[1:]))
        return " ".join(
            word if re.fullmatch(r"[\w{}=:,./+-]+", word) else shlex.quote(word) for word in words
        )

    return {"encode": [*map(line, file.encode)], "decode": [*map(line, file.decode)]}


def _short(word: str) -> str:
    """A word of a command, of full paths only the names."""
    return re.sub(r"(^|[=\s,])~?/[^\s=,]*/", r"\1", word)
