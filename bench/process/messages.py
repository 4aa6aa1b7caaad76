"""What goes between the runner and its processes: a header of plain values and a block of bytes.

JSON and raw bytes, not pickles: what comes out of a codec's process must not be able to run code in ours.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from collections.abc import Mapping
from typing import Any

from bench.process.sealed_file import SealedFile

Payload = bytes | SealedFile

_LONGEST_HEADER = 1 << 20  # bytes; anything longer is none
_LEAST_IN_FILE = 1 << 16  # bytes from which on a file is quicker
_MOST_AT_ONCE = 1 << 20  # bytes

_START = struct.Struct("!IBQ")  # bytes of the header, kind of the payload, bytes of the payload
_NONE, _BYTES, _FILE = range(3)
_EMPTY = memoryview(b"")
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)  # only Linux has it


class Channel:
    """One end of a connection between the runner and a process.

    >>> ours, theirs = Channel.pair()
    >>> ours.send({"action": "decode"}, b"bitstream")
    >>> theirs.receive()
    ({'action': 'decode'}, b'bitstream')
    >>> ours.close(), theirs.close()
    (None, None)
    """

    def __init__(self, end: socket.socket, patience: float | None = None) -> None:
        """
        Args:
            end: of a pair of sockets, which is closed with this object.
            patience: seconds that the other side may let us wait in the middle of a message; None: for ever.
        """
        self._socket = end
        self._socket.settimeout(patience)
        self._poll = select.poll()
        self._poll.register(end, select.POLLIN)

    @classmethod
    def pair(cls, patience: float | None = None) -> tuple[Channel, Channel]:
        """Both ends of a new connection, the first of them with some patience."""
        ours, theirs = socket.socketpair()
        return cls(ours, patience), cls(theirs)

    def send(self, header: Mapping[str, Any], payload: Payload | memoryview | None = None) -> None:
        """Send a header and, unless it is None, a payload. A large one goes as a file, where there are such.

        Raises:
            OSError: the other side is gone, or takes nothing.
        """
        file, content = (payload, _EMPTY) if isinstance(payload, SealedFile) else (None, _plain(payload))
        if len(content) >= _LEAST_IN_FILE and (file := SealedFile.of(content)):
            content = _EMPTY
        kind = _NONE if payload is None else _BYTES if file is None else _FILE
        text = json.dumps(header).encode()
        start = _START.pack(len(text), kind, file.size if file else len(content)) + text
        if file is not None:
            start = start[socket.send_fds(self._socket, [start], [file.number]) :]
        self._socket.sendall(start)
        self._socket.sendall(content)

    def receive(self) -> tuple[dict[str, Any], Payload]:
        """The next header and its payload; b"" where there is none.

        Raises:
            EOFError, OSError: the other side is gone or stops in the middle, or its file isn't a sealed one.
            ValueError: what came is no header or no file; a codec wrote to a channel that isn't its own.
        """
        start, numbers, _, _ = socket.recv_fds(self._socket, _START.size, 1, _CLOSE_ON_EXEC)
        files = [SealedFile(number) for number in numbers]  # each is closed, whatever comes next
        if not start:
            raise EOFError
        length, kind, size = _START.unpack(start + self._bytes(_START.size - len(start)))
        if length > _LONGEST_HEADER or kind not in (_NONE, _BYTES, _FILE) or len(files) != (kind == _FILE):
            raise ValueError("it is no message")
        header = _header(self._bytes(length))
        if kind == _FILE:
            files[0].check(size)
            return header, files[0]
        return header, self._bytes(size)

    def waits(self, seconds: float) -> bool:
        """Whether something comes, or the other side goes, within so many seconds."""
        return bool(self._poll.poll(1000 * seconds))

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def _bytes(self, size: int) -> bytes:
        """The next so many bytes. Memory is taken for those only that came."""
        parts = []
        while size:
            part = self._socket.recv(min(size, _MOST_AT_ONCE))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def content_of(payload: Payload) -> bytes | memoryview:
    """The bytes of a payload; those of a file without a copy."""
    return payload.view() if isinstance(payload, SealedFile) else payload


def _plain(content: bytes | memoryview | None) -> memoryview:
    """As single bytes, whatever its shape."""
    view = _EMPTY if content is None else memoryview(content)
    return view.cast("B") if view.nbytes else _EMPTY


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)  # orjson takes no file name that isn't UTF-8
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("a header is an object")
    return header
