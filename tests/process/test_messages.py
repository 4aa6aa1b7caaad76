"""Blocks of bytes between processes: sealed files, which nobody changes after they were checked."""

from __future__ import annotations

import array
import json
import os
import socket
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest
from full_disk import full_disk

from bench.process.messages import read, receive, send
from bench.process.sealed_file import SealedFile

LARGE = bytes(range(256)) * 1024

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has sealed files")


@pytest.fixture
def pipe() -> tuple[Connection, Connection]:
    return Pipe()


def send_file(pipe: Connection, file: int | None, size: int) -> None:
    """What a process sends that keeps to no rules: a header that announces a file, and any file or none."""
    pipe.send_bytes(json.dumps({"payload": True, "file": size}).encode())
    with socket.socket(fileno=os.dup(pipe.fileno())) as channel:
        files = [] if file is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file]))]
        channel.sendmsg([b"."], files)


@pytest.mark.parametrize("payload", [None, b"", b"short", memoryview(LARGE), LARGE])
def test_what_is_sent_comes(pipe: tuple[Connection, Connection], payload: bytes | None) -> None:
    send(pipe[0], {"quality": 3}, payload)
    header, came = receive(pipe[1])
    assert header == {"quality": 3} and read(came) == bytes(payload or b"") and len(came) == len(read(came))


@linux
def test_what_came_can_be_passed_on_and_not_be_changed(pipe: tuple[Connection, Connection]) -> None:
    send(pipe[0], {}, LARGE)
    _, came = receive(pipe[1])
    assert isinstance(came, SealedFile)
    send(pipe[1], {}, came)
    _, passed_on = receive(pipe[0])
    for change in (lambda: os.pwrite(came._file, b"x", 0), lambda: os.ftruncate(came._file, 1)):
        with pytest.raises(PermissionError):
            change()
    assert read(passed_on) == LARGE


@linux
@pytest.mark.parametrize("kind", ["unsealed", "shorter", "disk", "none"])
def test_another_file_than_a_sealed_one_of_that_size_is_refused(
    pipe: tuple[Connection, Connection], kind: str
) -> None:
    with open(__file__, "rb") as disk:
        sealed = SealedFile.of(memoryview(LARGE[1:]))
        assert sealed is not None
        unsealed = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
        os.ftruncate(unsealed, len(LARGE))
        files = {"unsealed": unsealed, "shorter": sealed._file, "disk": disk.fileno(), "none": None}
        send_file(pipe[0], files[kind], len(LARGE))
        os.close(unsealed)
        with pytest.raises((ValueError, OSError)):
            receive(pipe[1])


@linux
def test_where_no_file_may_be_as_large_bytes_go_through_the_pipe(pipe: tuple[Connection, Connection]) -> None:
    content = LARGE[: 1 << 16]  # a pipe holds as many without a reader
    with full_disk(1000):
        send(pipe[0], {}, content)
    _, came = receive(pipe[1])
    assert came == content
