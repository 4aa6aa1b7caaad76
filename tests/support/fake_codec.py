"""A program that codes pictures, for tests: it does to files what a real one does, and worse.

fake_codec.py encode INPUT OUTPUT QUALITY    quantise pixels by 101 - QUALITY; deflate
fake_codec.py decode INPUT OUTPUT            the picture; OUTPUT's suffix is its format
fake_codec.py copy INPUT OUTPUT              the file as it is
fake_codec.py look INPUT OUTPUT [WORD ...]   what it is started with, as JSON
fake_codec.py say TEXT                       print
fake_codec.py flood BYTES                    print so many bytes, and "the end"
fake_codec.py fail CODE TEXT                 print, and end with that exit code
fake_codec.py kill SIGNAL                    end by a signal
fake_codec.py wait [WORD ...]                wait for ever
fake_codec.py use BYTES                      fill so much memory
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import zlib
from pathlib import Path


def encode(source: str, target: str, quality: str) -> None:
    from PIL import Image

    step = 101 - round(float(quality))
    with Image.open(source) as picture:
        pixels = picture.convert("RGB")
    coarse = pixels.tobytes().translate(bytes(value // step % 256 for value in range(256)))
    header = json.dumps([step, *pixels.size]).encode() + b"\n"
    Path(target).write_bytes(header + zlib.compress(coarse))


def decode(source: str, target: str) -> None:
    from PIL import Image

    header, _, packed = Path(source).read_bytes().partition(b"\n")
    step, *size = json.loads(header)
    fine = bytes(max(0, min(value * step + step // 2, 255)) for value in range(256))
    pixels = zlib.decompress(packed).translate(fine)
    Image.frombytes("RGB", tuple(size), pixels).save(target)


def look(source: str, target: str, *words: str) -> None:
    seen = {
        "words": [source, target, *words],
        "files": sorted(os.listdir()),
        "stdin": sys.stdin.read(),
        "environment": {key: os.environ.get(key) for key in ("PYTHONPATH", "LC_ALL")},
    }
    Path(target).write_text(json.dumps(seen))


def use(size: str) -> None:
    assert bytes(b"x" * int(size))


def flood(size: str) -> None:
    block = b"x" * 65536
    for _ in range(int(size) // len(block)):
        sys.stdout.buffer.write(block)
    print("\nthe end")


def fail(code: str, text: str) -> None:
    print(text, file=sys.stderr)
    sys.exit(int(code))


def kill(number: str) -> None:
    os.kill(os.getpid(), getattr(signal, number))


def wait(*words: str) -> None:
    time.sleep(1_000_000)


if __name__ == "__main__":
    actions = [encode, decode, shutil.copyfile, look, print, flood, fail, kill, wait, use]
    names = ["encode", "decode", "copy", "look", "say", "flood", "fail", "kill", "wait", "use"]
    dict(zip(names, actions, strict=True))[sys.argv[1]](*sys.argv[2:])
