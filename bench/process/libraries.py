"""Versions of libraries that can change a figure.

A process names those that it has imported, and the runner looks up their versions: that takes longer than a
process takes to start without it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import suppress

# Modules by the distribution that they come in.
_DISTRIBUTIONS = {
    "numpy": "numpy", "scipy": "scipy", "PIL": "pillow", "torch": "torch", "compressai": "compressai",
    "skimage": "scikit-image", "imagecodecs": "imagecodecs", "pillow_heif": "pillow-heif",
    "jpeglib": "jpeglib", "pyjpegli": "pyjpegli", "piq": "piq", "flip_evaluator": "flip-evaluator",
    "pycvvdp": "cvvdp",
    "imageio_ffmpeg": "imageio-ffmpeg", "constriction": "constriction",
    "bench.codecs.range_coder": "compressai",  # its extensions, loaded alone
}  # fmt: skip


def imported() -> list[str]:
    """Distributions of which this process has imported something.

    >>> import numpy
    >>> "numpy" in imported()
    True
    """
    return list(dict.fromkeys(name for module, name in _DISTRIBUTIONS.items() if module in sys.modules))


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """The version of each distribution that is installed, by name."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for distribution in distributions:
        with suppress(PackageNotFoundError):
            found[distribution] = version(distribution)
    return found
