"""Filters of ffmpeg that compare two pictures, by the ffmpeg that comes inside the package imageio-ffmpeg.

RGB becomes 8-bit YCbCr 4:4:4 by Recommendation ITU-R BT.709, limited range. That is said in full, as ffmpeg's
own choice of a matrix depends on the size of the picture.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from bench.core.errors import BenchError
from bench.metrics.base import RGB

LOG = "log"  # the file that a filter is to write

_TO_YUV = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv444p"
_LIMIT_S = 600


def missing(filter_name: str) -> str | None:
    """What must be installed before a filter can run here, as a sentence; None: nothing."""
    if find_spec("imageio_ffmpeg") is None:
        return "it needs imageio-ffmpeg; pip install imageio-ffmpeg"
    try:
        known = f" {filter_name} " in _filters()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return f"imageio-ffmpeg has no ffmpeg that runs here ({error})"
    if known:
        return None
    return f"imageio-ffmpeg's ffmpeg has no {filter_name} here; get a newer imageio-ffmpeg"


def package() -> str:
    """The package with its version: what decides a filter's values."""
    return f"imageio-ffmpeg {version('imageio-ffmpeg')}"


def compare(first: RGB, second: RGB, filter_text: str, frames: int = 1) -> str:
    """What a filter writes into the file `LOG` about two pictures.

    Args:
        first, second: what the filter's two inputs are given, uint8, height x width x 3.
        filter_text: the filter with its options, as in "libvmaf=log_path=log".
        frames: how often the pictures are repeated, as videos that stand still.

    Raises:
        BenchError: ffmpeg fails.
    """
    height, width = first.shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for name, picture in (("first", first), ("second", second)):
            Path(folder, name).write_bytes(picture.tobytes() * frames)
            sources += ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"]
            sources += ["-i", name]
        graph = f"[0:v]{_TO_YUV}[first];[1:v]{_TO_YUV}[second];[first][second]{filter_text}"
        quietly = ("-hide_banner", "-loglevel", "error")
        command = [_ffmpeg(), *quietly, *sources, "-lavfi", graph, "-f", "null", "-"]
        name = filter_text.partition("=")[0]
        try:
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"{name} took over {_LIMIT_S} s") from None
        except OSError as error:
            raise BenchError(f"imageio-ffmpeg's ffmpeg doesn't start ({error.strerror})") from None
        log = Path(folder, LOG)
        if done.returncode or not log.is_file():
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise BenchError(f"{name} failed: {' | '.join(lines[-3:]) or f'exit code {done.returncode}'}")
        return log.read_text()


@functools.cache
def _filters() -> str:
    command = [_ffmpeg(), "-hide_banner", "-filters"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())
