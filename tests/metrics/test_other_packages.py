"""Metrics that other packages compute."""

from __future__ import annotations

import json
import math
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scored import as_jpeg, score
from tiny import photo

from bench import metrics
from bench.core import torchvision_cpu
from bench.core.errors import BenchError

OPTIONAL = ("vif", "vmaf")


# VMAF gives one picture without motion less than 100, whatever its content.
@pytest.mark.parametrize(("name", "perfect"), [("vif", 1), ("vmaf", 97.43)])
def test_better_pictures_score_higher(name: str, perfect: float) -> None:
    original = photo(192, 160)
    pictures = [*(as_jpeg(original, quality) for quality in (5, 30, 90)), original]
    scores = [value for decoded in pictures if (value := score(name, original, decoded)) is not None]
    assert scores == sorted(scores) and len(set(scores)) == 4
    assert scores[-1] == pytest.approx(perfect, abs=0.01)


def test_vif_is_that_of_piq() -> None:
    original = photo(192, 160)
    decoded = as_jpeg(original, 30)
    found = score("vif", original, decoded)
    torchvision_cpu.make_importable()
    import torch
    from piq import vif_p

    x, y = (torch.tensor(p.transpose(2, 0, 1)[None] / 255, dtype=torch.float64) for p in (original, decoded))
    assert found == pytest.approx(float(vif_p(y, x)), abs=1e-9)


def test_vmaf_is_that_of_luma_by_hand(tmp_path: Path) -> None:
    original = photo(192, 160)
    original[..., 2] //= 2  # colours for which BT.601, or full range, would give another luma
    decoded = as_jpeg(original, 15)
    found = score("vmaf", original, decoded)
    # ffmpeg rounds otherwise, which costs 0.1; another matrix or range 2 or more.
    assert found == pytest.approx(vmaf_of_luma(original, decoded, tmp_path), abs=0.3)
    assert found != pytest.approx(score("vmaf", decoded, original), abs=1)  # the original comes first


def vmaf_of_luma(original: metrics.RGB, decoded: metrics.RGB, folder: Path) -> float:
    """VMAF of BT.709 luma of limited range (16 to 235), computed here and given to libvmaf as it is."""
    from imageio_ffmpeg import get_ffmpeg_exe

    command = [get_ffmpeg_exe()]
    for name, picture in (("decoded", decoded), ("original", original)):
        luma = np.round(16 + 219 / 255 * (picture @ np.array([0.2126, 0.7152, 0.0722]))).astype(np.uint8)
        (folder / name).write_bytes(luma.tobytes() + bytes([128]) * (2 * luma.size))
        size = f"{luma.shape[1]}x{luma.shape[0]}"
        command += ["-f", "rawvideo", "-pixel_format", "yuv444p", "-video_size", size, "-i", name]
    command += ["-lavfi", "libvmaf=log_fmt=json:log_path=log", "-f", "null", "-"]
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return float(json.loads((folder / "log").read_text())["pooled_metrics"]["vmaf"]["mean"])


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (None, "ffmpeg doesn't start"),
        ("#!/bin/sh\necho one >&2; echo two >&2; exit 3\n", r"libvmaf failed: one \| two"),
        ("#!/bin/sh\nexit 3\n", "libvmaf failed: 3"),
        ("#!/bin/sh\necho '{}' > log\n", "libvmaf failed: 0"),
    ],
)
def test_what_goes_wrong_in_ffmpeg_is_told(
    program: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg = tmp_path / "ffmpeg"
    if program:
        ffmpeg.write_text(program)
        ffmpeg.chmod(0o755)
    if not find_spec("imageio_ffmpeg"):
        pytest.skip("imageio-ffmpeg isn't installed")
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(ffmpeg))
    picture = photo(32, 32)
    with pytest.raises(BenchError, match=message):
        metrics.get("vmaf").against(picture)(picture)


@pytest.mark.parametrize("name", OPTIONAL)
def test_flat_pictures_have_finite_scores(name: str) -> None:
    flat = [np.full((48, 64, 3), level, np.uint8) for level in (0, 128, 255)]
    for original in (*flat, photo(48, 64)):
        for decoded in (*flat, photo(48, 64)):
            value = score(name, original, decoded)
            assert value is not None and math.isfinite(value)


@pytest.mark.parametrize("name", OPTIONAL)
def test_tiny_pictures_have_no_score_or_a_number(name: str) -> None:
    for side in (1, 7, 8, 15, 16, 40, 41):
        picture = photo(side, side + 3)
        value = score(name, picture, 255 - picture)
        assert value is None or math.isfinite(value)
        assert value is not None or side < 41
