"""Metrics that other packages compute, and what holds of every metric."""

from __future__ import annotations

import json
import math
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import fftconvolve
from scored import as_jpeg, score
from tiny import photo

from bench import metrics
from bench.core.errors import BenchError

# VMAF gives one picture without motion less than 100, whatever its content.
PERFECT = {
    "ssim": 1, "ms_ssim": 1, "iw_ssim": 1, "fsim": 1, "haarpsi": 1, "vif": 1, "gmsd": 0, "nlpd": 0,
    "ciede2000": 0, "flip": 0, "cvvdp": 10, "lpips": 0, "lpips_vgg": 0, "dists": 0,
    "ssimulacra2": 100, "vmaf": 97.43, "vmaf_neg": 97.43,
}  # fmt: skip


@pytest.mark.parametrize("name", metrics.names())
def test_better_pictures_score_better(name: str) -> None:
    """In the direction that the metric says, to the end that it says."""
    picture = photo(192, 180)
    scores = [score(name, picture, as_jpeg(picture, quality)) for quality in (5, 30, 90)]
    scores.append(score(name, picture, picture.copy()))
    values = [value for value in scores if value is not None]
    assert len(set(values)) == 4
    assert values == sorted(values, reverse=not metrics.get(name).higher_is_better)
    if metrics.get(name).unit == "dB" and name != "ms_ssim":
        assert values[-1] == math.inf
    else:
        assert values[-1] == pytest.approx(PERFECT[name], abs=0.01)


@pytest.mark.parametrize("name", metrics.names())
def test_flat_pictures_have_finite_scores(name: str) -> None:
    """IW-SSIM has none where the original is flat."""
    flat = [np.full((180, 192, 3), level, np.uint8) for level in (0, 128, 255)]
    pictures = [*flat, photo(180, 192)]
    for first in pictures[:4:3]:
        for second in pictures:
            value = score(name, first, second)
            if np.array_equal(first, second):
                assert value is not None and not math.isnan(value)
            elif name in ("psnr_cb", "psnr_cr", "psnr_ycbcr") and first is not pictures[3]:
                assert value is not None and value > 0  # greys have equal chroma
            else:
                assert value is None if name == "iw_ssim" and first is not pictures[3] else value is not None
                assert value is None or math.isfinite(value)


@pytest.mark.parametrize("name", metrics.names())
def test_pictures_of_less_than_the_smallest_size_have_no_score(name: str) -> None:
    smallest = metrics.get(name).min_side
    for side in sorted({1, 7, 16, smallest - 1, smallest, smallest + 1} - {0}):
        for height, width in ((side, side + 3), (side + 30, side)):
            picture = photo(height, width)
            value = score(name, picture, 255 - picture)
            assert (value is not None) == (side >= smallest)
            assert value is None or not math.isnan(value)


@pytest.mark.parametrize("name", metrics.names())
def test_every_metric_says_what_it_is(name: str) -> None:
    line = next(line for line in metrics.describe() if line["name"] == name)
    assert line["title"] and line["by"] and str(line["summary"]).endswith(".")
    assert line["better"] in ("higher", "lower") and line["device"] in ("cpu", "cuda")
    page = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
    row = next(row for row in page.read_text("utf-8").splitlines() if row.startswith(f"| `{name}` |"))
    cells = [cell.strip() for cell in row.split("|")]
    assert line["better"] in cells and str(line["min_side"]) in cells


def vif_by_hand(original: metrics.RGB, decoded: metrics.RGB) -> float:
    """The formulas of the paper's pixel domain version, in float64."""
    x, y = (picture @ np.array([0.299, 0.587, 0.114]) for picture in (original, decoded))
    numerator = denominator = 0.0
    for scale in range(4):
        size = 2 ** (4 - scale) + 1
        steps = np.arange(size) - size // 2
        line = np.exp(-(steps**2) / (2 * (size / 5) ** 2))
        window = np.outer(line, line) / line.sum() ** 2
        if scale:
            x, y = (fftconvolve(plane, window, mode="valid")[::2, ::2] for plane in (x, y))
        mean_x, mean_y, xx, yy, xy = (
            fftconvolve(plane, window, mode="valid") for plane in (x, y, x * x, y * y, x * y)
        )
        var_x, var_y, cov = xx - mean_x**2, yy - mean_y**2, xy - mean_x * mean_y
        gain = cov / (var_x + 1e-10)
        noise = np.maximum(var_y - gain * cov, 1e-10)
        numerator += np.log2(1 + gain**2 * var_x / (noise + 2)).sum()
        denominator += np.log2(1 + var_x / 2).sum()
    return float(numerator / denominator)


def test_vif_is_that_of_the_paper() -> None:
    picture = photo(192, 160)
    for quality in (5, 30, 90):
        decoded = as_jpeg(picture, quality)
        expected = vif_by_hand(picture, decoded)
        assert score("vif", picture, decoded) == pytest.approx(expected, abs=1e-6)


def test_xpsnr_is_that_of_the_paper() -> None:
    """Of a picture between 640x480 and full HD: weights aren't smoothed there, nor samples averaged."""
    picture = photo(500, 660)
    picture[:, 300:] //= 2
    for quality in (10, 50, 90):
        decoded = as_jpeg(picture, quality)
        # ffmpeg rounds luma otherwise.
        assert score("xpsnr", picture, decoded) == pytest.approx(xpsnr_by_hand(picture, decoded), abs=0.02)


def xpsnr_by_hand(original: metrics.RGB, decoded: metrics.RGB) -> float:
    """Each block's squared error over the mean of what a high-pass leaves of the original."""
    luma = np.array([0.2126, 0.7152, 0.0722])
    x, y = (np.round(16 + 219 / 255 * (picture @ luma)) for picture in (original, decoded))
    height, width = x.shape
    share = height * width / (3840 * 2160)
    block = 4 * int(32 * math.sqrt(share) + 0.5)
    beside = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:]
    diagonal = x[:-2, :-2] + x[:-2, 2:] + x[2:, :-2] + x[2:, 2:]
    activity = np.full(x.shape, np.nan)
    activity[1:-1, 1:-1] = np.abs(12 * x[1:-1, 1:-1] - 2 * beside - diagonal)
    weighted = 0.0
    for top in range(0, height, block):
        for left in range(0, width, block):
            tile = np.s_[top : top + block, left : left + block]
            weighted += np.square(x[tile] - y[tile]).sum() / max(float(np.nanmean(activity[tile])), 4)
    weighted *= math.sqrt(16 * 2 ** (2 * 8 - 9) / math.sqrt(share))
    return 10 * math.log10(height * width * 255**2 / weighted)


def test_vmaf_neg_gives_nothing_for_contrast() -> None:
    picture = photo(192, 160)
    stretched = np.clip((picture.astype(np.int32) - 128) * 5 // 4 + 128, 0, 255).astype(np.uint8)
    plain, neg = score("vmaf", picture, stretched), score("vmaf_neg", picture, stretched)
    assert plain is not None and neg is not None and neg < plain - 1


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
        ("#!/bin/sh\nexit 3\n", "libvmaf failed: exit code 3"),
        ("#!/bin/sh\necho '{}' > log\n", "libvmaf failed: its log has no score"),
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
