"""What is fed with damaged inputs: codecs, and whatever else reads files."""

from __future__ import annotations

import contextlib
import io
import os
import random
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fuzz_damages import DAMAGES, OF_TEXT, Target, extend, mend_crc_at_end, mend_crcs_of_chunks

from bench import codecs
from bench.core.errors import BenchError

CRASHING = "crashing"  # a target that shows that crashes are noticed
SPECIAL = ("ainn", "ainn:tile=128", "weights", "results", "yaml", "archives", "shards", "pictures")

Picture = np.ndarray[Any, np.dtype[np.uint8]]


def names() -> list[str]:
    """All targets that can run here."""
    learned = {"ainn", "bmshj2018-factorized", "bmshj2018-hyperprior", "cheng2020-anchor", "cheng2020-attn"}
    learned |= {"mbt2018", "mbt2018-mean"}
    usable = [name for name in codecs.names() if name not in learned and not codecs.get_class(name).missing()]
    return [*usable, *SPECIAL]


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


def mending(name: str) -> tuple[Any, ...]:
    """How inputs of a target are mended, and how damaged."""
    if name.startswith("ainn"):
        return (mend_crc_at_end,)
    if name in ("png", "pictures"):
        return (mend_crcs_of_chunks,)
    if name == "weights":
        return bytes, (extend,)
    return (bytes, OF_TEXT) if name in ("results", "yaml") else ()


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
            file.write_bytes(rng.choice(DAMAGES)(bytearray(whole), rng, [whole]))
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
