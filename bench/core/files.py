"""Files: their hashes, which of them are images, and names that any file system takes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm")

# NTFS and exFAT take none of <>:"/\|?* nor control characters; "%" starts an escape, "@" stands for ":".
_UNSAFE = re.compile(r'[<>"/\\|?*%@~\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|^\.|[. ]$')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)")
_LONGEST = 180  # bytes: most file systems take 255, and a suffix comes behind


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits in lower case."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_image_name(name: str) -> bool:
    """Whether a file of that name counts as an image: by its suffix, hidden files left out.

    >>> is_image_name("kodim01.png"), is_image_name("._kodim01.png"), is_image_name("notes.txt")
    (True, False, False)
    """
    return not name.startswith(".") and Path(name).suffix.lower() in IMAGE_SUFFIXES


def printable(name: str) -> str:
    r"""A file's name as text that can be printed and stored: bytes that are no UTF-8 are escaped.

    >>> printable("caf\udce9.png")
    'caf\\xe9.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_name_of(name: str) -> str:
    """A name that any file system takes, for a codec or dataset of any name; no two names share one.

    ":" becomes "@", other characters that a file system refuses are percent-encoded. A name that
    is too long ends in a hash instead, behind "~".

    >>> file_name_of("bpg:bits=10"), file_name_of("50%"), file_name_of("nul")
    ('bpg@bits=10', '50%25', '%6Eul')
    """
    safe = _UNSAFE.sub(lambda match: _percent(match[0]), name).replace(":", "@")
    if _RESERVED.match(safe):
        safe = _percent(safe[0]) + safe[1:]
    if len(safe.encode()) <= _LONGEST:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    kept = safe.encode()[: _LONGEST - 17].decode(errors="ignore")
    return f"{kept.rstrip('. ')}~{digest}"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
