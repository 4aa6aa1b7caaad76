"""Pictures for the viewer: originals and decoded pictures of a few images, as lossless WebP.

Lossless WebP keeps every sample, takes a quarter less than PNG, and all current browsers show it.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.codecs.base import RGB
from bench.compare.comparison import Comparison
from bench.compare.sources import Source
from bench.core.errors import BenchError
from bench.core.images import read_rgb
from bench.core.whole_file import write_whole
from bench.report.page.choice import Chosen, choose_images, choose_rows
from bench.report.page.decoded import DecodedPictures
from bench.report.page.origins import bench_command
from bench.results import Row

_METHOD, _EFFORT = 2, 40  # a fifth of a second for a picture of Kodak; more gains 2 %
_BYTES_A_PIXEL = 1.1  # for an estimate


@dataclass(frozen=True)
class Album:
    """Pictures, as the page takes them.

    Args:
        pages: for each image its name, `why` it is there, `original` and `decoded` (codec, quality, src).
        missing: for each codec that lacks pictures its name, the reason, and a command that makes them.
        files: that were written; empty where the pictures are in the page itself.
        size: bytes of all pictures.
    """

    pages: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    files: tuple[Path, ...] = ()
    size: int = 0


class _Writer:
    """Pictures in files, or as data URIs. A picture that is there twice is kept once, and a file that an
    earlier report left is taken as it is: its name says which samples are in it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._sources: dict[str, str] = {}
        self.files: list[Path] = []
        self.size = 0

    def add(self, picture: RGB) -> str:
        """What an <img> takes as its source."""
        key = hashlib.sha256(str(picture.shape).encode() + picture.tobytes()).hexdigest()[:24]
        if key not in self._sources:
            self._sources[key] = self._in_page(picture) if self._folder is None else self._file(picture, key)
        return self._sources[key]

    def _in_page(self, picture: RGB) -> str:
        content = _webp(picture)
        self.size += len(content)
        return "data:image/webp;base64," + base64.b64encode(content).decode()

    def _file(self, picture: RGB, key: str) -> str:
        assert self._folder is not None
        path = self._folder / f"{key}.webp"
        if not path.is_file():
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, _webp(picture))
        self.files.append(path)
        self.size += path.stat().st_size
        return f"{self._folder.name}/{path.name}"


def album(
    comparison: Comparison,
    sources: Mapping[str, Source],
    results: Path,
    originals: Mapping[str, Path],
    count: int | None,
    folder: Path | None,
    say: Callable[[str], None] = lambda text: None,
) -> Album:
    """Gather pictures of some images of a comparison.

    Args:
        sources: of the curves, by label.
        results: the folder with kept pictures and bitstreams.
        originals: paths by the SHA-256 of the image's file.
        count: of images; None: all.
        folder: to write pictures to; None: they are to be part of the page.
        say: gets a line on how large it will be, before the work is done.
    """
    measured = {label: source for label, source in sources.items() if source.contents}
    if count == 0:
        return Album()
    decoded = DecodedPictures(results)
    writer = _Writer(folder)
    try:
        kept = _kept(comparison, measured, originals, decoded)
        plan = [(chosen, choose_rows(kept[chosen.image])) for chosen in _chosen(comparison, kept, count)]
        say(_announcement(comparison.dataset, plan))
        reasons: dict[str, str] = {}
        pages = [_page(chosen, rows, measured, originals, decoded, writer, reasons) for chosen, rows in plan]
    finally:
        decoded.close()
    for label in measured:
        if not any(label in images for images in kept.values()):
            reasons.setdefault(label, _why_none(measured[label], originals))
    missing = [
        {"codec": label, "reason": reason, "command": _command(measured[label], comparison.dataset)}
        for label, reason in reasons.items()
    ]
    return Album([page for page in pages if page], missing, tuple(writer.files), writer.size)


def _kept(
    comparison: Comparison,
    sources: Mapping[str, Source],
    originals: Mapping[str, Path],
    decoded: DecodedPictures,
) -> dict[str, dict[str, list[Row]]]:
    """Rows that may have a picture and an original, by image and codec's label."""
    kept: dict[str, dict[str, list[Row]]] = {}
    for curve in comparison.curves:
        if curve.codec not in sources:
            continue
        cells = {(cell.image, cell.quality) for cell in curve.cells}
        for row in sources[curve.codec].rows:
            if (row.image_sha256, row.quality) not in cells or row.image_sha256 not in originals:
                continue
            if decoded.holds(row):
                kept.setdefault(row.image, {}).setdefault(curve.codec, []).append(row)
    return kept


def _chosen(
    comparison: Comparison, kept: Mapping[str, Mapping[str, Sequence[Row]]], count: int | None
) -> list[Chosen]:
    """Of the images of which most codecs have pictures."""
    most = max((len(codecs) for codecs in kept.values()), default=0)
    candidates = [image for image, codecs in sorted(kept.items()) if len(codecs) == most]
    first = comparison.deltas[0]
    ranked = [delta.image for delta in first.ranked if delta.image in candidates]
    return choose_images(ranked, [image for image in candidates if image not in ranked], count)


def _announcement(dataset: str, plan: Sequence[tuple[Chosen, Sequence[Row]]]) -> str:
    if not plan:
        return f"{dataset}: no decoded pictures are at hand for the viewer"
    pixels = sum(row.width * row.height for _, rows in plan for row in (*rows, *rows[:1]))
    pictures = sum(len(rows) + 1 for _, rows in plan)
    images = "1 image" if len(plan) == 1 else f"{len(plan)} images"
    megabytes = _BYTES_A_PIXEL * pixels / 1e6
    return f"{dataset}: the viewer gets {pictures} pictures of {images}, about {megabytes:.0f} MB"


def _page(
    chosen: Chosen,
    rows: Sequence[Row],
    sources: Mapping[str, Source],
    originals: Mapping[str, Path],
    decoded: DecodedPictures,
    writer: _Writer,
    reasons: dict[str, str],
) -> dict[str, Any] | None:
    """One image for the viewer; None where it has no picture. Reasons for what is missing are added."""
    labels = {row.codec: label for label, source in sources.items() for row in source.rows[:1]}
    shown = []
    for row in rows:
        picture = decoded.picture(row)
        if isinstance(picture, str):
            reasons.setdefault(labels[row.codec], picture)
        else:
            shown.append({"codec": labels[row.codec], "quality": row.quality, "src": writer.add(picture)})
    if not shown:
        return None
    try:
        original = read_rgb(originals[rows[0].image_sha256])
    except BenchError:
        return None
    return {
        "image": chosen.image,
        "why": chosen.why,
        "width": rows[0].width,
        "height": rows[0].height,
        "original": writer.add(original),
        "decoded": shown,
    }


def _webp(picture: RGB) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", lossless=True, method=_METHOD, quality=_EFFORT)
    return buffer.getvalue()


def _why_none(source: Source, originals: Mapping[str, Path]) -> str:
    if not any(row.image_sha256 in originals for row in source.rows):
        return "the original pictures aren't at hand; name their folder by --data"
    return "neither its pictures nor its bitstreams were kept"


def _command(source: Source, dataset: str) -> str:
    codec = source.rows[0].codec
    return bench_command("run", "--codec", codec, "--dataset", dataset, "--keep", "--resume", "all")
