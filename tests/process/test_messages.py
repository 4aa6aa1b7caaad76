"""Messages between the runner and its processes: what comes out of a codec's process may be anything."""

from __future__ import annotations

import mmap
import os
import socket
import sys
from collections.abc import Iterator

import pytest
from full_disk import full_disk

from bench.process.messages import Channel, content_of
from bench.process.sealed_file import SealedFile

LARGE = bytes(range(256)) * 1024
NO_PAYLOAD, BYTES, FILE = range(3)  # kinds of messages

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has sealed files")


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    """The runner's end, which has little patience, and that of a process."""
    ours, theirs = Channel.pair(patience=0.05)
    yield ours, theirs
    ours.close()
    theirs.close()


def write(channel: Channel, header: bytes, kind: int, size: int, *files: int) -> None:
    """A message of a process that keeps to no rules."""
    start = len(header).to_bytes(4, "big") + bytes([kind]) + size.to_bytes(8, "big")
    with socket.socket(fileno=os.dup(channel.fileno())) as end:
        socket.send_fds(end, [start + header], files)


@pytest.mark.parametrize("payload", [None, b"", b"\x00short", LARGE, memoryview(LARGE).cast("B", (512, 512))])
def test_a_header_and_its_payload_arrive(
    pair: tuple[Channel, Channel], payload: bytes | memoryview | None
) -> None:
    ours, theirs = pair
    theirs.send({"shape": [2, 3, 3], "name": "\udce9"}, payload)
    assert ours.waits(0)
    header, came = ours.receive()
    assert header == {"shape": [2, 3, 3], "name": "\udce9"}
    assert content_of(came) == (b"" if payload is None else bytes(payload))
    assert not ours.waits(0)


@pytest.mark.parametrize("header", [b"", b"\xff", b"[]", b"7", b'"x"', b"null", b"[" * 100_000])
def test_what_is_no_header_is_an_error_that_the_runner_bears(
    pair: tuple[Channel, Channel], header: bytes
) -> None:
    ours, theirs = pair
    write(theirs, header, NO_PAYLOAD, 0)
    with pytest.raises(ValueError):
        ours.receive()


@pytest.mark.parametrize("noise", [b"\0\0\0\5hello, runner", b"\xff" * 100, b"\0" * 12 + b"\1{}", b"{"])
def test_noise_is_an_error_and_nobody_waits_for_its_end(pair: tuple[Channel, Channel], noise: bytes) -> None:
    ours, theirs = pair
    os.write(theirs.fileno(), noise)
    with pytest.raises((ValueError, OSError)):
        ours.receive()


def test_bytes_that_are_announced_and_do_not_come_take_no_memory(pair: tuple[Channel, Channel]) -> None:
    ours, theirs = pair
    write(theirs, b"{}", BYTES, 1 << 62)
    with pytest.raises(TimeoutError):
        ours.receive()


def test_the_end_of_the_other_side_is_one(pair: tuple[Channel, Channel]) -> None:
    ours, theirs = pair
    theirs.close()
    assert ours.waits(0)
    with pytest.raises(EOFError):
        ours.receive()


@linux
def test_what_came_can_be_passed_on_and_changed_by_nobody(pair: tuple[Channel, Channel]) -> None:
    ours, theirs = pair
    theirs.send({}, LARGE)
    _, came = ours.receive()
    assert isinstance(came, SealedFile)
    ours.send({}, came)
    _, passed_on = theirs.receive()
    assert isinstance(passed_on, SealedFile)
    for file in (came, passed_on):
        for change in (
            lambda file=file: os.pwrite(file.number, b"x", 0),
            lambda file=file: os.ftruncate(file.number, 1),
            lambda file=file: mmap.mmap(file.number, len(LARGE)),
        ):
            with pytest.raises(PermissionError):
                change()
    view = passed_on.view()
    del came, passed_on  # a view outlives its file
    assert view.readonly and view == LARGE


@linux
@pytest.mark.parametrize("kind", ["unsealed", "half sealed", "shorter", "empty", "disk", "none", "two"])
def test_another_file_than_a_sealed_one_of_that_size_is_refused(
    pair: tuple[Channel, Channel], kind: str
) -> None:
    import fcntl

    ours, theirs = pair
    sealed, shorter = SealedFile.of(memoryview(LARGE)), SealedFile.of(memoryview(LARGE[1:]))
    assert sealed and shorter
    unsealed = os.memfd_create("unsealed", os.MFD_ALLOW_SEALING)
    os.write(unsealed, LARGE)
    if kind == "half sealed":
        fcntl.fcntl(unsealed, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    with open(__file__, "rb") as disk:
        files = {
            "unsealed": [unsealed], "half sealed": [unsealed], "shorter": [shorter.number],
            "disk": [disk.fileno()], "two": [sealed.number, sealed.number],
        }.get(kind, [])  # fmt: skip
        if kind == "empty":
            os.ftruncate(unsealed, 0)
            fcntl.fcntl(unsealed, fcntl.F_ADD_SEALS, 0b1111)
            files = [unsealed]
        before = len(os.listdir("/proc/self/fd"))
        write(theirs, b"{}", FILE, 0 if kind == "empty" else len(LARGE), *files)
        if kind == "two":  # the kernel hands over one, and that is as it should be
            assert ours.receive()[1].size == len(LARGE)  # type: ignore[union-attr]
        else:
            with pytest.raises((ValueError, OSError)):
                ours.receive()
        assert len(os.listdir("/proc/self/fd")) == before
    os.close(unsealed)


@linux
def test_a_file_that_nobody_asked_for_is_closed(pair: tuple[Channel, Channel]) -> None:
    ours, theirs = pair
    sealed = SealedFile.of(memoryview(LARGE))
    assert sealed
    before = len(os.listdir("/proc/self/fd"))
    write(theirs, b"{}", NO_PAYLOAD, 0, sealed.number)
    with pytest.raises(ValueError):
        ours.receive()
    assert len(os.listdir("/proc/self/fd")) == before


@linux
def test_where_no_file_may_be_as_large_bytes_go_through_the_channel(pair: tuple[Channel, Channel]) -> None:
    ours, theirs = pair
    content = LARGE[: 1 << 16]  # a channel holds as many without a reader
    with full_disk(1000):
        theirs.send({}, content)
    assert ours.receive() == ({}, content)
