"""What comes out of a codec's process: it may be anything."""

from __future__ import annotations

from multiprocessing import Pipe

import pytest

from bench.process.messages import receive, send


@pytest.mark.parametrize("header", [b"", b"\xff", b"[]", b"7", b'"x"', b"null", b"[" * 100_000])
def test_what_is_no_header_is_an_error_that_the_runner_bears(header: bytes) -> None:
    ours, theirs = Pipe()
    with ours, theirs:
        theirs.send_bytes(header)
        with pytest.raises(ValueError):
            receive(ours)


def test_a_header_and_its_payload_arrive() -> None:
    ours, theirs = Pipe()
    with ours, theirs:
        for payload in (b"\x00pixels", b"", None):
            send(theirs, {"shape": [2, 3, 3]}, payload)
            assert receive(ours) == ({"shape": [2, 3, 3]}, payload or b"")
