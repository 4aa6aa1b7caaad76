"""Blocks of bytes that go from process to process without being copied: files without a name, in memory.

A file is written once and then sealed. From then on nobody can change it, not even who wrote it. So what was
checked is what is scored and kept. The next block is another file: none tells of what was there before.
"""

from __future__ import annotations

import mmap
import os
import sys
from contextlib import suppress

_MOST_AT_ONCE = 1 << 30  # bytes that one call writes; Linux has a limit near 2 GiB

if sys.platform == "linux":
    import fcntl

    _SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class SealedFile:
    """A block of at least one byte in a sealed file. Only Linux has such files.

    >>> file = SealedFile.of(memoryview(b"pixels"))
    >>> bytes(file.view()) if file else b"pixels"
    b'pixels'
    """

    def __init__(self, number: int) -> None:
        """
        Args:
            number: of the open file, which is closed with this object.
        """
        self.number = number

    @classmethod
    def of(cls, content: memoryview) -> SealedFile | None:
        """A file of these bytes; None: there can be none, as on macOS or beyond `ulimit -f`."""
        if sys.platform != "linux":
            return None
        try:
            file = cls(os.memfd_create("payload", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING))
            for start in range(0, len(content), _MOST_AT_ONCE):
                part = content[start : start + _MOST_AT_ONCE]
                if os.write(file.number, part) != len(part):
                    return None
            fcntl.fcntl(file.number, fcntl.F_ADD_SEALS, _SEALS)
        except OSError:
            return None
        return file

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return os.fstat(self.number).st_size

    def check(self, size: int) -> None:
        """Raise unless what another process sent is a sealed file of that size.

        Raises:
            OSError: it is no file in memory.
            ValueError: it can still change, or is of another size.
        """
        if sys.platform == "linux" and fcntl.fcntl(self.number, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise ValueError("the file can still change")
        if self.size != size or size == 0:
            raise ValueError("the file is of another size")

    def view(self) -> memoryview:
        """Its bytes, which can be read and not written."""
        # Private, as Linux before 6.7 maps no sealed file in another way.
        return memoryview(mmap.mmap(self.number, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))

    def copy(self) -> memoryview:
        """Its bytes, to write over as well: that changes this copy only."""
        return memoryview(mmap.mmap(self.number, 0, access=mmap.ACCESS_COPY))

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self.number)
