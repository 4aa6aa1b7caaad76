"""Fetch and check dataset files; nothing lands under its own name before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from bench.core.archive import ArchiveError, unpack_images
from bench.core.errors import BenchError
from bench.core.files import sha256_of
from bench.core.whole_file import writing_whole

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

    The file lies there only once it is whole and its checksum is right.

    Raises:
        DownloadError: it could not be had, and nothing of it is left.
    """
    import pooch
    import requests
    from tqdm import tqdm

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # total: pooch puts in the real one; disable=None: no bar if stderr is not a terminal
        with (
            writing_whole(target) as part,
            tqdm(desc=target.name, total=1, unit="B", unit_scale=True, leave=False, disable=None) as bar,
        ):
            download = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=_TIMEOUT_S)
            download(url, str(part), None)
            if sha256 is not None and sha256_of(part) != sha256:
                raise DownloadError(
                    f"{url} could not be downloaded (what came has another SHA-256 than {sha256[:8]}...)"
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
    except OSError as error:
        raise DownloadError(f"cannot write to {target.parent} ({error.strerror})") from error
    else:
        return
    raise DownloadError(f"{url} could not be downloaded ({reason})")


def fetch_archive(
    url: str, sha256: str | None, inside: str | None, folder: Path, known: Mapping[str, str | None]
) -> None:
    """Download a zip archive and put its images into `folder`.

    `inside`, `known` and what is left in `folder`: see `unpack_images`. Raises DownloadError, and then
    leaves no image behind.
    """
    archive = folder / PurePosixPath(url).name
    fetch_file(url, archive, sha256)
    try:
        unpack_images(archive, inside, folder, known)
    except ArchiveError as error:
        raise DownloadError(f"the archive {url} {error}") from error
    except OSError as error:
        raise DownloadError(f"cannot unpack into {folder} ({error.strerror})") from error
    finally:
        archive.unlink(missing_ok=True)


def _is_cut_off(path: Path) -> bool:
    """Whether a PNG or JPEG file lacks its end mark."""
    content = path.read_bytes()
    if content.startswith(b"\x89PNG"):
        return not content.endswith(b"IEND\xaeB`\x82")
    return content.startswith(b"\xff\xd8") and not content.endswith(b"\xff\xd9")
