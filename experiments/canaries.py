"""How much worse honest codecs are on canaries than on the pictures that these were made of.

    python experiments/canaries.py path/to/kodak jpeg webp ...

Pictures: six of Kodak, those of scikit-image, three of Kodak after JPEG and after WebP at two qualities each,
noise, and two values. Each is coded at the ends and in the middle of the codec's curve, and at qualities that
it had before; each time three canaries are coded, too.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from bench import codecs
from bench.codecs import Codec
from bench.run.canary import Coded, Picture, changed, is_detailed, psnr

CANARIES = 3
BEFORE = (30, 75)  # qualities of JPEG and of WebP
SLOW = ("ainn",)  # at the middle of the curve only, of three pictures


def main(kodak: str, *names: str) -> None:
    pictures = {name: picture for name, picture in _pictures(Path(kodak)) if is_detailed(picture)}
    print("| codec | canaries | worse, in the mean | at most | which |\n| --- | --- | --- | --- | --- |")
    for name in names:
        codec = codecs.get(name)
        worse = dict(_worse(codec, pictures))
        where = max(worse, key=lambda key: worse[key])
        mean = np.mean(list(worse.values()))
        print(f"| {name} | {len(worse)} | {mean:.2f} dB | {worse[where]:.2f} dB | {where[0]} |", flush=True)


def _pictures(kodak: Path) -> Iterator[tuple[str, Picture]]:
    files = sorted(kodak.glob("*.png"))[:6]
    sources = files + [Path(skimage.__file__).parent / "data" / f"{name}.png" for name in (
        "astronaut", "coffee", "chelsea", "page", "text", "color", "logo"
    )]  # fmt: skip
    for path in filter(Path.is_file, sources):
        yield path.stem, np.array(Image.open(path).convert("RGB"))
    for path in files[:3]:
        for kind in ("JPEG", "WebP"):
            for quality in BEFORE:
                file = io.BytesIO()
                Image.open(path).convert("RGB").save(file, kind, quality=quality)
                yield f"{path.stem} after {kind} {quality}", np.array(Image.open(file).convert("RGB"))
    rng = np.random.default_rng(0)
    yield "noise", rng.integers(0, 256, (256, 256, 3)).astype(np.uint8)
    yield "two values", np.uint8(255) * (rng.random((256, 256, 1)) < 0.5).repeat(3, 2)


def _worse(codec: Codec, pictures: dict[str, Picture]) -> Iterator[tuple[tuple[str, float, int], float]]:
    rng = np.random.default_rng(0)
    curve = codec.qualities
    slow = codec.name in SLOW
    qualities = {curve[len(curve) // 2]} if slow else {curve[0], curve[len(curve) // 2], curve[-1]}
    if codec.name in ("jpeg", "webp"):
        qualities |= set(BEFORE)
    for name, picture in list(pictures.items())[: 3 if slow else None]:
        for quality in sorted(qualities):
            like = _coded(codec, quality, picture)
            for number in range(CANARIES):
                canary = _coded(codec, quality, changed(picture, rng)[0])
                yield (name, quality, number), like.worth - canary.worth


def _coded(codec: Codec, quality: float, picture: Picture) -> Coded:
    stream = codec.encode(picture, quality)
    return Coded(8 * len(stream) / picture[..., 0].size, psnr(picture, codec.decode(stream)))


if __name__ == "__main__":
    main(*sys.argv[1:])
