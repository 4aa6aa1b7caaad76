"""What goes between the runner and its processes: a header of plain values and a block of bytes.

JSON and raw bytes, not pickles: what comes out of a codec's process must not be able to run code in ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

_LONGEST_HEADER = 1 << 20  # bytes; anything longer is none


def send(pipe: Connection, header: Mapping[str, Any], payload: bytes | memoryview | None = None) -> None:
    """Send a header and, unless it is None, a payload."""
    pipe.send_bytes(json.dumps({**header, "payload": payload is not None}).encode())
    if payload is not None:
        pipe.send_bytes(memoryview(payload).cast("B"))  # a connection takes rows for bytes


def receive(pipe: Connection) -> tuple[dict[str, Any], bytes]:
    """The next header and its payload.

    Raises:
        EOFError, OSError: the other side is gone.
        ValueError: what came is no header; a codec wrote to a pipe that isn't its own.
    """
    try:
        header = json.loads(pipe.recv_bytes(_LONGEST_HEADER))  # orjson takes no file name that isn't UTF-8
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(header, dict):
        raise ValueError("a header is an object")
    return header, pipe.recv_bytes() if header.pop("payload", False) else b""
