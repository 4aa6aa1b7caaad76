"""Bitstreams and decoded pictures that a run keeps, so that they can be scored again without coding."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.core.errors import BenchError
from bench.core.files import file_name_of
from bench.core.whole_file import write_whole, writing_whole
from bench.core.words import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.results import Row

Place = tuple[str, str, str, float]  # dataset, codec, image and quality


class KeptFiles(NamedTuple):
    """What is kept of a cell: the bitstream, and the picture decoded from it (uint8, as bytes)."""

    stream: bytes
    pixels: bytes
    shape: Sequence[int]  # height, width, 3


class Kept:
    """Under a folder of results: ``kept/<dataset>/<codec>/<image>@<quality>.bin`` and ``.png``."""

    def __init__(self, results: Path) -> None:
        self.folder = results / "kept"

    def save(self, place: Place, files: KeptFiles) -> None:
        """Keep the files of a cell.

        Raises:
            BenchError: the folder can't be written to.
        """
        self._write(self._path(*place), files.stream, files[1:], "make room or leave out --keep")

    def take(self, row: Row, other: Kept) -> bool:
        """Keep what another folder of results keeps of a row and this one doesn't; gives whether that is
        anything.

        Raises:
            BenchError: the folder can't be written to.
        """
        stream = None if self.stream(row) is not None else other.stream(row)
        picture = None if self.picture(row) is not None else other.picture(row)
        if stream is None and picture is None:
            return False
        path = self._path(row.dataset, row.codec, row.image, row.quality)
        self._write(path, stream, picture, "make room and merge again")
        return True

    def holds(self, row: Row) -> bool:
        """Whether a bitstream or a picture is there under the row's name; it may be another one's."""
        path = self._path(row.dataset, row.codec, row.image, row.quality)
        return any(path.with_name(path.name + suffix).is_file() for suffix in (".png", ".bin"))

    def stream(self, row: Row) -> bytes | None:
        """The bitstream of a row; None if it isn't there or isn't that row's."""
        path = self._path(row.dataset, row.codec, row.image, row.quality)
        try:
            stream = path.with_name(path.name + ".bin").read_bytes()
        except OSError:
            return None
        return stream if hashlib.sha256(stream).hexdigest() == row.bitstream_sha256 else None

    def picture(self, row: Row) -> tuple[bytes, tuple[int, int, int]] | None:
        """The decoded picture of a row, samples and shape; None if it isn't there or isn't that row's."""
        import numpy as np
        from PIL import Image

        path = self._path(row.dataset, row.codec, row.image, row.quality)
        try:
            with Image.open(path.with_name(path.name + ".png")) as picture:
                pixels = np.array(picture.convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            return None
        content = pixels.tobytes()
        if hashlib.sha256(content).hexdigest() != row.decoded_sha256:
            return None
        height, width, channels = pixels.shape
        return content, (height, width, channels)

    def _write(
        self, path: Path, stream: bytes | None, picture: tuple[bytes, Sequence[int]] | None, advice: str
    ) -> None:
        from PIL import Image

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if stream is not None:
                write_whole(path.with_name(path.name + ".bin"), stream)
            if picture is not None:
                pixels, (height, width, _) = picture
                with writing_whole(path.with_name(path.name + ".png")) as part:
                    Image.frombytes("RGB", (width, height), pixels).save(part, "PNG", compress_level=1)
        except OSError as error:
            raise BenchError(f"can't keep pictures in {path.parent} ({error.strerror}); {advice}") from error

    def _path(self, dataset: str, codec: str, image: str, quality: float) -> Path:
        name = file_name_of(f"{image}:{number_text(quality)}")
        path = self.folder / file_name_of(dataset) / file_name_of(codec) / name
        # Older ones bear names as they are.
        old = self.folder / dataset / codec / f"{image}@{quality:g}"
        return old if old.with_name(old.name + ".png").is_file() else path
