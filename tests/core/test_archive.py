"""Archives made to do harm: refused with a sentence, nothing written beside them, nothing left."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.core.archive import ArchiveError, read_manifest, unpack_images

Write = Callable[[Path], object]

LINK = 0o120777 << 16
CLAIMED = 24  # offset of the unpacked size in an entry of the central directory


def member(name: str, content: bytes = b"picture", attributes: int = 0, method: int = 8) -> Write:
    def write(path: Path) -> None:
        entry = zipfile.ZipInfo(name)
        entry.external_attr, entry.compress_type = attributes, method
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(entry, content)

    return write


def claiming(size: int) -> Write:
    def write(path: Path) -> None:
        member("a.png")(path)
        content = bytearray(path.read_bytes())
        struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + CLAIMED, size)
        path.write_bytes(content)

    return write


def spoilt(path: Path) -> None:
    """A stream of deflate that is none."""
    member("a.png", bytes(1000))(path)
    content = bytearray(path.read_bytes())
    start = 30 + len("a.png")
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)


def cut(path: Path) -> None:
    member("a.png", bytes(range(256)) * 50)(path)
    path.write_bytes(path.read_bytes()[:-40])


HARMFUL: dict[str, tuple[Write, str]] = {
    "a link": (member("a.png", b"/etc/passwd", LINK), "a.png, which is a link"),
    "a path to above": (member("x/../../a.png"), "unsafe path"),
    "a path from the root": (member("/tmp/a.png"), "unsafe path"),
    "a drive": (member("c:a.png"), "unsafe path"),
    "two lines in a name": (member("a.png\n0000  b.png"), "unsafe path"),
    "zeros": (member("a.png", bytes(70 << 20)), "unpacks to 73400320 bytes"),
    "four gigabytes claimed": (claiming(0xFFFFFF00), "unpacks to 4294967040 bytes"),
    "less claimed than there is": (claiming(3), "can be read"),
    "damaged deflate": (spoilt, "can be read"),
    "another method": (member("a.png", method=zipfile.ZIP_LZMA), "another method"),
    "cut off": (cut, "can be read"),
    "no archive": (lambda path: path.write_bytes(b"<html>"), "can be read"),
    "no image": (member("a.txt"), "no image"),
}


@pytest.mark.parametrize(("write", "words"), HARMFUL.values(), ids=HARMFUL.keys())
def test_what_is_made_to_do_harm_is_refused_and_leaves_nothing(
    tmp_path: Path, write: Write, words: str
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write(tmp_path / "set.zip")
    with pytest.raises(ArchiveError, match=words) as caught:
        unpack_images(tmp_path / "set.zip", None, folder, {})
    assert str(caught.value).isprintable()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["set", "set.zip"]


def test_an_honest_archive_is_unpacked_and_listed(tmp_path: Path) -> None:
    member("deep/er/a.png")(tmp_path / "set.zip")
    unpack_images(tmp_path / "set.zip", "er", tmp_path, {})
    assert (tmp_path / "a.png").read_bytes() == b"picture"
    assert list(read_manifest(tmp_path)) == ["a.png"]
