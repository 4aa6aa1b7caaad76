"""Damages bitstreams, results, YAML, weights, archives and pictures, and says what doesn't end as it should.

    python experiments/fuzz.py --tries 10000 --seed 1 jpeg ainn results

A damaged input is to be taken, or refused with one sentence. All else is a finding: a traceback, a crash,
over a minute, over a gigabyte of memory. Each target runs in a process of its own, which is started again
after a crash. Inputs of findings are kept in a folder. The same seed makes the same inputs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import random
import re
import resource
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil

from bench import codecs
from bench.core.archive import ArchiveError
from bench.core.errors import BenchError
from bench.core.yaml_file import YamlError

SECONDS = 60  # of CPU after which an input counts as one that never ends
LONGEST = 1800  # seconds after which any input does
MEMORY = 1 << 30  # bytes beyond what the process had, after which an input counts as one that takes too much
MOST_MEMORY = 8 << 30  # address space of a process, so that the machine lives on
_BATCH = 32  # inputs that are sent at once; what comes back of them has to fit into a pipe
SENTENCE = 600  # characters of an error at most
CRASHING = "crashing"  # a target that shows that crashes are noticed
SPECIAL = ("ainn", "ainn:tile=128", "weights", "results", "yaml", "archives", "shards", "pictures")

Picture = np.ndarray[Any, np.dtype[np.uint8]]


class Target(NamedTuple):
    """What is fed: honest inputs, and what is done with a damaged one."""

    inputs: list[bytes]
    feed: Callable[[bytes], object]
    mend: Callable[[bytes], bytes] = bytes  # makes checksums right again
    damages: tuple[Callable[[bytearray, random.Random, list[bytes]], bytes | bytearray], ...] = ()


class Finding(NamedTuple):
    kind: str
    text: str
    content: bytes


class _End(NamedTuple):
    """How feeding an input ended."""

    kind: str
    text: str
    memory: int  # bytes beyond what the process had
    seconds: float


class Report(NamedTuple):
    """What came of a target's inputs."""

    name: str
    ends: Counter[str]  # taken, refused, and the kinds of findings
    findings: list[Finding]
    slowest: float  # seconds
    memory: int  # bytes beyond what the process had, at most


def names() -> list[str]:
    """All targets that can run here."""
    learned = {"ainn", "bmshj2018-factorized", "bmshj2018-hyperprior", "cheng2020-anchor", "cheng2020-attn"}
    learned |= {"mbt2018", "mbt2018-mean"}
    usable = [name for name in codecs.names() if name not in learned and not codecs.get_class(name).missing()]
    return [*usable, *SPECIAL]


def fuzz(name: str, tries: int, seed: int, weights: str = "") -> Report:
    """Feed a target with damaged inputs."""
    ends: Counter[str] = Counter()
    findings: list[Finding] = []
    slowest, memory = 0.0, 0
    with _Child(name, weights) as child:
        target = Target(child.inputs, bytes, *_mending(name))
        contents = (damaged(target, random.Random(f"{seed} {name} {number}")) for number in range(tries))
        while batch := list(islice(contents, _BATCH)):
            for content, end in zip(batch, child.feed(batch), strict=True):
                slowest, memory = max(slowest, end.seconds), max(memory, end.memory)
                ends[end.kind] += 1
                if end.kind not in ("taken", "refused"):
                    findings.append(Finding(end.kind, end.text, content))
    return Report(name, ends, findings, slowest, memory)


def damaged(target: Target, rng: random.Random) -> bytes:
    """One of the inputs, damaged in one to four ways; its checksum is right in two of three."""
    content: bytes | bytearray = rng.choice(target.inputs)
    for _ in range(rng.choice((1, 1, 2, 4))):
        change = rng.choice(target.damages or _DAMAGES)
        content = change(bytearray(content), rng, target.inputs)
    return target.mend(bytes(content)) if rng.random() < 0.67 else bytes(content)


# Damages.

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)
_TOKENS = [
    b"NaN", b"Infinity", b"1e999", b"-1", b"0", b"0.5", b"null", b"true", b'""', b"[]", b"{}", b"9" * 5000,
    b"[" * 3000, b"&a [*a]", b"!!int x", b"!!python/object:os.system", b"\t", b"\xff\xfe", b"\xe2\x80\xa8",
    b"-", b":", b"<<<<<<< HEAD", b"2", b'"psnr"', b"x" * 100_000, b"{quality}", b"{", b"}", b"~",
    b"2026-01-01", b"\0", b"../../x",
]  # fmt: skip


def _flip(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    if content:
        content[_place(content, rng)] ^= 1 << rng.randrange(8)
    return content


def _noise(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    start = _place(content, rng)
    content[start : start + 8] = rng.randbytes(min(8, len(content) - start))
    return content


def _forge(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    """Put a number where a field of a header may be."""
    form = rng.choice(("<B", "<H", ">H", "<I", ">I"))
    size = struct.calcsize(form)
    start = rng.randrange(min(len(content), 80) or 1)
    content[start : start + size] = struct.pack(form, rng.choice(_NUMBERS) % (1 << 8 * size))
    return content


def _cut(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    return content[: _place(content, rng)]


def _extend(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    return content + rng.randbytes(rng.choice((1, 4, 1000)))


def _lose(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    start = _place(content, rng)
    return content[:start] + content[start + rng.choice((1, 4, 100)) :]


def _repeat(content: bytearray, rng: random.Random, others: list[bytes]) -> bytearray:
    start = _place(content, rng)
    return content[: start + rng.choice((1, 4, 100))] + content[start:]


def _splice(content: bytearray, rng: random.Random, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    return bytes(content[: _place(content, rng)]) + other[_place(other, rng) :]


def _token(content: bytearray, rng: random.Random, others: list[bytes]) -> bytes:
    """Put an odd value in the place of one of a text."""
    found = list(re.finditer(rb"[\w.+-]+|\"[^\"]*\"|[\[{\]}:,]", bytes(content[:20_000])))
    if not found:
        return bytes(content)
    word = rng.choice(found)
    return bytes(content[: word.start()] + rng.choice(_TOKENS) + content[word.end() :])


_DAMAGES = (_flip, _noise, _forge, _forge, _cut, _extend, _lose, _repeat, _splice)
_OF_TEXT = (_flip, _cut, _lose, _repeat, _splice, _token, _token, _token, _token)


def _place(content: bytes | bytearray, rng: random.Random) -> int:
    """Somewhere, half of the time near the beginning, where headers are."""
    return rng.randrange(max(1, min(len(content), 64) if rng.random() < 0.5 else len(content)))


def _crc_at_end(content: bytes) -> bytes:
    return content[:-4] + struct.pack("<I", zlib.crc32(content[:-4]))


def _crc_of_chunks(content: bytes) -> bytes:
    """A PNG file with the checksums of its chunks made right."""
    out, start = bytearray(content), 8
    while content[:4] == b"\x89PNG" and start + 12 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], "big")
        out[end : end + 4] = struct.pack(">I", zlib.crc32(content[start + 4 : end]))[: max(0, len(out) - end)]
        start = end + 4
    return bytes(out)


def _mending(name: str) -> tuple[Any, ...]:
    """How inputs of a target are mended, and how damaged."""
    if name.startswith("ainn"):
        return (_crc_at_end,)
    if name in ("png", "pictures"):
        return (_crc_of_chunks,)
    if name == "weights":
        return bytes, (_extend,)
    return (bytes, _OF_TEXT) if name in ("results", "yaml") else ()


# Targets.


def target(name: str, weights: str = "") -> Target:
    """The target of that name: of `SPECIAL`, or a codec, whose streams are damaged."""
    if name == CRASHING:
        return Target([bytes(100)], lambda content: os.abort() if zlib.crc32(content) % 8 == 0 else None)
    makers: dict[str, Callable[[Path], Target]] = {
        "results": _results, "yaml": _yaml, "archives": _archives, "shards": _shards, "pictures": _pictures,
    }  # fmt: skip
    if name in makers:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        return makers[name](folder)
    if name == "weights":
        return _weights(Path(weights) if weights else _shipped(), Path(tempfile.mkdtemp(prefix="fuzz-")))
    spec = name
    if name.startswith("ainn") and weights:
        spec += f"{',' if ':' in name else ':'}weights={weights}"
    codec = codecs.get(spec)

    def feed(content: bytes) -> None:
        _check(codec.decode(content))

    sizes = [(60, 150)] if "tile" in name else [(24, 40), (1, 9)]
    if name == "ainn":
        sizes.append((1030, 20))  # thin, so laid down and cut
    curve = (codec.qualities[0], codec.qualities[-1])
    return Target([codec.encode(picture(*size), quality) for size in sizes for quality in curve], feed)


def picture(height: int, width: int) -> Picture:
    """A ramp with some noise."""
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(height), np.arange(width))[..., None] * np.array([1, 2, 3])
    return ((ramp + rng.integers(0, 30, (height, width, 3))) % 256).astype(np.uint8)


def _check(decoded: Picture) -> None:
    assert decoded.dtype == np.uint8 and decoded.ndim == 3 and decoded.shape[2] == 3, decoded.shape
    assert decoded.size, "a picture without pixels"


def _shipped() -> Path:
    from bench.codecs.ainn.codec import WEIGHTS

    return WEIGHTS


def _weights(path: Path, folder: Path) -> Target:
    """Weights damaged as files, and with numbers of them changed; what is taken must code, too.

    An input is a number that says how, as files of weights are large.
    """
    from bench.codecs.ainn.codec import AinnCodec

    whole = path.read_bytes()

    def feed(content: bytes) -> None:
        rng = random.Random(content)
        file = folder / "weights.pt"
        if not content:
            file.write_bytes(whole)
        elif rng.random() < 0.5:
            file.write_bytes(rng.choice(_DAMAGES)(bytearray(whole), rng, [whole]))
        else:
            file.write_bytes(_with_changed_numbers(path, rng))
        codec = AinnCodec(file)
        _check(codec.decode(codec.encode(picture(64, 64), 4)))

    return Target([b""], feed)


def _with_changed_numbers(path: Path, rng: random.Random) -> bytes:
    import torch

    kind = rng.randrange(6)
    content = torch.load(path, weights_only=True)
    state = content["state"]
    name = rng.choice(sorted(state))
    tensor = state[name]
    if kind == 0:
        state[name] = torch.zeros([rng.randrange(5) for _ in tensor.shape])
    elif kind == 1:
        del state[name]
    elif kind == 2:
        key = rng.choice(sorted(content["config"]))
        content["config"][key] = rng.choice((0, -1, 1 << 20, 1 << 40, "x", None, [], 0.5))
    elif tensor.numel():
        at = rng.randrange(tensor.numel())
        value = rng.choice((0, 1, -1, 1 << 30, -(1 << 30), 65504, -65504))
        tensor.view(-1)[at : at + rng.choice((1, 1000))] = value
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _results(folder: Path) -> Target:
    """Results that the gate and a comparison read, beside a whole baseline."""
    from bench.check import check, parse_rules
    from bench.compare.comparison import compare
    from bench.results import Store
    from bench.results.store import COMMITTED

    whole = Store(COMMITTED / "baseline")
    (name, anchor, *_), dataset = whole.codecs_on("sample"), "sample"
    lines = whole.path(dataset, name).read_bytes()
    rules = parse_rules(["bd-rate:psnr:1%", "bpp:1%"])

    def feed(content: bytes) -> None:
        for place in ("results", "baseline"):
            other = {"results": "baseline", "baseline": "results"}[place]
            for where, text in ((place, content), (other, lines)):
                path = Store(folder / where).path(dataset, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text)
            with contextlib.suppress(BenchError):
                check(folder / "results", folder / "baseline", [name], dataset, rules)
        Store(folder / "results").path(dataset, name).write_bytes(content)
        Store(folder / "results").path(dataset, anchor).write_bytes(whole.path(dataset, anchor).read_bytes())
        compare([name, anchor], dataset, folder / "results")

    rows = lines.splitlines(keepends=True)
    return Target([b"".join(rows[:12]), b"".join(rows[:3]), b"".join(rows)], feed)


def _yaml(folder: Path) -> Target:
    """YAML that describes codecs."""
    from bench.codecs import commandfile

    files = [path.read_bytes() for path in Path(codecs.__file__).parent.glob("*.yaml")]

    def feed(content: bytes) -> None:
        path = folder / "mine.yaml"
        path.write_bytes(content)
        commandfile.read(path)

    return Target(files, feed)


def _archives(folder: Path) -> Target:
    from bench.core.archive import unpack_images

    packed = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for name in ("a.png", "deep/b.jpg", "notes.txt"):
                archive.writestr(name, picture(8, 8).tobytes())
        packed.append(file.getvalue())

    def feed(content: bytes) -> None:
        place = folder / "set"
        place.mkdir(exist_ok=True)
        (folder / "set.zip").write_bytes(content)
        try:
            unpack_images(folder / "set.zip", None, place, {})
        finally:
            assert sorted(os.listdir(folder)) == ["set", "set.zip"], "it wrote outside its folder"
            for path in place.iterdir():
                path.unlink()

    return Target(packed, feed)


def _shards(folder: Path) -> Target:
    from bench.training.photos import load_photos

    shards = []
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as shard:
            for name in ("a.png", "deep/" + 90 * "b" + ".png"):
                member = tarfile.TarInfo(name)
                member.size = len(_png())
                shard.addfile(member, io.BytesIO(_png()))
        shards.append(file.getvalue())

    def feed(content: bytes) -> None:
        (folder / "a.tar").write_bytes(content)
        load_photos(folder / "a.tar", 8)

    return Target(shards, feed)


def _png() -> bytes:
    from bench.codecs.pillow import save

    return save(picture(8, 8), "PNG")


def _pictures(folder: Path) -> Target:
    from PIL import Image

    from bench.core.images import lost_metadata, pixels, read_rgb

    files = []
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM"):
        for mode in ("RGB", "P", "L") if kind in ("PNG", "TIFF", "BMP") else ("RGB",):
            file = io.BytesIO()
            Image.fromarray(picture(9, 12)).convert(mode).save(file, kind)
            files.append(file.getvalue())

    def feed(content: bytes) -> None:
        path = folder / "a.png"
        path.write_bytes(content)
        pixels(path)
        lost_metadata(path)
        _check(read_rgb(path))

    return Target(files, feed)


# The process of a target.


class _Child:
    """A process that feeds a target, and is started again when it ends."""

    def __init__(self, name: str, weights: str) -> None:
        self._arguments = (name, weights)
        self._start()

    def feed(self, contents: list[bytes]) -> Iterator[_End]:
        """How each ended."""
        left = list(contents)
        while left:
            try:
                for content in left:
                    self._pipe.send_bytes(content)
                for _ in range(len(left)):
                    if not self._answers():
                        yield _End("hang", f"over {SECONDS} s of CPU", 0, SECONDS)
                        self._stop()
                        raise EOFError
                    end = self._pipe.recv()
                    yield end
                    left.pop(0)
            except (EOFError, OSError):
                self._process.join()
                if self._process.exitcode != -9:
                    yield _End("crash", f"exit code {self._process.exitcode}", 0, 0)
                left.pop(0)
                self._start()

    def _answers(self) -> bool:
        """Whether there is an answer within the time, which is the CPU's: the machine may have other work."""
        process = psutil.Process(self._process.pid)
        began, before = time.monotonic(), sum(process.cpu_times()[:4])
        while not self._pipe.poll(1):
            with contextlib.suppress(psutil.Error):
                if sum(process.cpu_times()[:4]) - before > SECONDS or time.monotonic() - began > LONGEST:
                    return False
        return True

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, *self._arguments))
        self._process.start()
        theirs.close()
        self.inputs: list[bytes] = self._pipe.recv()

    def _stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _work(pipe: Connection, name: str, weights: str) -> None:
    """Feed what comes through the pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries say much of damaged files
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    made = target(name, weights)
    pipe.send(made.inputs)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    while True:
        content = pipe.recv_bytes()
        began = time.monotonic()
        with _Memory() as memory:
            kind, text = _end(made, content)
        if memory.used > MEMORY:
            kind, text = "memory", f"{memory.used >> 20} MiB; then {kind}: {text}"
        pipe.send(_End(kind, text[:SENTENCE], memory.used, time.monotonic() - began))


def _end(made: Target, content: bytes) -> tuple[str, str]:
    try:
        made.feed(content)
    except (BenchError, ArchiveError, YamlError) as error:
        text = str(error)
        fine = len(text) <= SENTENCE and "\n" not in text and " at 0x" not in text
        return ("refused", text) if fine else ("wordy", text)
    except MemoryError:
        return "memory", "MemoryError"
    except BaseException as error:
        return "traceback", f"{type(error).__name__}: {error}"[:500]
    return "taken", ""


class _Memory:
    """The peak of memory while a block lasts, beyond what was there before."""

    def __enter__(self) -> _Memory:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._before = _peak()
        return self

    def __exit__(self, *_: object) -> None:
        self.used = _peak() - self._before


def _peak() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", help="by default all that can run here")
    parser.add_argument("--tries", type=int, default=1000, help="damaged inputs of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-findings"), help="folder for inputs of findings"
    )
    parser.add_argument("--weights", default="", help="of A-INN, by default those that ship")
    options = parser.parse_args()
    kinds = ("traceback", "crash", "hang", "memory", "wordy")
    print(f"| target | inputs | taken | refused | {' | '.join(kinds)} | slowest | memory |")
    print("| --- |" + " ---: |" * (len(kinds) + 5), flush=True)
    bad = 0
    for report in (
        fuzz(name, options.tries, options.seed, options.weights) for name in options.targets or names()
    ):
        counts = [options.tries, *(report.ends[kind] for kind in ("taken", "refused", *kinds))]
        cells = [report.name, *map(str, counts), f"{report.slowest:.1f} s", f"{report.memory >> 20} MiB"]
        print(f"| {' | '.join(cells)} |", flush=True)
        for line in _kept(report, options.keep):
            print(line, file=sys.stderr, flush=True)
        bad += len(report.findings)
    return 1 if bad else 0


def _kept(report: Report, folder: Path) -> Iterator[str]:
    """Write the inputs of findings, the first of each text; a line for each."""
    firsts: dict[tuple[str, str], Finding] = {}
    for finding in report.findings:
        firsts.setdefault((finding.kind, re.sub(r"\d+", "0", finding.text)), finding)
    for number, finding in enumerate(firsts.values()):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{re.sub(r'[^a-z0-9]', '-', report.name)}-{finding.kind}-{number}"
        path.write_bytes(finding.content)
        yield f"{path}: {finding.text}"


if __name__ == "__main__":
    sys.exit(main())
