"""Memory that codecs free: it costs their next call nothing, and no other cell's peak counts it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import photo

from bench.process import Limits, Worker

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
SIDE = 600


@pytest.fixture(scope="module", params=["jpeg", "webp"])
def coders(request: pytest.FixtureRequest) -> Iterator[tuple[Worker, Worker]]:
    """An encoder and a decoder that are ready."""
    pair = [Worker(role, request.param, Limits(), 1) for role in ("encode", "decode")]
    try:
        stream = pair[0].start()
        pair[1].start(stream)
        yield pair[0], pair[1]
    finally:
        for worker in pair:
            worker.close()


def page_faults(worker: Worker) -> int:
    return int(Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[7])


def faults_of_decoding(worker: Worker, stream: bytes, repeats: int) -> int:
    before = page_faults(worker)
    worker.ask("decode", stream, repeats=repeats)
    return page_faults(worker) - before


def encode(worker: Worker, side: int) -> tuple[bytes, int]:
    """The bitstream of a photo, and the peak of memory meanwhile."""
    picture = photo(side, side)
    reply = worker.ask("encode", picture.tobytes(), shape=picture.shape, quality=50, repeats=1)
    return reply.payload, reply.header["memory"]


def test_what_is_decoded_again_finds_its_memory_at_hand(coders: tuple[Worker, Worker]) -> None:
    encoder, decoder = coders
    stream, _ = encode(encoder, SIDE)
    pages = SIDE * SIDE * 3 // 4096
    once, ten_times = (faults_of_decoding(decoder, stream, repeats) for repeats in (1, 10))
    assert once > pages / 2  # given back before the cell
    assert ten_times < once + 2 * pages  # and not nine times more


def test_a_small_picture_has_no_memory_of_a_large_one(coders: tuple[Worker, Worker]) -> None:
    encoder, _ = coders
    _, small = encode(encoder, 100)
    _, large = encode(encoder, 2000)
    _, again = encode(encoder, 100)
    assert large > small + 2000 * 2000 * 3 and again < small + (4 << 20)
