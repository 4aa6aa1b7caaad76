"""SSIMULACRA 2 (Sneyers 2022, Cloudinary), by the package ssimulacra2."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO

from bench.metrics.base import RGB, Metric, Score

MIN_SIDE = 8  # of its coarsest scale that is not empty


class Ssimulacra2(Metric):
    """100 for equal pictures, 90 where no difference is seen, 70 high quality, below 0 for the worst."""

    name = "ssimulacra2"
    title = "SSIMULACRA 2"
    library = "ssimulacra2"

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec("ssimulacra2") else "it needs ssimulacra2; pip install ssimulacra2"

    def version(self) -> str:
        return f"ssimulacra2 {version('ssimulacra2')}"

    def against(self, original: RGB) -> Score:
        from ssimulacra2 import compute_ssimulacra2

        def score(decoded: RGB) -> float | None:
            if min(original.shape[:2]) < MIN_SIDE:
                return None
            return float(compute_ssimulacra2(_file(original), _file(decoded)))

        return score


def _file(picture: RGB) -> BytesIO:
    """The package reads files only."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(picture).save(file, "BMP")
    file.seek(0)
    return file
