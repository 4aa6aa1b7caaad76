"""Zip archives of images, unpacked in bounds: nothing outside the folder, nothing out of proportion."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from bench.core.errors import first_line
from bench.core.files import is_image_name, sha256_of

MANIFEST = "SHA256SUMS"
# Images hardly shrink in an archive, so what unpacks to more than this is made to fill a disk.
MOST_GROWTH = 20
_SLACK = 64 << 20  # bytes that even a small archive may unpack to
_SCRATCH = ".unpack-"
_LONGEST_UNPACKING_S = 24 * 3600  # after which a folder is what a killed process left
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchiveError(Exception):
    """Why an archive isn't taken, as the end of a sentence: "holds no image"."""


def unpack_images(archive: Path, inside: str | None, folder: Path, known: Mapping[str, str | None]) -> None:
    """Put the images of a zip archive into `folder`.

    `folder`/SHA256SUMS, written last, lists what the archive held.

    Args:
        inside: end of the path of the archive's folder that holds the images; None: any.
        known: SHA-256 by name of the files that must be there; None: not checked. Where names are paths
            ("trees/1.png"), images keep the folders that they have below `inside`; else they go without.

    Raises:
        ArchiveError: the archive is damaged or no zip, lacks a known file, or is one that reaches outside
            its folder or unpacks to far more than its own size. `folder` is as it was.
        OSError: `folder` can't be written to.
    """
    _sweep(folder)
    try:
        with (
            zipfile.ZipFile(archive) as source,
            tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH) as scratch,
        ):
            _unpack(source, inside, Path(scratch), folder, known)
    except (
        zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, zlib.error,
    ) as error:  # fmt: skip
        raise ArchiveError(f"is not a zip archive that can be read ({first_line(error)})") from error


def read_manifest(folder: Path) -> dict[str, str]:
    """SHA-256 by file name of what an archive put into `folder`; empty if none was unpacked."""
    path = folder / MANIFEST
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return {name: sha for sha, _, name in (line.partition("  ") for line in lines)}


def _sweep(folder: Path) -> None:
    for path in folder.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _LONGEST_UNPACKING_S:
                shutil.rmtree(path)


def _unpack(
    source: zipfile.ZipFile, inside: str | None, scratch: Path, folder: Path, known: Mapping[str, str | None]
) -> None:
    members = _images(source, inside, deep=any("/" in name for name in known))
    if lost := sorted(known.keys() - members.keys()):
        raise ArchiveError(f"lacks {lost[0]}")
    _refuse_bombs(source, members)
    sums = {}
    for name, member in sorted(members.items()):
        path = scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(source, member) as packed, path.open("wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)  # never more than the size that it claims
        sums[name] = sha256_of(path)
        if (expected := known.get(name)) and sums[name] != expected:
            raise ArchiveError(f"holds another {name} than the known one")
    manifest = scratch / MANIFEST
    manifest.write_text("".join(f"{sha}  {name}\n" for name, sha in sums.items()), "utf-8")
    for name in (*sums, MANIFEST):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(scratch / name, folder / name)


def _opened(source: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return source.open(member)
    except OSError as error:  # it is said to begin before the beginning of the file
        raise zipfile.BadZipFile(first_line(error)) from error


def _images(source: zipfile.ZipFile, inside: str | None, deep: bool) -> dict[str, zipfile.ZipInfo]:
    """The archive's images by file name, or by path if `deep`; refuses an archive that tries to write
    elsewhere."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in source.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        unsafe = path.is_absolute() or ".." in path.parts or ":" in member.filename
        if unsafe or not member.filename.isprintable():
            raise ArchiveError(f"is refused for its unsafe path {member.filename[:200]!r}")
        if member.is_dir() or "__MACOSX" in path.parts or not is_image_name(path.name):
            continue
        if (name := _name_below(path, inside, deep)) is None:
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ArchiveError(f"is refused for {name}, which is a link")
        if member.compress_type not in _METHODS:
            raise ArchiveError(f"packs {name} by another method than deflate")
        if name in members:
            raise ArchiveError(f"holds two files named {name}")
        members[name] = member
    if not members:
        raise ArchiveError(f"holds no image{f' in {inside}' if inside else ''}")
    return members


def _name_below(path: PurePosixPath, inside: str | None, deep: bool) -> str | None:
    """What an image of an archive is called; None: it is not in the folder `inside`."""
    if not deep:
        return path.name if inside is None or f"/{path.parent}".endswith(f"/{inside}") else None
    if inside is None:
        return str(path)
    holding = (parent for parent in path.parents if f"/{parent}".endswith(f"/{inside}"))
    return next((str(path.relative_to(parent)) for parent in holding), None)


def _refuse_bombs(source: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
    assert source.filename is not None
    size = os.path.getsize(source.filename)
    claimed = sum(member.file_size for member in members.values())
    if claimed > _SLACK + MOST_GROWTH * size:
        raise ArchiveError(f"unpacks to {claimed} bytes and has {size}, which is no archive of images")
