"""Blocks of bytes that go from process to process without being copied: files without a name, in memory.

A file is written once and then sealed. From then on nobody can change it, not even who wrote it. So what was
checked is what is scored and kept. The next block is another file: none tells of what was there before.
"""

from __future__ import annotations

import array
import os
import socket
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

_MOST_AT_ONCE = 1 << 30  # bytes that one call reads or writes; Linux has a limit near 2 GiB

if sys.platform == "linux":
    import fcntl

    _SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class SealedFile:
    """A block of bytes in a sealed file. Only Linux has such files.

    >>> file = SealedFile.of(memoryview(b"pixels"))
    >>> file.read() if file else b"pixels"
    b'pixels'
    """

    def __init__(self, file: int, size: int) -> None:
        self._file, self._size = file, size

    @classmethod
    def of(cls, content: memoryview) -> SealedFile | None:
        """A file of these bytes; None: there can be none, as on macOS or beyond `ulimit -f`."""
        if sys.platform != "linux":
            return None
        try:
            file = cls(os.memfd_create("payload", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), len(content))
            for start in range(0, len(content), _MOST_AT_ONCE):
                part = content[start : start + _MOST_AT_ONCE]
                if os.pwrite(file._file, part, start) != len(part):
                    return None
            fcntl.fcntl(file._file, fcntl.F_ADD_SEALS, _SEALS)
        except OSError:
            return None
        return file

    def send(self, pipe: Connection) -> None:
        """Let the process at the other end of a pipe read it, too."""
        with socket.socket(fileno=os.dup(pipe.fileno())) as channel:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [self._file]))
            channel.sendmsg([b"."], [rights])

    @classmethod
    def receive(cls, pipe: Connection, size: int) -> SealedFile:
        """The file that the other process sends.

        Raises:
            EOFError, OSError: the other side is gone, or sent something else.
            ValueError: it sent no file, one of another size, or one that can still change.
        """
        with socket.socket(fileno=os.dup(pipe.fileno())) as channel:
            message, files, _, _ = socket.recv_fds(channel, 1, 1)
        if not message:
            raise EOFError
        if not files:
            raise ValueError("no file came")
        received = cls(files[0], size)
        if sys.platform == "linux" and fcntl.fcntl(files[0], fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise ValueError("the file can still change")
        if os.fstat(files[0]).st_size != size:
            raise ValueError("the file is of another size")
        return received

    def read(self) -> bytes:
        """Its bytes."""
        if self._size <= _MOST_AT_ONCE:
            return os.pread(self._file, self._size, 0)
        starts = range(0, self._size, _MOST_AT_ONCE)
        return b"".join(os.pread(self._file, _MOST_AT_ONCE, start) for start in starts)

    def __len__(self) -> int:
        return self._size

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self._file)
