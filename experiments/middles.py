"""The middle of photos, as PNG files: smaller pictures for what takes long.

    python experiments/middles.py path/to/photos middles --side 256

Photos that are smaller than that stay as they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("to", type=Path, help="folder for their middles")
    parser.add_argument("--side", type=int, default=256, help="in pixels")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    for path in sorted(options.photos.iterdir()):
        Image.fromarray(middle(path, options.side)).save(options.to / f"{path.stem}.png")


def middle(path: Path, side: int) -> NDArray[np.uint8]:
    """Up to side x side pixels of a photo, RGB."""
    photo = np.array(Image.open(path).convert("RGB"))
    top, left = (max(0, length - side) // 2 for length in photo.shape[:2])
    return photo[top : top + side, left : left + side]


if __name__ == "__main__":
    main()
