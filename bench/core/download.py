"""Fetch and check dataset files; nothing lands under its own name before it is checked."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bench.core.errors import BenchError
from bench.core.files import is_image_name, sha256_of

MANIFEST = "SHA256SUMS"

_TIMEOUT_S = 30  # without a byte, not for the whole file


class DownloadError(Exception):
    """Why a file could not be had, as a clause that fits into the middle of a sentence."""


def verified(path: Path, expected: str | None) -> str:
    """The SHA-256 of a file; raises BenchError if it is not the expected one."""
    actual = sha256_of(path)
    if expected is None or actual == expected:
        return actual
    what = "is empty" if path.stat().st_size == 0 else "is not the file it should be"
    if what != "is empty" and _is_cut_off(path):
        what = "is cut off before its end"
    raise BenchError(
        f"{path.name} in {path.parent} {what} (SHA-256 {actual[:8]}, expected {expected[:8]}); "
        "delete it and run again, or point --data at a folder with the right file."
    )


def fetch_file(url: str, target: Path, sha256: str | None) -> None:
    """Download `url` to `target`; `sha256` None: not checked.

    The bytes go to a temporary file beside `target`, which is renamed only once it is whole and
    its checksum is right. Raises DownloadError and leaves nothing behind otherwise.
    """
    import pooch
    import requests
    from tqdm import tqdm

    pooch.get_logger().setLevel("ERROR")
    try:
        # total: pooch puts in the real one; disable=None: no bar if stderr is not a terminal
        with tqdm(desc=target.name, total=1, unit="B", unit_scale=True, leave=False, disable=None) as bar:
            pooch.retrieve(
                url,
                known_hash=sha256,
                fname=target.name,
                path=target.parent,
                downloader=pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=_TIMEOUT_S),
            )
    except requests.exceptions.HTTPError as error:
        reason = f"HTTP status {getattr(error.response, 'status_code', 'unknown')}"
    except requests.exceptions.Timeout:
        reason = f"no answer within {_TIMEOUT_S} s"
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        reason = f"no connection: {type(error).__name__}"
    except requests.exceptions.ConnectionError:
        reason = "no connection"
    except requests.exceptions.ChunkedEncodingError:
        reason = "the connection was cut off before the end of the file"
    except requests.exceptions.RequestException as error:
        reason = type(error).__name__
    except ValueError:
        reason = f"what came has another SHA-256 than {(sha256 or '')[:8]}..."
    except OSError as error:
        raise DownloadError(f"cannot write to {target.parent} ({error.strerror})") from error
    else:
        return
    raise DownloadError(f"{url} could not be downloaded ({reason})")


def fetch_archive(
    url: str, sha256: str | None, inside: str | None, folder: Path, known: Mapping[str, str | None]
) -> None:
    """Download a zip archive and put its images into `folder`.

    `inside` is the end of the path of the archive's folder that holds the images (None: any).
    `known` maps the file names that must be there to their SHA-256 (None: not checked). Where these are paths
    ("trees/1.png"), images keep the folders that they have below `inside`; else they go without folders.
    `folder`/SHA256SUMS, written last, lists what the archive held. Raises DownloadError, and then
    leaves no image behind.
    """
    archive = folder / PurePosixPath(url).name
    fetch_file(url, archive, sha256)
    try:
        _unpack(archive, inside, folder, known)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise DownloadError(f"{url} is not a zip archive that can be read ({error})") from error
    except DownloadError as error:
        raise DownloadError(f"the archive {url} {error}") from error
    except OSError as error:
        raise DownloadError(f"cannot unpack into {folder} ({error.strerror})") from error
    finally:
        archive.unlink(missing_ok=True)


def read_manifest(folder: Path) -> dict[str, str]:
    """SHA-256 by file name of what an archive put into `folder`; empty if none was unpacked."""
    path = folder / MANIFEST
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return {name: sha for sha, _, name in (line.partition("  ") for line in lines)}


def _unpack(archive: Path, inside: str | None, folder: Path, known: Mapping[str, str | None]) -> None:
    with (
        zipfile.ZipFile(archive) as source,
        tempfile.TemporaryDirectory(dir=folder, prefix=".unpack-") as scratch,
    ):
        members = _images(source, inside, deep=any("/" in name for name in known))
        if lost := sorted(known.keys() - members.keys()):
            raise DownloadError(f"lacks {lost[0]}")
        sums = {}
        for name, member in sorted(members.items()):
            path = Path(scratch, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            with source.open(member) as packed, path.open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
            sums[name] = sha256_of(path)
            if (expected := known.get(name)) and sums[name] != expected:
                raise DownloadError(f"holds another {name} than the known one")
        manifest = Path(scratch, MANIFEST)
        manifest.write_text("".join(f"{sha}  {name}\n" for name, sha in sums.items()), "utf-8")
        for name in (*sums, MANIFEST):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(scratch, name), folder / name)


def _is_cut_off(path: Path) -> bool:
    """Whether a PNG or JPEG file lacks its end mark."""
    content = path.read_bytes()
    if content.startswith(b"\x89PNG"):
        return not content.endswith(b"IEND\xaeB`\x82")
    return content.startswith(b"\xff\xd8") and not content.endswith(b"\xff\xd9")


def _images(source: zipfile.ZipFile, inside: str | None, deep: bool) -> dict[str, zipfile.ZipInfo]:
    """The archive's images by file name, or by path if `deep`; refuses an archive that tries to write
    elsewhere."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in source.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in member.filename:
            raise DownloadError(f"is refused for its unsafe path {member.filename!r}")
        if member.is_dir() or "__MACOSX" in path.parts or not is_image_name(path.name):
            continue
        if (name := _name_below(path, inside, deep)) is None:
            continue
        if name in members:
            raise DownloadError(f"holds two files named {name}")
        members[name] = member
    if not members:
        raise DownloadError(f"holds no image{f' in {inside}' if inside else ''}")
    return members


def _name_below(path: PurePosixPath, inside: str | None, deep: bool) -> str | None:
    """What an image of an archive is called; None: it is not in the folder `inside`."""
    if not deep:
        return path.name if inside is None or f"/{path.parent}".endswith(f"/{inside}") else None
    if inside is None:
        return str(path)
    holding = (parent for parent in path.parents if f"/{parent}".endswith(f"/{inside}"))
    return next((str(path.relative_to(parent)) for parent in holding), None)
