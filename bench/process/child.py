"""What runs inside a process of its own: an encoder, a decoder or a scorer, doing one thing at a time.

An encoder gets pixels and gives a bitstream. A decoder gets the bitstream and nothing else. A scorer reads
the original and gets the decoded pixels. `Worker` starts this process; nobody starts it by hand.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core import plugins
from bench.core.errors import BenchError
from bench.process import gpu, heap, libraries
from bench.process.confine import UNCONFINED, Reach, confine
from bench.process.guard import split
from bench.process.messages import Channel, Payload, content_of
from bench.process.program_memory import take_peak
from bench.process.sealed_file import SealedFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.codecs.base import Codec
    from bench.metrics import Score

Answer = tuple[dict[str, Any], "bytes | memoryview | None"]


class Coder:
    """An encoder or a decoder: one codec, loaded once."""

    def __init__(self, codec: str, side: str) -> None:
        from bench import codecs

        self.codec: Codec = codecs.get(codec)
        self.side = side
        self.pixels: Payload = b""

    def warm_up(self, header: dict[str, Any], stream: Payload) -> Answer:
        """Have the codec load what it loads once: encode a grey picture, or decode the bitstream of one.

        What goes wrong here will go wrong again with a picture, and is reported there.
        """
        if os.environ.get("BENCH_ONEDNN") == "0":
            import torch

            torch.backends.mkldnn.set_flags(False)
        warm = self._code_grey([64, 64, 3], self.codec.qualities[0], stream)
        if self.side == "decode":
            return gpu.describe(), warm
        about = {"details": self.codec.provenance(), "libraries": libraries.imported()}
        return about | gpu.describe(), warm

    def warm_up_for(self, header: dict[str, Any], stream: Payload) -> Answer:
        """The same for a shape and a quality. A GPU's libraries choose, compile and load what computes when a
        shape comes for the first time, and take its memory."""
        return {}, self._code_grey(header["shape"], header["quality"], stream)

    def _code_grey(self, shape: list[int], quality: float, stream: Payload) -> bytes:
        """The bitstream of a grey picture; of a decoder, which decodes `stream`, none."""
        import numpy as np

        with suppress(Exception):
            if self.side == "encode":
                return bytes(self.codec.encode(np.full(shape, 128, np.uint8), quality))
            if stream:
                self.codec.decode(bytes(content_of(stream)))
        return b""

    def encode(self, header: dict[str, Any], pixels: Payload) -> Answer:
        """Encode pixels or, without any, those of the last time."""
        self.pixels = pixels or self.pixels
        streams = []
        took = _Took()

        def once() -> None:
            copy = _own_picture(header, self.pixels)  # a codec that writes into its input harms nobody else
            stream = took.call(lambda: self.codec.encode(copy, header["quality"]))
            if not isinstance(stream, bytes | bytearray | memoryview):
                raise BenchError(f"encode gave {type(stream).__name__} instead of bytes")
            streams.append(bytes(stream))

        used = _measured(once, header["repeats"])
        note = "" if len(set(streams)) == 1 else "its encoder isn't deterministic"
        return {**took.describe(), "note": note, **used}, streams[-1]

    def decode(self, header: dict[str, Any], stream: Payload) -> Answer:
        import numpy as np

        stream = bytes(content_of(stream))
        pictures: list[NDArray[np.uint8]] = []
        took = _Took()

        def once() -> None:
            pictures.clear()
            pictures.append(took.call(lambda: self.codec.decode(stream)))

        used = _measured(once, header["repeats"])
        picture = pictures[0]
        if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.ndim != 3:
            what = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else type(picture)
            raise BenchError(f"it decoded to {what} instead of uint8 (height, width, 3)")
        samples = np.ascontiguousarray(picture).data
        return {"shape": picture.shape, **took.describe(), **used}, samples


class Scorer:
    """Reads originals and scores what was decoded from them."""

    def __init__(self, names: list[str]) -> None:
        from bench import metrics

        self.metrics = {name: metrics.ready(name) for name in names}
        self.original: NDArray[np.uint8] | None = None
        self.scores: dict[str, Score] = {}

    def warm_up(self, header: dict[str, Any], payload: Payload) -> Answer:
        """Have the metrics load what they load once."""
        import numpy as np

        grey = np.full((192, 192, 3), 128, np.uint8)
        with suppress(Exception):
            for metric in self.metrics.values():
                metric.against(grey)(grey)
        versions = {name: metric.version() for name, metric in self.metrics.items()}
        return {"metrics": versions, "libraries": libraries.imported()}, None

    def read(self, header: dict[str, Any], payload: Payload) -> Answer:
        """The pixels of a file, which is the original from now on."""
        from bench.core.images import read_rgb

        self.original, self.scores = None, {}
        self.original = read_rgb(Path(header["path"]))
        return {"shape": self.original.shape}, self.original.data

    def score(self, header: dict[str, Any], pixels: Payload) -> Answer:
        assert self.original is not None
        samples = content_of(pixels)
        decoded = _picture(header, samples)
        if not self.scores:
            self.scores = {name: metric.against(self.original) for name, metric in self.metrics.items()}
        began = time.process_time()
        values = {name: _value(score(decoded)) for name, score in self.scores.items()}
        used = time.process_time() - began
        return {"values": values, "cpu": used, "sha256": hashlib.sha256(samples).hexdigest()}, None


def main(channel_fd: int, lifeline_fd: int, role: str, what: str, confined: bool, isolated: bool) -> None:
    """Answer what comes through a channel until it closes.

    Args:
        lifeline_fd: a pipe that ends when the runner does, however it does; then all here must end too.
        role: "encode", "decode" or "score".
        what: the codec, or metrics with commas between.
        confined: whether a codec is held to its own files.
        isolated: whether to try namespaces.
    """
    work = Path.cwd()
    channel = Channel(socket.socket(fileno=channel_fd))
    namespaces = split(channel, lifeline_fd, str(work.parent), isolated)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    heap.keep_freed()
    with suppress(OSError):  # opened now: a confined process may open nothing to write
        _peak_reset.append(os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC))
        _peak_told.append(os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC))
    made: list[Coder | Scorer] = []

    def load(header: dict[str, Any], payload: Payload) -> Answer:
        """Import and make the codec or the metrics: no code of them runs before this."""
        plugins.names_are_checked = True
        reach = json.loads(bytes(content_of(payload))) if confined else {}
        held = confine(work, Reach(**reach), namespaces) if confined else UNCONFINED
        made.append(Scorer(what.split(",")) if role == "score" else Coder(what, role))
        return {"confined": held}, None

    with suppress(EOFError, BrokenPipeError):
        while True:
            header, payload = channel.receive()
            action = header.pop("action")
            work_for = load if action == "load" else getattr(made[0], action)
            channel.send(*_answer(work_for, header, payload))
            del payload


def _answer(
    work: Callable[[dict[str, Any], Payload], Answer], header: dict[str, Any], payload: Payload
) -> Answer:
    try:
        return work(header, payload)
    except BenchError as error:
        return {"error": str(error), "for_users": True}, None
    except MemoryError:
        return {"error": "it ran out of memory"}, None
    except BaseException as error:  # a plugin may raise anything, SystemExit too
        reason = str(error)
        return {"error": f"{type(error).__name__}: {reason}" if reason else type(error).__name__}, None


class _Took:
    """What calls of a codec took."""

    def __init__(self) -> None:
        self._seconds: list[float] = []  # of each, by the clock
        self._cpu = 0.0  # seconds of all

    def call(self, work: Callable[[], Any]) -> Any:
        """What `work` returns, which takes its time from here on."""
        gpu.synchronise()
        began, started = time.process_time(), time.perf_counter()
        result = work()
        gpu.synchronise()
        self._seconds.append(time.perf_counter() - started)
        self._cpu += time.process_time() - began
        return result

    def describe(self) -> dict[str, Any]:
        return {"seconds": self._seconds, "cpu": self._cpu}


def _measured(once: Callable[[], None], repeats: int) -> dict[str, int | None]:
    """Call it so many times; the peaks of memory in bytes meanwhile: our own, and of the largest program that
    was run. None: there was none, or it is not known, as Linux counts a program as at least as large as the
    process that started it. And that of a GPU, None: it uses none."""
    _program_peak()
    heap.give_back()
    _reset_peak()
    gpu.reset_peak()
    for _ in range(repeats):
        once()
    own, program = _peak(), _program_peak()
    return {"memory": own, "child_memory": program if program > own else None, "gpu_memory": gpu.peak()}


_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_peak_reset: list[int] = []  # the file that resets the peak when written to, on Linux
_peak_told: list[int] = []  # the file that tells it


def _program_peak() -> int:
    """The largest peak of programs that were run since this was asked last; of a codec that runs them in
    ways of its own, of all so far."""
    reported = take_peak()
    if reported is not None:
        return reported
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _RSS_UNIT


def _reset_peak() -> None:
    for file in _peak_reset:
        os.write(file, b"5")


def _peak() -> int:
    """Peak of resident bytes since `_reset_peak`; where there is no /proc, of the process so far."""
    for file in _peak_told:
        _, found, rest = os.pread(file, 1 << 16, 0).partition(b"\nVmHWM:")
        if found:
            return int(rest.split(maxsplit=1)[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def _picture(header: dict[str, Any], samples: bytes | memoryview) -> NDArray[np.uint8]:
    import numpy as np

    return np.frombuffer(samples, np.uint8).reshape(header["shape"])


def _own_picture(header: dict[str, Any], pixels: Payload) -> NDArray[np.uint8]:
    """A picture that can be written to, in memory that is at hand."""
    if not isinstance(pixels, SealedFile):
        return _picture(header, pixels).copy()
    picture = _picture(header, pixels.copy())
    picture.reshape(-1)[:: mmap.PAGESIZE].max()  # else the kernel maps its pages while it is timed
    return picture


def _value(score: float | None) -> float | str | None:
    """As JSON has it: infinity as text, and no figure instead of NaN."""
    if score is None or score != score:
        return None
    return "inf" if score == float("inf") else float(score)


if __name__ == "__main__":
    _, channel_fd, lifeline_fd, role, what, hold, where = sys.argv
    main(int(channel_fd), int(lifeline_fd), role, what, hold == "confined", where == "isolated")
