"""HEIC by libheif and x265 in pillow-heif, decoded by libde265."""

from __future__ import annotations

import io

import numpy as np

from bench.codecs import packages
from bench.codecs.base import RGB, Codec, CodecError
from bench.codecs.parameters import Parameter
from bench.core.errors import first_line


class Heic(Codec):
    name = "heic"
    summary = "HEIC by libheif with x265 in pillow-heif, 4:4:4, 8 bits"
    qualities = (1, 10, 20, 30, 40, 50, 60, 70)
    quality_range = (0, 100)
    parameters = {"chroma": Parameter(444, "4:4:4, 4:2:2 or 4:2:0", (444, 422, 420))}

    @classmethod
    def missing(cls) -> str | None:
        return packages.missing("pillow_heif")

    def version(self) -> str:
        import pillow_heif

        library = pillow_heif.libheif_info()
        coders = f"{library['encoders']['x265']}, {library['decoders']['libde265']}"
        return f"libheif {library['libheif']}, {coders}, {packages.version('pillow-heif')}, {self.settings()}"

    def encode(self, image: RGB, quality: float) -> bytes:
        import pillow_heif

        height, width = image.shape[:2]
        buffer = io.BytesIO()
        try:
            pillow_heif.encode(
                "RGB", (width, height), image.tobytes(), buffer,
                quality=int(quality), chroma=int(self.values["chroma"]), save_nclx_profile=False,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError) as error:
            raise CodecError(f"libheif can't encode a {width}x{height} picture ({error})") from error
        return buffer.getvalue()

    def decode(self, bitstream: bytes) -> RGB:
        import pillow_heif

        try:
            picture = np.array(pillow_heif.open_heif(io.BytesIO(bitstream), convert_hdr_to_8bit=True))
        except (OSError, ValueError, RuntimeError, SyntaxError, EOFError, IndexError, MemoryError) as error:
            raise CodecError(f"this is no whole HEIC file ({first_line(error)})") from error
        return packages.rgb(picture, "HEIC file")
