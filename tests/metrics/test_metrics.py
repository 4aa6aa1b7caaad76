"""Metrics against other libraries, at their edges, and as plugins."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from tiny import photo

from bench import metrics
from bench.compare.curves import MeasuredCell, curve
from bench.core import torchvision_cpu
from bench.core.errors import BenchError
from bench.metrics import registry
from bench.metrics.msssim import MsSsim, ms_ssim, msssim_db
from bench.metrics.psnr import psnr, psnr_y

OPTIONAL = ("ssimulacra2", "vif", "vmaf")


def noisy_pair(height: int, width: int, seed: int = 0) -> tuple[metrics.RGB, metrics.RGB]:
    rng = np.random.default_rng(seed)
    original = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    noise = rng.integers(-20, 21, original.shape)
    return original, np.clip(original + noise, 0, 255).astype(np.uint8)


def as_jpeg(picture: metrics.RGB, quality: int) -> metrics.RGB:
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file))


def by_pytorch_msssim(original: metrics.RGB, decoded: metrics.RGB) -> float:
    import torch
    from pytorch_msssim import ms_ssim

    x, y = (torch.tensor(p.transpose(2, 0, 1)[None].astype(np.float32)) for p in (original, decoded))
    return float(ms_ssim(x, y, data_range=255))


def score(name: str, original: metrics.RGB, decoded: metrics.RGB) -> float | None:
    try:
        metric = metrics.ready(name)
    except BenchError as error:
        pytest.skip(str(error))
    return metric.against(original)(decoded)


@pytest.mark.parametrize("seed", range(3))
def test_psnr_agrees_with_scikit_image(seed: int) -> None:
    original, decoded = noisy_pair(37, 53, seed)
    expected = peak_signal_noise_ratio(original, decoded, data_range=255)
    assert psnr(original, decoded) == pytest.approx(expected, abs=1e-10)
    luma = [picture @ np.array([0.2126, 0.7152, 0.0722]) for picture in (original, decoded)]
    expected = peak_signal_noise_ratio(*luma, data_range=255)
    assert psnr_y(original, decoded) == pytest.approx(expected, abs=1e-10)


def test_psnr_does_not_wrap_around() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == 0
    assert psnr_y(black, white) == pytest.approx(0)


def test_lossless_is_infinite() -> None:
    original, _ = noisy_pair(8, 8)
    assert psnr(original, original) == psnr_y(original, original) == math.inf
    assert msssim_db(1.0) == math.inf


@pytest.mark.parametrize(
    ("height", "width"), [(161, 161), (162, 333), (177, 161), (255, 256), (301, 163), (192, 350)]
)
def test_ms_ssim_is_that_of_pytorch_msssim(height: int, width: int) -> None:
    original = photo(height, width)
    score = MsSsim().against(original)
    for decoded in (
        *(as_jpeg(original, quality) for quality in (5, 20, 50, 95)),
        noisy_pair(height, width)[1],
        255 - original,
    ):
        expected = by_pytorch_msssim(original, decoded)
        assert ms_ssim(original, decoded) == score(decoded) == pytest.approx(expected, abs=1e-6)


def test_ms_ssim_is_that_of_pytorch_msssim_on_kodak(data_dir: Path) -> None:
    """kodim20 is flat for the most part: float32 cancels there, by 5e-5 against float64 in either, and by
    2e-5 between CPUs with and without AVX-512."""
    for name, margin in (("kodim05", 1e-6), ("kodim20", 5e-5)):
        original = np.array(Image.open(data_dir / "kodak" / f"{name}.png").convert("RGB"))
        for quality in (5, 30, 90):
            decoded = as_jpeg(original, quality)
            expected = by_pytorch_msssim(original, decoded)
            assert ms_ssim(original, decoded) == pytest.approx(expected, abs=margin)


def test_ms_ssim_of_flat_pictures_is_near_that_of_pytorch_msssim() -> None:
    """There pytorch-msssim's own float32 is 1e-4 from what exact arithmetic gives."""
    flat = np.full((176, 175, 3), 200, np.uint8)
    dotted = flat.copy()
    dotted[::7, ::5] += 1
    for original, decoded in ((flat, dotted), (dotted, flat), (flat, 255 - flat), (flat, photo(176, 175))):
        expected = by_pytorch_msssim(original, decoded)
        assert ms_ssim(original, decoded) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_of_equal_pictures_is_one_and_infinite_in_db() -> None:
    dotted = np.full((161, 161, 3), 200, np.uint8)
    dotted[::7, ::5] += 1
    for original in (photo(162, 171), dotted):
        found = MsSsim().against(original)(original.copy())
        assert found == ms_ssim(original, original) == 1 and MsSsim().in_db(found) == math.inf
        off_by_one = original.copy()
        off_by_one[80, 80, 1] ^= 1
        assert ms_ssim(original, off_by_one) != 1


@pytest.mark.parametrize(
    ("height", "width", "possible"), [(161, 161, True), (160, 400, False), (400, 160, False), (1, 1, False)]
)
def test_ms_ssim_is_absent_for_pictures_too_small(height: int, width: int, possible: bool) -> None:
    original, decoded = noisy_pair(height, width)
    assert (ms_ssim(original, decoded) is not None) == possible
    assert (MsSsim().against(original)(decoded) is not None) == possible


def test_scoring_needs_no_torch() -> None:
    code = (
        "import sys, numpy as np; from bench import metrics; x = np.zeros((200, 200, 3), np.uint8);"
        "print([metrics.ready(name).against(x)(x) for name in metrics.DEFAULT], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[inf, 1.0] False", done.stderr


def test_scales() -> None:
    assert msssim_db(0.9) == pytest.approx(10) and msssim_db(0.99) == pytest.approx(20)
    for name in metrics.names():
        metric = metrics.get(name)
        for value in (0.3, 0.95):
            assert metric.from_db(metric.in_db(value)) == pytest.approx(value)
            assert metric.from_linear(metric.linear(value)) == pytest.approx(value)


def test_both_averages() -> None:
    decibels, similarities = metrics.get("psnr"), metrics.get("ms_ssim")
    assert decibels.mean_in_db([30, 40]) == decibels.mean_in_db([30, 40], "mean-of-db") == 35
    # Errors of 1e-3 and 1e-4 of the peak have a mean of 5.5e-4.
    assert decibels.mean_in_db([30, 40], "db-of-mean") == pytest.approx(-10 * math.log10(5.5e-4))
    assert decibels.mean_in_db([math.inf, math.inf], "db-of-mean") == math.inf
    assert similarities.mean_in_db([0.9, 0.99], "mean-of-db") == pytest.approx(15)
    usual = similarities.mean_in_db([0.9, 0.99])
    assert usual == similarities.mean_in_db([0.9, 0.99], "db-of-mean") == pytest.approx(msssim_db(0.945))


def test_bits_per_pixel() -> None:
    assert metrics.bits_per_pixel(100, 20, 10) == 4.0


# Those that other packages compute


# VMAF gives one picture without motion less than 100, whatever its content.
@pytest.mark.parametrize(("name", "perfect"), [("ssimulacra2", 100), ("vif", 1), ("vmaf", 97.43)])
def test_better_pictures_score_higher(name: str, perfect: float) -> None:
    original = photo(192, 160)
    pictures = [*(as_jpeg(original, quality) for quality in (5, 30, 90)), original]
    scores = [value for decoded in pictures if (value := score(name, original, decoded)) is not None]
    assert scores == sorted(scores) and len(set(scores)) == 4
    assert scores[-1] == pytest.approx(perfect, abs=0.01)


def test_ssimulacra2_is_that_of_the_package() -> None:
    original = photo(192, 160)
    decoded = as_jpeg(original, 30)
    found = score("ssimulacra2", original, decoded)
    from ssimulacra2 import compute_ssimulacra2

    files = []
    for picture in (original, decoded):
        files.append(BytesIO())
        Image.fromarray(picture).save(files[-1], "PNG")
    assert found == compute_ssimulacra2(*files)


def test_vif_is_that_of_piq() -> None:
    original = photo(192, 160)
    decoded = as_jpeg(original, 30)
    found = score("vif", original, decoded)
    torchvision_cpu.make_importable()
    import torch
    from piq import vif_p

    x, y = (torch.tensor(p.transpose(2, 0, 1)[None] / 255, dtype=torch.float64) for p in (original, decoded))
    assert found == pytest.approx(float(vif_p(y, x)), abs=1e-4)


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


# Plugins

PLUGIN = '''
from bench.metrics import Metric

class Darkness(Metric):
    """How dark a picture is, whatever it was decoded from."""

    name, title, library = "darkness", "Darkness", "this test"

    def version(self):
        return "1"

    def against(self, original):
        return lambda decoded: 255 - float(decoded.mean())

class Needy(Darkness):
    name = "needy"

    @classmethod
    def missing(cls):
        return "it needs the dark; pip install dark"
'''


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with metrics, beside the others."""
    (tmp_path / "darkness.py").write_text(PLUGIN)
    info = tmp_path / "darkness-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: darkness\nVersion: 1.0\n")
    points = "darkness = darkness:Darkness\nneedy = darkness:Needy\nbroken = darkness:Absent\n"
    (info / "entry_points.txt").write_text(f"[codec_bench.metrics]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))
    vars(registry.REGISTRY).pop("targets", None)
    yield
    vars(registry.REGISTRY).pop("targets", None)
    registry.get.cache_clear()


def test_a_metric_of_another_package_is_found(plugin: None) -> None:
    assert {"darkness", "needy", "broken"} <= set(metrics.names())
    picture = np.full((4, 4, 3), 100, np.uint8)
    assert metrics.ready("darkness").against(picture)(picture) == 155
    assert metrics.get("needy").title == "Darkness"  # though it can't score
    with pytest.raises(BenchError, match="can't run here: it needs the dark"):
        metrics.ready("needy")
    lines = {str(line["name"]): line for line in metrics.describe()}
    assert lines["darkness"]["usable"] and not lines["needy"]["usable"] and not lines["broken"]["usable"]
    assert lines["needy"]["note"] == "it needs the dark; pip install dark"


def test_unknown_metric_names_those_that_are_near() -> None:
    with pytest.raises(BenchError, match=r"no metric 'psrn'; did you mean 'psnr'\? there are ms_ssim, psnr"):
        metrics.get("psrn")


def test_results_of_a_metric_that_is_gone_still_have_their_curves() -> None:
    cells = [MeasuredCell("a", "a.png", quality, quality, {"psnr": 30.0, "gone": 1.0}) for quality in (1, 2)]
    for point in curve("codec", cells).points:
        assert point.db == {"psnr": 30.0} and point.values["gone"] == 1.0
