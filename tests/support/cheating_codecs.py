"""Codecs whose decoders get more than the bitstream, each by a way of its own. They cheat at quality 2 only.

`Smuggler`s keep six bytes out of the bitstream and hand them over elsewhere. `Reader`s write eight bytes and
look for the original picture on the disk.
"""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
from hostile_codecs import Honest, Picture
from PIL import Image
from plugins import install_codecs

Run = Callable[..., subprocess.CompletedProcess[str]]  # `bench run` of one of them

_ADD_KEY, _KEYCTL = 248, 250  # on x86_64
_USER_RING = ctypes.c_int(-4)
_UNLINK, _SEARCH, _READ = 9, 10, 11
_libc = ctypes.CDLL(None, use_errno=True)


def install(folder: Path) -> dict[str, str]:
    """The environment in which `bench` finds these codecs."""
    codecs = [*Smuggler.__subclasses__(), ByProcess, *Reader.__subclasses__(), StuckInC, HangsAtFirst]
    return install_codecs(folder, "cheating_codecs", codecs)


def secret_name(folder: str | Path) -> bytes:
    """A name of one test's own: what the kernel keeps by name is shared by the whole machine.

    Args:
        folder: of the test, which `HOSTILE_FOLDER` names for its codecs.
    """
    return b"secret-%08x" % zlib.crc32(os.fsencode(folder))


def clean_up(folder: Path) -> None:
    """Remove what the kernel keeps of the codecs of a test."""
    _libc.mq_unlink(b"/" + secret_name(folder))
    segment = _libc.shmget(_number(secret_name(folder)), 4096, 0o600)
    if segment >= 0:
        _libc.shmctl(segment, 0, None)  # IPC_RMID
    if platform.machine() == "x86_64":
        key = _libc.syscall(_KEYCTL, _SEARCH, _USER_RING, b"user", secret_name(folder), 0)
        if key >= 0:
            _libc.syscall(_KEYCTL, _UNLINK, key, _USER_RING)


def _own_name() -> bytes:
    return secret_name(os.environ["HOSTILE_FOLDER"])


def _number(name: bytes) -> int:
    return zlib.crc32(name) & 0x7FFF_FFFF


def side_file() -> Path:
    """A file of the user's, which was there before."""
    return Path(os.environ["HOSTILE_FOLDER"], "side")


def originals() -> Path:
    """The folder of the dataset, known by a name that nobody recognises as a path."""
    return Path(os.environ["HOSTILE_ORIGINALS"].removeprefix("file:"))


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class Smuggler(Honest):
    def odd_encode(self, image: Picture) -> bytes:
        stream = self.honest_encode(image, 2)
        return stream[:1] + self.leave(stream[1:7]) + stream[7:]

    def odd_decode(self, bitstream: bytes) -> Picture:
        hint, rest = bitstream[1 : 1 + self.hint], bitstream[1 + self.hint :]
        return self.honest_decode(bitstream[:1] + self.fetch(hint) + rest)

    hint = 0  # bytes that `leave` puts into the bitstream

    def leave(self, secret: bytes) -> bytes:
        raise NotImplementedError

    def fetch(self, hint: bytes) -> bytes:
        raise NotImplementedError


class ByTimes(Smuggler):
    """In the time of a file's last change."""

    name = "by-times"

    def leave(self, secret: bytes) -> bytes:
        os.utime(side_file(), ns=(0, int.from_bytes(secret, "big")))
        return b""

    def fetch(self, hint: bytes) -> bytes:
        return side_file().stat().st_mtime_ns.to_bytes(6, "big")


class ByAttribute(Smuggler):
    """In an extended attribute of a file."""

    name = "by-attribute"

    def leave(self, secret: bytes) -> bytes:
        os.setxattr(side_file(), "user.secret", secret)
        return b""

    def fetch(self, hint: bytes) -> bytes:
        return os.getxattr(side_file(), "user.secret")


class BySegment(Smuggler):
    """In shared memory of System V."""

    name = "by-segment"

    def leave(self, secret: bytes) -> bytes:
        ctypes.memmove(self._memory(0o1600), secret, 6)
        return b""

    def fetch(self, hint: bytes) -> bytes:
        return ctypes.string_at(self._memory(0o600), 6)

    def _memory(self, flags: int) -> ctypes.c_void_p:
        _libc.shmat.restype = ctypes.c_void_p
        return ctypes.c_void_p(_libc.shmat(checked(_libc.shmget(_number(_own_name()), 4096, flags)), None, 0))


class ByQueue(Smuggler):
    """In a message queue of POSIX, which needs no file."""

    name = "by-queue"

    def leave(self, secret: bytes) -> bytes:
        name = b"/" + _own_name()
        _libc.mq_unlink(name)
        queue = checked(_libc.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None))
        checked(_libc.mq_send(queue, secret, 6, 0))
        return b""

    def fetch(self, hint: bytes) -> bytes:
        queue = checked(_libc.mq_open(b"/" + _own_name(), os.O_RDWR | os.O_NONBLOCK))
        buffer = ctypes.create_string_buffer(8192)
        size = checked(_libc.mq_receive(queue, buffer, 8192, None))
        checked(_libc.mq_send(queue, buffer, size, 0))  # for the spot check
        return buffer.raw[:size]


class ByKeyring(Smuggler):
    """In the kernel's keyring of the user."""

    name = "by-keyring"

    def leave(self, secret: bytes) -> bytes:
        checked(_libc.syscall(_ADD_KEY, b"user", _own_name(), secret, ctypes.c_size_t(6), _USER_RING))
        return b""

    def fetch(self, hint: bytes) -> bytes:
        key = checked(_libc.syscall(_KEYCTL, _SEARCH, _USER_RING, b"user", _own_name(), 0))
        buffer = ctypes.create_string_buffer(6)
        checked(_libc.syscall(_KEYCTL, _READ, key, buffer, ctypes.c_size_t(6)))
        return buffer.raw


class BySocket(Smuggler):
    """By a socket in the encoder's folder, whose name the stream has, from a thread that goes on."""

    name = "by-socket"
    hint = 100
    server: socket.socket | None = None

    def honest_encode(self, image: Picture, quality: float) -> bytes:
        if self.server is None:  # in the warm-up: what is made there isn't tidied away
            self.server = socket.socket(socket.AF_UNIX)
            self.server.bind(str(Path(tempfile.mkdtemp(), "socket")))
            self.server.listen()
        return super().honest_encode(image, quality)

    def leave(self, secret: bytes) -> bytes:
        assert self.server is not None
        self.serve(self.server, secret)
        return str(self.server.getsockname()).encode().ljust(self.hint)

    def serve(self, server: socket.socket, secret: bytes) -> None:
        def answer() -> None:
            while True:
                server.accept()[0].sendall(secret)

        threading.Thread(target=answer, daemon=True).start()

    def fetch(self, hint: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(hint.decode().strip())
            return client.recv(6)


class ByProcess(BySocket):
    """The same from a program, which tells in no way who started it."""

    name = "by-process"

    def serve(self, server: socket.socket, secret: bytes) -> None:
        program = (
            "import signal, socket\nsignal.alarm(60)\n"  # nobody else ends it
            f"server = socket.socket(fileno={server.fileno()})\n"
            f"while True: server.accept()[0].sendall({secret!r})"
        )
        command, files = [sys.executable, "-c", program], (server.fileno(),)
        subprocess.Popen(command, pass_fds=files, start_new_session=True, env={})


class Reader(Honest):
    def odd_encode(self, image: Picture) -> bytes:
        return b"\2" + bytes([int(sample) for sample in image[0, :2].ravel()]) + b"!"

    def odd_decode(self, bitstream: bytes) -> Picture:
        for folder in self.folders():
            for path in sorted(folder.glob("*.png")):
                picture = np.array(Image.open(path).convert("RGB"))
                if picture[0, :2].tobytes() == bitstream[1:7]:
                    return picture
        raise LookupError("the picture isn't where it was looked for")

    def folders(self) -> list[Path]:
        raise NotImplementedError


class ByOriginal(Reader):
    """In the folder where it is known to be."""

    name = "by-original"

    def folders(self) -> list[Path]:
        return [originals()]


class ByCommandLine(Reader):
    """In the folders that the command lines of all processes name."""

    name = "by-command-line"

    def folders(self) -> list[Path]:
        folders = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_text(errors="replace").split("\0")
                if "--dataset" in words:
                    named = words[words.index("--dataset") + 1]
                    folders.append(Path(os.environ["PWD"], named))
                    folders.append(path.with_name("cwd").resolve() / named)
        return folders


class BySample(Reader):
    """By way of the benchmark itself."""

    name = "by-sample"

    def folders(self) -> list[Path]:
        from bench.datasets import load

        return [image.path.parent for image in load("sample").images]


class ByEarlyFile(Reader):
    """In a file that is open before anything is coded."""

    name = "by-early-file"

    def __init__(self) -> None:
        super().__init__()
        self.files: list[IO[bytes]] = []
        with suppress(OSError):
            paths = sorted(originals().glob("*.png"))
            self.files = [path.open("rb") for path in paths]

    def odd_decode(self, bitstream: bytes) -> Picture:
        (file,) = self.files
        file.seek(0)
        return np.array(Image.open(file).convert("RGB"))


class StuckInC(Honest):
    """Encodes in C code that holds Python's lock, for as long as ten minutes."""

    name = "stuck-in-c"

    def odd_encode(self, image: Picture) -> bytes:
        Path(tempfile.gettempdir(), "stuck").touch()
        ctypes.PyDLL(None).sleep(600)
        return b"\2"


class HangsAtFirst(Honest):
    """Its first encoding, in the warm-up, never ends."""

    name = "hangs-at-first"

    def honest_encode(self, image: Picture, quality: float) -> bytes:
        time.sleep(1000)
        return b""
