"""What there is to read for the process of a codec: Python, system libraries, its programs and weights.

With Landlock, everything else on the disk is out of its reach: datasets, results, home folders. A user names
more in `BENCH_READABLE=FOLDER:FILE:...`.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from bench.process.confine import Reach

SETTING = "BENCH_READABLE"

# Programs, libraries and settings of the system, and of package managers that keep theirs elsewhere.
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/sys", "/nix/store", "/gnu/store", "/cvmfs",
    "/run/current-system", "/run/opengl-driver", "/home/linuxbrew/.linuxbrew",
)  # fmt: skip
_BESIDE_BIN = ("lib", "lib32", "lib64", "libexec", "share", "etc", "cfg", "ssl", "pyvenv.cfg")
_MODULES = (".py", ".pyc", ".so", ".pth", ".zip", ".egg", ".egg-link", ".egg-info", ".dist-info")
_SCRIPTS = (".py", ".sh", ".pl", ".rb", ".js", ".jar", ".jl", ".m", ".lua")


def reach(reads: Iterable[Path], hidden: Iterable[Path] = ()) -> Reach:
    """What the process of a codec may read.

    Args:
        reads: files and folders that the codec needs beside Python's, as `Codec.reads` has them. Of a program
            its folder and its libraries are added.
        hidden: files and folders that are left out, wherever they lie; a folder of `reads` inside of one is
            there all the same.
    """
    secret = set(map(_real, hidden))
    around = {str(folder) for path in secret for folder in Path(path).parents}  # folders that hold some of it
    readable: set[str] = set()
    always = (*map(Path, _SYSTEM), *_linker_folders(), *_python(tuple(filter(None, sys.path))))
    for path in (*always, *_named(), *_expanded(reads)):
        real = os.path.realpath(path)
        if os.path.isdir(real) and (real in secret or real in around):
            readable.update(_without(real, secret, around))
        elif real not in secret and os.path.exists(real):
            readable.add(real)
    return Reach(_outermost(readable), _search_path(), sorted(secret))


def _without(folder: str, secret: set[str], around: set[str]) -> Iterator[str]:
    """What lies in a folder, but for secrets. Links are left out: what they lead to is readable if it lies in
    a readable folder itself."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.path in around and entry.path not in secret:
                yield from _without(entry.path, secret, around)
            elif entry.path not in secret and not entry.is_symlink():
                yield entry.path


def _real(path: Path) -> str:
    """The real path of one of many files, which lie in few folders."""
    return os.path.realpath(path) if path.is_symlink() else f"{_real_folder(path.parent)}{os.sep}{path.name}"


@functools.lru_cache(maxsize=16)
def _real_folder(folder: Path) -> str:
    return os.path.realpath(folder).rstrip(os.sep)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Without those that lie in another."""
    kept: list[str] = []
    for path in sorted(paths):  # a folder comes before what lies in it
        if not kept or not path.startswith(kept[-1].rstrip("/") + "/"):
            kept.append(path)
    return kept


def _expanded(paths: Iterable[Path]) -> Iterator[Path]:
    """Paths, and of programs among them what they need."""
    for path in paths:
        if path.is_dir():
            if not _is_broad(path):
                yield path
        elif path.is_file():
            yield path
            if os.access(path, os.X_OK) or path.suffix in _SCRIPTS:
                yield from _of_program(path)


def _of_program(path: Path) -> Iterator[Path]:
    """What a program needs: what lies beside it, its libraries, and what its first line names."""
    for place in dict.fromkeys((path, path.resolve())):
        yield from _of_folder(place.parent)
    beginning = b""
    with suppress(OSError), path.open("rb") as file:
        beginning = file.read(256)
    if beginning.startswith(b"\x7fELF") and not path.resolve().is_relative_to("/usr"):
        yield from _libraries(path)
    if beginning.startswith(b"#!"):
        interpreter = Path(os.fsdecode(beginning[2:].split()[0])) if beginning[2:].split() else path
        if interpreter.is_file() and interpreter != path:
            yield interpreter
            yield from _of_program(interpreter)


def _of_folder(folder: Path) -> Iterator[Path]:
    """A folder of programs, and what is installed with them, as PREFIX/lib is with PREFIX/bin."""
    if not _is_broad(folder):
        yield folder
    if folder.name == "bin":
        yield from (folder.parent / name for name in _BESIDE_BIN)


def _is_broad(folder: Path) -> bool:
    """Whether a folder holds more than a program: the home folder, the temporary one, or one above them."""
    return os.path.realpath(folder) in _broad(str(Path.home()), tempfile.gettempdir())


@functools.cache
def _broad(*places: str) -> set[str]:
    real = [Path(os.path.realpath(place)) for place in places]
    return {str(folder) for place in real for folder in (place, *place.parents)}


def _libraries(program: Path) -> Iterator[Path]:
    """Shared libraries that the linker finds for a program."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=10)
        for name in re.findall(r"(?:=>|^)\s*(/\S+) \(0x", done.stdout, re.MULTILINE):
            yield Path(name)


def _linker_folders() -> Iterator[Path]:
    """Where the linker looks for libraries besides /usr, by its settings and by the environment."""
    for file in (Path("/etc/ld.so.conf"), *Path("/etc/ld.so.conf.d").glob("*.conf")):
        with suppress(OSError):
            yield from (Path(line) for line in file.read_text().splitlines() if line.startswith("/"))
    for name in ("LD_LIBRARY_PATH", "PATH"):
        for entry in os.environ.get(name, "").split(os.pathsep):
            if entry.startswith("/"):
                yield from _of_folder(Path(entry))


def _named() -> Iterator[Path]:
    """What the user's setting names."""
    return _expanded(Path(entry) for entry in os.environ.get(SETTING, "").split(os.pathsep) if entry)


@functools.cache
def _python(search_path: tuple[str, ...]) -> list[Path]:
    """This Python, its modules, and those of each place on its search path."""
    return list(dict.fromkeys(_of_python(search_path)))


def _of_python(search_path: tuple[str, ...]) -> Iterator[Path]:
    import bench

    for place in (Path(sys.executable), Path(os.path.realpath(sys.executable))):
        yield from _of_folder(place.parent)
    yield from (Path(path) for name, path in sysconfig.get_paths().items() if "lib" in name)
    for folder in bench.__path__:
        yield Path(folder)
        yield Path(folder, "codecs")
    for entry in map(Path, search_path):
        if entry.is_file() or entry.name in ("site-packages", "dist-packages"):
            yield entry
        elif entry.is_dir():
            yield from _modules(entry)
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):  # what setuptools makes of `pip install -e`
            yield from (Path(path) for path in getattr(module, "MAPPING", {}).values())


def _search_path() -> list[str]:
    return sorted({str(Path(entry).resolve()) for entry in filter(None, sys.path) if Path(entry).is_dir()})


def _modules(folder: Path) -> Iterator[Path]:
    """What can be imported from a folder."""
    with suppress(OSError):
        for child in folder.iterdir():
            if child.suffix in _MODULES or (child.is_dir() and _is_package(child)):
                yield child


def _is_package(folder: Path) -> bool:
    """Whether a folder holds modules, or packages of which it is the common name."""
    with suppress(OSError):
        children = list(folder.iterdir())
        return any(child.suffix in (".py", ".so") for child in children) or any(
            (child / "__init__.py").is_file() for child in children
        )
    return False
