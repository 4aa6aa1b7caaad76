"""Pages of programs and libraries that a process has in memory.

A process that was forked begins without these: the kernel maps them anew where they are used. So what a
worker takes would seem less than in a process that was started from nothing. It maps what its template had.
"""

from __future__ import annotations

import ctypes
import mmap
from array import array
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_PRESENT, _OF_FILE = 1 << 63, 1 << 61
_MADV_POPULATE_READ = 22  # Linux 5.14


def mapped_files() -> set[str]:
    """Files of which this process has something in its memory. Only Linux tells."""
    return {name for _, _, name in _areas()}


def mapped(files: Collection[str]) -> list[tuple[int, int]]:
    """Where pages of these files are in this process and in memory: address and bytes."""
    ranges: list[tuple[int, int]] = []
    for start, end, name in _areas():
        if name not in files:
            continue
        with Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
            pagemap.seek(start // mmap.PAGESIZE * 8)
            pages = array("Q", pagemap.read((end - start) // mmap.PAGESIZE * 8))
        for number, page in enumerate(pages, start // mmap.PAGESIZE):
            if not (page & _PRESENT and page & _OF_FILE):
                continue
            if ranges and sum(ranges[-1]) == number * mmap.PAGESIZE:
                ranges[-1] = ranges[-1][0], ranges[-1][1] + mmap.PAGESIZE
            else:
                ranges.append((number * mmap.PAGESIZE, mmap.PAGESIZE))
    return ranges


def map_again(ranges: Sequence[tuple[int, int]]) -> None:
    """Map those pages; does nothing before Linux 5.14."""
    madvise = ctypes.CDLL(None).madvise
    for address, size in ranges:
        madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), _MADV_POPULATE_READ)


def _areas() -> Iterator[tuple[int, int, str]]:
    """Addresses between which something of a file can be read, and the file's name."""
    with suppress(FileNotFoundError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, _, _, number, *name = line.split(maxsplit=5)
            if number != "0" and rights.startswith("r"):
                start, end = place.split("-")
                yield int(start, 16), int(end, 16), "".join(name)
