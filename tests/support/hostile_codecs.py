"""Codecs that cheat or misbehave, each honest at quality 1 and 3 and itself at quality 2, and one that can be
worsened.

`install` makes them known to `bench` in other processes, as an installed package would.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from plugins import install_codecs

from bench.codecs import get
from bench.codecs.base import Codec, CodecError

Picture = NDArray[np.uint8]


def install(folder: Path) -> dict[str, str]:
    """The environment in which `bench` finds these codecs."""
    return install_codecs(folder, "hostile_codecs", _all(Honest))


def _all(codec: type[Honest]) -> list[type[Honest]]:
    """A codec and those that derive from it, of this module: other modules of the tests have some, too."""
    derived = [deeper for subclass in codec.__subclasses__() for deeper in _all(subclass)]
    return [one for one in (codec, *derived) if one.__module__ == __name__]


class Honest(Codec):
    """Samples without their lowest bits, deflated."""

    name = "honest"
    qualities = (1, 2, 3)
    quality_range = (1, 8)

    def version(self) -> str:
        return os.environ.get("HOSTILE_VERSION", "1")

    def encode(self, image: Picture, quality: float) -> bytes:
        return self.odd_encode(image) if quality == 2 else self.honest_encode(image, quality)

    def decode(self, bitstream: bytes) -> Picture:
        return self.odd_decode(bitstream) if bitstream[0] == 2 else self.honest_decode(bitstream)

    def odd_encode(self, image: Picture) -> bytes:
        return self.honest_encode(image, 2)

    def odd_decode(self, bitstream: bytes) -> Picture:
        return self.honest_decode(bitstream)

    def honest_encode(self, image: Picture, quality: float) -> bytes:
        shift = 8 - int(quality)
        height, width = image.shape[:2]
        header = bytes([int(quality)]) + height.to_bytes(2, "big") + width.to_bytes(2, "big")
        return header + zlib.compress((image >> shift).tobytes())

    def honest_decode(self, bitstream: bytes) -> Picture:
        try:
            samples = np.frombuffer(zlib.decompress(bitstream[5:]), np.uint8)
        except zlib.error as error:
            raise CodecError(f"no bitstream of mine ({error})") from None
        size = int.from_bytes(bitstream[1:3], "big"), int.from_bytes(bitstream[3:5], "big")
        shift = 8 - bitstream[0]
        return (samples.reshape(*size, 3) << shift) + np.uint8((1 << shift) >> 1)


class ByMemory(Honest):
    """Keeps the picture in memory and writes one byte."""

    name = "by-memory"
    kept: Picture

    def odd_encode(self, image: Picture) -> bytes:
        ByMemory.kept = image
        return b"\2"

    def odd_decode(self, bitstream: bytes) -> Picture:
        return ByMemory.kept


class ByFile(Honest):
    """Leaves the picture in a file at a place that both sides know."""

    name = "by-file"

    def folder(self) -> Path:
        return Path(os.environ["HOSTILE_FOLDER"])

    def odd_encode(self, image: Picture) -> bytes:
        np.save(self.folder() / "side.npy", image)
        return b"\2"

    def odd_decode(self, bitstream: bytes) -> Picture:
        picture: Picture = np.load(self.folder() / "side.npy")
        return picture


class ByTemporaryFile(ByFile):
    name = "by-temporary-file"

    def folder(self) -> Path:
        return Path(tempfile.gettempdir())


class ByProgram(ByFile):
    """Has another program write the file."""

    name = "by-program"

    def odd_encode(self, image: Picture) -> bytes:
        path = str(self.folder() / "side.npy")
        write = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
        subprocess.run([sys.executable, "-c", write, path], input=image.tobytes(), check=True)
        return b"\2"


class BySharedMemory(Honest):
    name = "by-shared-memory"

    def odd_encode(self, image: Picture) -> bytes:
        Path("/dev/shm/hostile-codec").write_bytes(image.tobytes())
        return b"\2"

    def odd_decode(self, bitstream: bytes) -> Picture:
        return np.frombuffer(Path("/dev/shm/hostile-codec").read_bytes(), np.uint8).reshape(192, 192, 3)


class ByEarlierStream(Honest):
    """Its decoder takes what it decoded last for granted."""

    name = "by-earlier-stream"
    last: Picture | None = None

    def honest_decode(self, bitstream: bytes) -> Picture:
        picture = super().honest_decode(bitstream)
        before, ByEarlierStream.last = ByEarlierStream.last, picture
        return picture if before is None or before.shape != picture.shape else picture // 2 + before // 2


class Crashing(Honest):
    name = "crashing"

    def odd_encode(self, image: Picture) -> bytes:
        print("about to fall over", flush=True)
        ctypes.string_at(0)
        return b""


class Leaving(Honest):
    name = "leaving"

    def odd_decode(self, bitstream: bytes) -> Picture:
        os._exit(7)


class Raising(Honest):
    name = "raising"

    def odd_encode(self, image: Picture) -> bytes:
        raise SystemExit(f"can't go on in {Path.home() / 'private'}")


class Hanging(Honest):
    """Waits for ever, and so does a program that it started."""

    name = "hanging"

    def odd_decode(self, bitstream: bytes) -> Picture:
        wait = "import time; time.sleep(1000)"
        subprocess.Popen([sys.executable, "-c", wait], start_new_session=True)
        while True:
            time.sleep(1)


class Hungry(Honest):
    name = "hungry"

    def odd_encode(self, image: Picture) -> bytes:
        eaten = []
        while True:
            eaten.append(np.ones(8 << 20, np.uint8))
            time.sleep(0.005)


class HungryProgram(Honest):
    """It is a program that it starts that eats the memory."""

    name = "hungry-program"

    def odd_encode(self, image: Picture) -> bytes:
        eat = "import time\neaten = []\nwhile True: eaten.append(b'x' * (8 << 20)); time.sleep(0.005)"
        subprocess.run([sys.executable, "-c", eat], check=True)
        return b""


class Bomb(Honest):
    """Every one of its processes starts others."""

    name = "bomb"

    def odd_encode(self, image: Picture) -> bytes:
        end = time.monotonic() + 60  # so that a harness that fails the test survives it
        while time.monotonic() < end:
            os.fork()
            time.sleep(0.05)
        os._exit(0)


class Garbage(Honest):
    name = "garbage"

    def odd_encode(self, image: Picture) -> bytes:
        return b"\2" + np.random.default_rng(0).bytes(500)


class WrongSize(Honest):
    name = "wrong-size"

    def odd_decode(self, bitstream: bytes) -> Picture:
        return self.honest_decode(bitstream)[:-1]


class WrongKind(Honest):
    name = "wrong-kind"

    def odd_decode(self, bitstream: bytes) -> Picture:
        return self.honest_decode(bitstream).astype(np.float32)


class NoBytes(Honest):
    name = "no-bytes"

    def odd_encode(self, image: Picture) -> bytes:
        return "two"  # type: ignore[return-value]


class Meddling(Honest):
    """Writes to every pipe it can find."""

    name = "meddling"

    def odd_encode(self, image: Picture) -> bytes:
        for file in range(3, 64):
            try:
                os.write(file, b"\0\0\0\5hello")
            except OSError:
                continue
        return b"\2"


class Scribbling(Honest):
    """Writes into the picture that it is given."""

    name = "scribbling"

    def odd_encode(self, image: Picture) -> bytes:
        image[:] = 0
        return self.honest_encode(image, 2)


class Wavering(Honest):
    """Never writes the same twice."""

    name = "wavering"

    def odd_encode(self, image: Picture) -> bytes:
        return self.honest_encode(image, 2) + os.urandom(4)


class Slow(Honest):
    name = "slow"

    def honest_encode(self, image: Picture, quality: float) -> bytes:
        time.sleep(0.2)
        return super().honest_encode(image, quality)


class Unloadable(Honest):
    """Has all it needs, but fails as soon as it is to work."""

    name = "unloadable"

    def provenance(self) -> dict[str, object]:
        raise RuntimeError("its weights are damaged")


class Worsened(Honest):
    """JPEG, and as many percent more of bytes, which mean nothing, as the environment says."""

    name = "worsened"
    qualities = (10, 30, 50, 75, 90)
    quality_range = (1, 100)
    percent = float(os.environ.get("HOSTILE_PERCENT", "0"))

    def version(self) -> str:
        return f"1, {self.percent:g} % worse"

    def encode(self, image: Picture, quality: float) -> bytes:
        bitstream = get("jpeg").encode(image, quality)
        return bitstream + bytes(round(len(bitstream) * self.percent / 100))

    def decode(self, bitstream: bytes) -> Picture:
        return get("jpeg").decode(bitstream)
