"""Run an external program: without a shell, in a folder, keeping a bounded part of what it prints."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from bench.codecs.base import CodecError
from bench.core.errors import without_folders
from bench.process import program_memory

_KEPT_BYTES = 32 << 10  # of output, at its beginning and again at its end
_ERROR_CHARACTERS, _ERROR_LINES = 2000, 6  # of output, at most, in an error
_MOST_WORDS = 400  # characters that are left of them
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")  # in memory, as FFmpeg prints with each line
_ASK_LIMIT_S = 30.0
_PATIENCE_S = 1.0  # for the output of processes that a program has left running


class Ran(NamedTuple):
    """A program that has run."""

    output: str  # everything printed; of much, the beginning and the end
    seconds: float  # wall clock
    memory: int  # peak of resident bytes; on Linux no less than that of the process that started it


def run(command: Sequence[str], folder: Path, *, limit_s: float | None = None, any_code: bool = False) -> Ran:
    """Run a program in a folder, with nothing on its standard input, and wait for it.

    The program gets this process's environment, but no PYTHONPATH (a program in Python has packages
    of its own) and the locale C, in which numbers have points. Its memory goes to `program_memory`.

    Args:
        command: the program and its arguments.
        limit_s: seconds after which the program is killed; None: never.
        any_code: True: no exit code is a failure, as of programs that only print their help.

    Raises:
        CodecError: the program can't be started, failed, was killed, or took too long. The error
            has the last lines that were printed, without any folder of this machine.
    """
    name = Path(command[0]).name
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    began = time.perf_counter()
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise CodecError(f"{name} can't be started ({error.strerror})") from None
    assert process.stdout is not None
    output = _Output(process.stdout)
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(limit_s or 0, end)
    if limit_s is not None:
        timer.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:  # Ctrl-C
        process.kill()
        process.wait()
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    printed = output.text()
    if late.is_set():
        raise CodecError(f"{name} took over {limit_s:g} s")
    if process.returncode and not any_code:
        raise CodecError(f"{name} {_ending(process.returncode)}{last_words(printed, folder)}")
    memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    program_memory.report(memory)
    return Ran(printed, seconds, memory)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A folder for a program to run in, gone afterwards."""
    # A program may leave what can't be removed; the process's own folder goes at its end anyway.
    with tempfile.TemporaryDirectory(prefix="command-", ignore_cleanup_errors=True) as name:
        yield Path(name)


class Made(NamedTuple):
    """The file that a program made, and the text that it printed."""

    content: bytes
    output: str


def convert(command: Sequence[str], source: tuple[str, bytes], target: str) -> Made:
    """Run a program that makes one file of another, in a folder that holds nothing else.

    Args:
        command: as `run` takes it; it names both files.
        source: name and content of the file to read.
        target: name of the file to write.

    Raises:
        CodecError: as `run` and `check_written`.
    """
    with fresh_folder() as folder:
        name, content = source
        (folder / name).write_bytes(content)
        output = run(command, folder).output
        return Made(check_written(folder / target, command, output).read_bytes(), output)


def ask(command: Sequence[str]) -> str:
    """The text that a program prints about itself, whatever its exit code.

    A program that waits for something is killed after 30 seconds, so as not to hold up `bench list`.

    Raises:
        CodecError: the program can't be started, or was too slow.
    """
    with fresh_folder() as folder:
        return run(command, folder, limit_s=_ASK_LIMIT_S, any_code=True).output


def check_written(target: Path, command: Sequence[str], output: str) -> Path:
    """Check that a program has written a file, and return the file's path.

    Args:
        target: the file.
        command: the program, for the error.
        output: the text that the program printed, for the error.

    Raises:
        CodecError: there is no such file, or it is empty.
    """
    if target.is_symlink() or not target.is_file() or not target.stat().st_size:
        what = "an empty" if target.is_file() and not target.is_symlink() else "no"
        printed = last_words(output, target.parent)
        raise CodecError(f"{Path(command[0]).name} ended well but wrote {what} file {target.name}{printed}")
    return target


def provenance_of(encode: Sequence[str], decode: Sequence[str], files: Iterable[Path]) -> dict[str, Any]:
    """The part of `Codec.provenance` on programs: both command lines, and SHA-256 of files by name."""
    from bench.core.files import sha256_of

    return {
        "commands": {"encode": " ".join(encode), "decode": " ".join(decode)},
        "programs": {path.name: sha256_of(path) for path in files},
    }


def threads() -> int:
    """How many threads a program may use: as many as the harness allows this process."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def last_words(text: str, folder: Path) -> str:
    r"""The last lines that a program printed, as the end of a sentence, without folders of this machine.

    >>> last_words("reading input.png\nno memory\n", Path("work"))
    ': reading input.png | no memory'

    Args:
        text: everything printed; an empty text gives an empty one.
        folder: the folder that the program ran in.
    """
    tail = text[-_ERROR_CHARACTERS:]
    for path in {str(folder), str(folder.resolve())}:
        tail = tail.replace(path + os.sep, "").replace(path, ".")
    lines = ["".join(filter(str.isprintable, line)).strip() for line in without_folders(tail).splitlines()]
    last = " | ".join(list(filter(None, lines))[-_ERROR_LINES:])
    last = _ADDRESS.sub("", last)
    return f": {last if len(last) <= _MOST_WORDS else '...' + last[3 - _MOST_WORDS :]}" if last else ""


class _Output:
    """Reads everything that a program prints, so that the program never waits, and keeps little."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._head, self._tail = bytearray(), bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def text(self) -> str:
        """The text that was printed, once the program has ended."""
        self._reader.join(_PATIENCE_S)
        return bytes(self._head + self._tail).decode(errors="replace")

    def _read(self) -> None:
        with self._pipe:
            while chunk := os.read(self._pipe.fileno(), 1 << 16):
                room = _KEPT_BYTES - len(self._head)
                self._head += chunk[:room]
                self._tail = (self._tail + chunk[room:])[-_KEPT_BYTES:]


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:  # a real-time signal has no name
        return f"was killed by signal {-code}"
