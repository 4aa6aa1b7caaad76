"""How inputs are damaged, and checksums made right again."""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple


class Target(NamedTuple):
    """What is fed: honest inputs, and what is done with a damaged one."""

    inputs: list[bytes]
    feed: Callable[[bytes], object]
    mend: Callable[[bytes], bytes] = bytes  # makes checksums right again
    damages: tuple[Callable[[bytearray, random.Random, list[bytes]], bytes | bytearray], ...] = ()


def damaged(target: Target, rng: random.Random) -> bytes:
    """One of the inputs, damaged in one to four ways; its checksum is right in two of three."""
    content: bytes | bytearray = rng.choice(target.inputs)
    for _ in range(rng.choice((1, 1, 2, 4))):
        change = rng.choice(target.damages or DAMAGES)
        content = change(bytearray(content), rng, target.inputs)
    return target.mend(bytes(content)) if rng.random() < 0.67 else bytes(content)


def mend_crc_at_end(content: bytes) -> bytes:
    return content[:-4] + struct.pack("<I", zlib.crc32(content[:-4]))


def mend_crcs_of_chunks(content: bytes) -> bytes:
    """A PNG file with the checksums of its chunks made right."""
    out, start = bytearray(content), 8
    while content[:4] == b"\x89PNG" and start + 12 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], "big")
        out[end : end + 4] = struct.pack(">I", zlib.crc32(content[start + 4 : end]))[: max(0, len(out) - end)]
        start = end + 4
    return bytes(out)


_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
_TOKENS = [
    b"NaN", b"Infinity", b"1e999", b"-1", b"0", b"0.5", b"null", b"true", b'""', b"[]", b"{}", b"9" * 5000,
    b"[" * 3000, b"&a [*a]", b"!!int x", b"!!python/object:os.system", b"\t", b"\xff\xfe", b"\xe2\x80\xa8",
    b"-", b":", b"<<<<<<< HEAD", b"2", b'"psnr"', b"x" * 100_000, b"{quality}", b"{", b"}", b"~",
    b"2026-01-01", b"\0", b"../../x",
]  # fmt: skip


def _flip(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    if content:
        content[_place(content, rng)] ^= 1 << rng.randrange(8)
    return content


def _noise(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    start = _place(content, rng)
    content[start : start + 8] = rng.randbytes(min(8, len(content) - start))
    return content


def _forge(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """Put a number where a field of a header may be."""
    form = rng.choice(("<B", "<H", ">H", "<I", ">I"))
    size = struct.calcsize(form)
    start = rng.randrange(min(len(content), 80) or 1)
    content[start : start + size] = struct.pack(form, rng.choice(_NUMBERS) % (1 << 8 * size))
    return content


def _cut(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    return content[: _place(content, rng)]


def extend(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    return content + rng.randbytes(rng.choice((1, 4, 1000)))


def _lose(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    start = _place(content, rng)
    return content[:start] + content[start + rng.choice((1, 4, 100)) :]


def _repeat(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    start = _place(content, rng)
    return content[: start + rng.choice((1, 4, 100))] + content[start:]


def _splice(content: bytearray, rng: random.Random, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    return bytes(content[: _place(content, rng)]) + other[_place(other, rng) :]


def _token(content: bytearray, rng: random.Random, others: list[bytes]) -> bytes:
    """Put an odd value in the place of one of a text."""
    found = list(re.finditer(rb"[\w.+-]+|\"[^\"]*\"|[\[{\]}:,]", bytes(content[:20_000])))
    if not found:
        return bytes(content)
    word = rng.choice(found)
    return bytes(content[: word.start()] + rng.choice(_TOKENS) + content[word.end() :])


DAMAGES = (_flip, _noise, _forge, _forge, _cut, extend, _lose, _repeat, _splice)
OF_TEXT = (_flip, _cut, _lose, _repeat, _splice, _token, _token, _token, _token)


def _place(content: bytes | bytearray, rng: random.Random) -> int:
    """Somewhere, half of the time near the beginning, where headers are."""
    return rng.randrange(max(1, min(len(content), 64) if rng.random() < 0.5 else len(content)))
