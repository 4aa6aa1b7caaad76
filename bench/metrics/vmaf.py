"""VMAF (Netflix), by libvmaf in the ffmpeg that comes inside the package imageio-ffmpeg."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from bench.core.errors import BenchError
from bench.metrics.base import RGB, Metric, Score

MIN_SIDE = 17  # with less, libvmaf crashes
_LIMIT_S = 600

# VMAF is of limited-range luma; its model was made of videos in BT.709. Said in full, as ffmpeg's own
# choice of a matrix depends on the size of the picture.
_TO_YUV = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv444p"


class Vmaf(Metric):
    """0 to 100, about 97 for an equal picture, which is taken for a video of one frame; model vmaf_v0.6.1.

    RGB becomes 8-bit YUV 4:4:4 by BT.709, limited range; the model looks at Y only.
    """

    name = "vmaf"
    title = "VMAF"
    library = "libvmaf (vmaf_v0.6.1) in imageio-ffmpeg's ffmpeg; luma by BT.709, limited range"

    @classmethod
    def missing(cls) -> str | None:
        if find_spec("imageio_ffmpeg") is None:
            return "it needs imageio-ffmpeg; pip install imageio-ffmpeg"
        try:
            known = "libvmaf" in _filters()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            return f"imageio-ffmpeg has no ffmpeg that runs here ({error})"
        return None if known else "imageio-ffmpeg's ffmpeg has no libvmaf here; get a newer imageio-ffmpeg"

    def version(self) -> str:
        return f"vmaf_v0.6.1, imageio-ffmpeg {version('imageio-ffmpeg')}"

    def against(self, original: RGB) -> Score:
        def score(decoded: RGB) -> float | None:
            return None if min(original.shape[:2]) < MIN_SIDE else _vmaf(original, decoded)

        return score


def _vmaf(original: RGB, decoded: RGB) -> float:
    height, width = original.shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        sources = []
        for name, picture in (("decoded", decoded), ("original", original)):
            Path(folder, name).write_bytes(picture.tobytes())
            sources += ["-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{width}x{height}"]
            sources += ["-i", name]
        graph = (
            f"[0:v]{_TO_YUV}[decoded];[1:v]{_TO_YUV}[original];"
            "[decoded][original]libvmaf=model=version=vmaf_v0.6.1:log_fmt=json:log_path=log"
        )
        quietly = ("-hide_banner", "-loglevel", "error")
        command = [_ffmpeg(), *quietly, *sources, "-lavfi", graph, "-f", "null", "-"]
        try:
            done = subprocess.run(
                command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S
            )
        except subprocess.TimeoutExpired:
            raise BenchError(f"libvmaf took over {_LIMIT_S} s") from None
        except OSError as error:
            raise BenchError(f"imageio-ffmpeg's ffmpeg doesn't start ({error.strerror})") from None
        try:
            return float(json.loads(Path(folder, "log").read_text())["pooled_metrics"]["vmaf"]["mean"])
        except (OSError, ValueError, KeyError):
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise BenchError(f"libvmaf failed: {' | '.join(said[-3:]) or done.returncode}") from None


@functools.cache
def _filters() -> str:
    command = [_ffmpeg(), "-hide_banner", "-filters"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def _ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())
