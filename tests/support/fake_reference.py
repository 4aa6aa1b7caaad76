"""A stand-in for VTM's and HM's programs, and libbpg's: it does to files what they do, and worse.

`install` puts scripts of these names into a folder; how they behave is in the file `mode` beside them:

    well      as they should
    crash     print, and end with exit code 1 (after that, no file)
    shut-out  say that a file can't be opened, as libbpg's jctvc does where it may not write to /tmp
    silent    end well without having written
    empty     write an empty file
    short     write half of the file
    hang      wait for ever
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

MARK = b"\0\0\1\x28\x01packed"


class Bits:
    """Bits of a parameter set, most significant first."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, value: int, count: int) -> Bits:
        self.text += f"{value:0{count}b}" if count else ""
        return self

    def golomb(self, value: int) -> Bits:
        length = (value + 1).bit_length()
        return self.put(0, length - 1).put(value + 1, length)

    def unit(self, header: bytes) -> bytes:
        """The unit in a byte stream, with what keeps start codes from coming about."""
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        content = bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
        safe = bytearray()
        for byte in content:
            if safe[-2:] == b"\0\0" and byte <= 3:
                safe.append(3)
            safe.append(byte)
        return b"\0\0\0\1" + header + bytes(safe)


def vvc_parameters(width: int, height: int, chroma: int) -> bytes:
    """A sequence parameter set as ITU-T H.266 has it, up to the conformance window."""
    bits = Bits().put(0, 4).put(0, 4).put(0, 3).put(3 if chroma == 444 else 1, 2).put(2, 2).put(1, 1)
    bits.put(33, 7).put(0, 1).put(80, 8).put(3, 2).put(0, 1).put(0, -len(bits.text) % 8).put(0, 8)
    bits.put(1, 1).put(0, 1)
    return _sized(bits, width, height, chroma).unit(b"\x00\x79")


def hevc_parameters(width: int, height: int, chroma: int) -> bytes:
    """The same of ITU-T H.265."""
    bits = Bits().put(0, 4).put(0, 3).put(1, 1).put(4, 8).put(0, 80).put(93, 8).golomb(0)
    bits.golomb(3 if chroma == 444 else 1).put(0, 1 if chroma == 444 else 0)
    return _sized(bits, width, height, chroma).unit(b"\x42\x01")


def _sized(bits: Bits, width: int, height: int, chroma: int) -> Bits:
    """Size in whole blocks of 8, and the window that cuts it."""
    unit = 1 if chroma == 444 else 2
    bits.golomb(width + -width % 8).golomb(height + -height % 8).put(1, 1)
    return bits.golomb(0).golomb(-width % 8 // unit).golomb(0).golomb(-height % 8 // unit).golomb(7)


def install(folder: Path, names: tuple[str, ...], mode: str = "well") -> Path:
    """Programs of these names in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mode").write_text(mode)
    for name in names:
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} "$0" "$@"\n')
        path.chmod(0o755)
    return folder


def main(program: Path, arguments: list[str]) -> None:
    name, mode = program.name, (program.parent / "mode").read_text()
    number = program.parent.name  # the folder is called like the version
    banners = {
        "EncoderAppStatic": f"VVCSoftware: VTM Encoder Version {number} [Linux][GCC 12.2.0][64 bit]",
        "TAppEncoderStatic": f"HM software: Encoder Version [{number}] (including RExt)[Linux]",
        "bpgenc": f"BPG Image Encoder version {number}",
    }
    print(banners.get(name, ""))
    if arguments in (["--help"], ["-h"]):
        sys.exit(1)  # as some of the real ones do
    with suppress(OSError):  # in a run, a codec's programs write only in a folder of their own
        (program.parent / f"{name}.arguments").write_text(json.dumps(arguments))
    if mode == "crash":
        print('ERROR: In function "setup" in /secret/place/EncLib.cpp:12: no such level')
        sys.exit(1)
    if mode == "shut-out":
        print("Could not open '/var/out1234-1.yuv'")
        sys.exit(1)
    if mode == "hang":
        time.sleep(1_000_000)
    target, content = {"bpgenc": bpg_encode, "bpgdec": bpg_decode}.get(name, code)(name, arguments)
    if mode == "short":
        content = content[: len(content) // 2]
    if mode != "silent":
        target.write_bytes(b"" if mode == "empty" else content)


def code(name: str, arguments: list[str]) -> tuple[Path, bytes]:
    """What VTM's and HM's programs do."""
    given = dict(zip(arguments[::2], arguments[1::2], strict=False))
    target = Path(given["-o"])
    if "Decoder" in name:
        stream = Path(given["-b"]).read_bytes()
        return target, zlib.decompress(stream.partition(MARK)[2])
    options = dict(word[2:].split("=") for word in arguments if word.startswith("--"))
    assert Path(given["-c"]).is_file() and given["-o"] == "/dev/null" and given["-f"] == "1"
    chroma, width, height = int(options["InputChromaFormat"]), int(given["-wdt"]), int(given["-hgt"])
    yuv = Path(given["-i"]).read_bytes()
    samples = width * height * (3 if chroma == 444 else 1.5)
    assert len(yuv) == samples * (2 if options["InputBitDepth"] == "10" else 1), "not so many samples"
    parameters = (hevc_parameters if name.startswith("T") else vvc_parameters)(width, height, chroma)
    return Path(given["-b"]), parameters + MARK + zlib.compress(yuv)


def bpg_encode(name: str, arguments: list[str]) -> tuple[Path, bytes]:
    target, source = Path(arguments[-2]), Path(arguments[-1])
    return target, b"BPG\xfb" + zlib.compress(source.read_bytes())


def bpg_decode(name: str, arguments: list[str]) -> tuple[Path, bytes]:
    import io

    from PIL import Image

    packed = Path(arguments[-1]).read_bytes()
    if not packed.startswith(b"BPG\xfb"):
        print("Could not decode image")
        sys.exit(1)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(zlib.decompress(packed[4:]))).convert("RGB").save(buffer, "PPM")
    return Path(arguments[1]), buffer.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
