"""What goes through the pipe between the runner and its processes: a header of plain values and a block of
bytes.

JSON and raw bytes, not pickles: what comes out of a codec's process must not be able to run code in ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from bench.process.sealed_file import SealedFile

_LONGEST_HEADER = 1 << 20  # bytes; anything longer is none
_LEAST_IN_FILE = 1 << 16  # bytes from which on a file is quicker than the pipe

Payload = bytes | SealedFile


def send(pipe: Connection, header: Mapping[str, Any], payload: Payload | memoryview | None = None) -> None:
    """Send a header and, unless it is None, a payload. A large one goes as a file, where there are such."""
    file, content = (payload, None) if isinstance(payload, SealedFile) else (None, payload)
    if content is not None:
        content = memoryview(content).cast("B")  # a connection takes rows for bytes
        file = SealedFile.of(content) if len(content) >= _LEAST_IN_FILE else None
    size = None if file is None else len(file)
    pipe.send_bytes(json.dumps({**header, "payload": payload is not None, "file": size}).encode())
    if file is not None:
        file.send(pipe)
    elif content is not None:
        pipe.send_bytes(content)


def receive(pipe: Connection) -> tuple[dict[str, Any], Payload]:
    """The next header and its payload.

    Raises:
        EOFError, OSError: the other side is gone.
        ValueError: what came is no header; a codec wrote to a pipe that isn't its own.
    """
    header: dict[str, Any] = json.loads(pipe.recv_bytes(_LONGEST_HEADER))
    has_payload, size = header.pop("payload"), header.pop("file")
    if size is not None:
        return header, SealedFile.receive(pipe, size)
    return header, pipe.recv_bytes() if has_payload else b""


def read(payload: Payload) -> bytes:
    """The bytes of a payload."""
    return payload.read() if isinstance(payload, SealedFile) else payload
