"""What `import bench.metrics` offers, and what its docstrings say."""

from __future__ import annotations

import doctest
import math
import pkgutil
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from scored import noisy_pair
from tiny import photo

from bench import metrics
from bench.core.errors import BenchError


@pytest.mark.parametrize(
    "module", ["bench.metrics", *(f"bench.metrics.{m.name}" for m in pkgutil.iter_modules(metrics.__path__))]
)
def test_examples_in_docstrings_run(module: str) -> None:
    assert doctest.testmod(import_module(module)).failed == 0


def test_functions_are_there_whatever_was_imported_before() -> None:
    original, decoded = noisy_pair(170, 180)
    for name in metrics.names():
        metrics.get(name)
    assert metrics.psnr(original, decoded) == metrics.score("psnr", original, decoded)
    assert metrics.psnr_y(original, decoded) == metrics.score("psnr_y", original, decoded)
    assert metrics.ms_ssim(original, decoded) == metrics.score("ms_ssim", original, decoded)
    with pytest.raises(AttributeError, match="no attribute 'pnsr'"):
        metrics.pnsr  # noqa: B018


def test_import_is_light() -> None:
    code = (
        "import sys; from bench import metrics; metrics.names(), metrics.bits_per_pixel(1, 1, 1);"
        "print([name for name in ('numpy', 'torch', 'scipy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_scoring_by_default_needs_no_torch() -> None:
    code = (
        "import sys, numpy as np; from bench import metrics; x = np.zeros((200, 200, 3), np.uint8);"
        "print([metrics.ready(name).against(x)(x) for name in metrics.DEFAULT], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[inf, 1.0] False", done.stderr


@pytest.mark.parametrize("measure", [metrics.psnr, metrics.psnr_y, metrics.ms_ssim])
def test_what_is_no_pair_of_pictures_is_refused(measure: object) -> None:
    assert callable(measure)
    picture = photo(176, 180)
    for wrong, message in (
        (picture / 255, r"uint8 arrays \(height, width, 3\), not float64 \(176, 180, 3\)"),
        (picture[..., 0], r"not uint8 \(176, 180\)"),
        (picture[:1, :1], "two pictures of one size, not 180x176 and 1x1"),
        (None, "not NoneType"),
    ):
        with pytest.raises(BenchError, match=message):
            measure(picture, wrong)
        with pytest.raises(BenchError, match="metrics take"):
            measure(wrong, picture)
    with pytest.raises(BenchError, match="two pictures of one size"):
        metrics.score("vmaf", picture, picture[1:])


def test_scales() -> None:
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
    of_mean = -10 * math.log10(1 - 0.945)
    assert usual == similarities.mean_in_db([0.9, 0.99], "db-of-mean") == pytest.approx(of_mean)


def test_bits_per_pixel() -> None:
    assert metrics.bits_per_pixel(100, 20, 10) == 4.0


def test_pictures_of_one_value_need_no_warning() -> None:
    grey = np.full((200, 180, 3), 128, np.uint8)
    assert metrics.psnr(grey, grey) == math.inf and metrics.ms_ssim(grey, grey) == 1
