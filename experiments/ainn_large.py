"""A-INN on a picture of 108 megapixels: seconds and memory of both sides, and whether tiles show.

    python experiments/ainn_large.py path/to/photos path/to/more     # folders of photos
    python experiments/ainn_large.py path/to/photos --width 3000 --height 2500    # a first look

The picture is a mosaic of square crops, each of a photo of its own as far as there are enough. The codec
runs in a process of its own for each side; memory is the peak of its resident set, the picture included.

A seam would show as a lower PSNR on the pixels beside a border of tiles. So their PSNR stands beside that
of pixels in other rows and columns, as many and as far from the edges of photos: between borders, nothing
is cut. Their standard deviation says by how much such a figure moves by chance.

A part of the picture that can be coded whole, too, is then coded both ways.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.codecs.ainn.codec import TILE
from bench.core.files import is_image_name

Pixels = NDArray[np.uint8]

CELL = 500  # side of a crop: no edge of one is near a border of tiles
PART = 2_600, 4_600  # height and width: four tiles, in part, and few enough pixels to be coded whole
NEAR = 8  # pixels on each side of a border that count as near
CODE = """
import sys
from pathlib import Path
import numpy as np
from bench import codecs
side, picture, stream = sys.argv[2], *map(Path, sys.argv[3:5])
codec, quality = codecs.get(sys.argv[1]), float(sys.argv[5])
if side == "encode":
    stream.write_bytes(codec.encode(np.load(picture), quality))
else:
    np.save(picture, codec.decode(stream.read_bytes()))
"""


def mosaic(folders: list[Path], height: int, width: int) -> Pixels:
    """A picture of crops of photos, at their own resolution. Photos with a shorter side are passed over."""
    picture = np.empty((height, width, 3), np.uint8)
    paths = sorted(path for folder in folders for path in folder.rglob("*") if is_image_name(path.name))
    large = (path for path in itertools.cycle(paths) if min(Image.open(path).size) >= CELL)
    for top, left in itertools.product(range(0, height, CELL), range(0, width, CELL)):
        photo = np.asarray(Image.open(next(large)).convert("RGB"))
        y, x = ((side - CELL) // 2 for side in photo.shape[:2])
        place = picture[top : top + CELL, left : left + CELL]
        place[:] = photo[y : y + place.shape[0], x : x + place.shape[1]]
    return picture


def code(codec: str, side: str, picture: Path, stream: Path, quality: float) -> str:
    """Run one side of the codec; seconds and memory in words."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, codec, side, str(picture), str(stream), str(quality)],
        env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE"},
    )
    _, status, usage = os.wait4(process.pid, 0)
    if process_code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{side} ended with {process_code}")
    seconds, cpu = time.monotonic() - began, usage.ru_utime + usage.ru_stime
    return f"{side}: {seconds:.0f} s, {cpu:.0f} s of CPU, {usage.ru_maxrss / 2**20:.2f} GiB at the peak"


def squares_by_line(error: NDArray[np.float32], axis: int) -> list[float]:
    """Mean squared error of each stripe of 2 * NEAR rows (axis 0) or columns, by its middle."""
    means = error.mean(axis=1 - axis, dtype=np.float64)
    return [float(means[max(0, middle - NEAR) : middle + NEAR].mean()) for middle in range(len(means))]


def seams(original: Pixels, decoded: Pixels) -> str:
    """PSNR beside borders of tiles, and in other stripes like them, in words."""
    error = np.square(np.subtract(original, decoded, dtype=np.float32)).mean(axis=2)
    near, elsewhere = [], []
    for axis, name in ((0, "rows"), (1, "columns")):
        squares = squares_by_line(error, axis)
        for border in range(TILE, len(squares) - NEAR, TILE):
            # The same photos to both sides, and no nearer to their edges or to the border.
            first = border // CELL * CELL
            others = [
                middle
                for middle in range(first + 2 * NEAR, min(first + CELL, len(squares)) - 2 * NEAR, 2 * NEAR)
                if abs(middle - border) >= 4 * NEAR
            ]
            near.append(db(squares[border]))
            elsewhere.append([db(squares[middle]) for middle in others])
            spread = statistics.stdev(elsewhere[-1])
            mean = statistics.fmean(elsewhere[-1])
            print(
                f"{name} at {border}: {near[-1]:.3f} dB, {mean:.3f} in {len(others)} others (sd {spread:.3f})"
            )
    gap = statistics.fmean(one - statistics.fmean(rest) for one, rest in zip(near, elsewhere, strict=True))
    chance = math.sqrt(sum(statistics.variance(rest) for rest in elsewhere)) / len(elsewhere)
    return f"beside borders {gap:+.3f} dB against elsewhere; by chance, {chance:.3f} (standard deviation)"


def both_ways(part: Pixels, folder: Path, quality: float) -> str:
    """What tiles change in a picture that is coded whole by default, in words."""
    np.save(folder / "part.npy", part)
    sizes, pictures = [], []
    for codec in ("ainn", f"ainn:tile={TILE}"):
        stream, decoded = folder / "part.ainn", folder / "part-decoded.npy"
        code(codec, "encode", folder / "part.npy", stream, quality)
        code(codec, "decode", decoded, stream, quality)
        sizes.append(stream.stat().st_size)
        pictures.append(np.load(decoded))
    whole, tiled = pictures
    differ = whole != tiled
    most = int(np.abs(np.subtract(whole, tiled, dtype=np.int16)).max())
    return (
        f"{part.shape[1]}x{part.shape[0]} whole: {sizes[0]:,} bytes, {psnr(part, whole):.4f} dB; "
        f"in tiles: {sizes[1]:,} bytes, {psnr(part, tiled):.4f} dB; "
        f"{100 * differ.mean():.4f} % of samples differ, by {most} at most"
    )


def psnr(one: Pixels, other: Pixels) -> float:
    rows = zip(one, other, strict=True)  # one at a time, for memory
    return db(statistics.fmean(float(np.square(np.subtract(a, b, dtype=np.float64)).mean()) for a, b in rows))


def db(square: float) -> float:
    return 10 * math.log10(255**2 / square)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--width", type=int, default=12_000)
    parser.add_argument("--height", type=int, default=9_000)
    parser.add_argument("--quality", type=float, default=4)
    parser.add_argument(
        "--keep", type=Path, help="folder for the mosaic (PNG), bitstream and decoded picture"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        original, stream, decoded = (folder / name for name in ("mosaic.npy", "mosaic.ainn", "decoded.npy"))
        picture = mosaic(given.photos, given.height, given.width)
        np.save(original, picture)
        if given.keep:
            Image.fromarray(picture).save(folder / "mosaic.png", compress_level=1)
        print(code("ainn", "encode", original, stream, given.quality), flush=True)
        print(code("ainn", "decode", decoded, stream, given.quality), flush=True)
        size, result = stream.stat().st_size, np.load(decoded)
        bpp = 8 * size / picture[..., 0].size
        print(f"{size:,} bytes, {bpp:.4f} bpp, {psnr(picture, result):.3f} dB")
        print(seams(picture, result), flush=True)
        print(both_ways(picture[: PART[0], : PART[1]], folder, given.quality))


if __name__ == "__main__":
    main()
