"""Pictures of a folder at half their size, and parts of 768x512 pixels out of their middle, also in grey.

    python experiments/other_sizes.py path/to/clic2025-valid sizes

writes sizes/halved/, sizes/cut/ and sizes/grey/. A part keeps the pixels as they are, and has the size of a
Kodak picture; half the size keeps what is seen, in a quarter of the pixels; grey is the part by its luma.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

LONG, SHORT = 768, 512


def main(folder: Path, out: Path) -> None:
    for name in ("halved", "cut", "grey"):
        (out / name).mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        halved = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
        halved.save(out / "halved" / path.name)
        part = middle(picture)
        part.save(out / "cut" / path.name)
        part.convert("L").convert("RGB").save(out / "grey" / path.name)


def middle(picture: Image.Image) -> Image.Image:
    """768x512 pixels from the middle, or 512x768 of a picture that is higher than wide."""
    width, height = (LONG, SHORT) if picture.width >= picture.height else (SHORT, LONG)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
