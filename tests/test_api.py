"""What `import bench` gives: the names that are exported, and that they do what the commands do."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shell import bench as shell
from tiny import photo

import bench
from bench.results import COMMITTED

EXPORTED = [
    "BenchError", "Settings", "__version__", "bd_metric", "bd_rate", "codecs", "compare",
    "compare_at_targets", "datasets", "get_codec", "load_results", "metrics", "run",
]  # fmt: skip
QUALITIES = [20, 50, 80, 95]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed in (1, 2):
        Image.fromarray(photo(192, 192, seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def results(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    bench.run(["jpeg", "webp"], pictures, qualities=QUALITIES, results=folder, progress=False)
    return folder


def test_exported_names() -> None:
    assert sorted(bench.__all__) == EXPORTED == sorted(dir(bench))
    for name in EXPORTED:
        assert getattr(bench, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'rum'"):
        bench.rum  # noqa: B018


def test_importing_imports_nothing_heavy() -> None:
    code = "import sys, bench; print([m for m in ('numpy', 'torch', 'pandas', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("first", ["bench.run.runner", "bench.compare.bd", "bench.compare", "bench.api"])
def test_functions_that_are_called_like_folders_can_be_called_whatever_was_imported(first: str) -> None:
    code = f"import {first}, bench; print(callable(bench.run), callable(bench.compare)); " + (
        "from bench.compare import compare; from bench.codecs import Codec, Parameter, get; print(compare)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("True True\n<function compare"), done.stderr


def test_run_gives_a_row_for_each_image_and_quality_and_measures_nothing_twice(
    pictures: Path, results: Path
) -> None:
    lines = (results / pictures.name / "jpeg.jsonl").read_text()
    rows = bench.run("jpeg", pictures, qualities=QUALITIES, results=results, progress=False)
    assert (results / pictures.name / "jpeg.jsonl").read_text() == lines
    assert len(rows) == 8 and set(rows["quality"]) == set(QUALITIES)
    assert {"codec", "image", "bpp", "psnr", "ms_ssim", "encode_s", "decoded_sha256"} <= set(rows.columns)
    assert rows.attrs["failures"] == []


def test_load_results_gives_the_same_rows_as_run(pictures: Path, results: Path) -> None:
    rows = bench.run("jpeg", pictures, qualities=QUALITIES, results=results, progress=False)
    loaded = bench.load_results(pictures, "jpeg", results=results)
    assert sorted(loaded["bitstream_sha256"]) == sorted(rows["bitstream_sha256"])
    both = bench.load_results(pictures.name, results=results)
    assert set(both["codec"]) == {"jpeg", "webp"} and len(both) == 16
    with pytest.raises(bench.BenchError, match="measure them with: bench run --codec avif"):
        bench.load_results(pictures, ["avif"], results=results)


def test_compare_is_what_the_command_prints(pictures: Path, results: Path) -> None:
    comparison = bench.compare("webp", "jpeg", dataset=pictures, results=results)
    done = shell("compare", "webp", "jpeg", "--dataset", pictures, "--results", results, "--json")
    assert json.loads(done.stdout) == json.loads(json.dumps(comparison.to_dict()))
    frame = comparison.frame()
    assert list(frame["metric"]) == ["psnr", "ms_ssim"] and set(frame["codec"]) == {"webp"}
    assert comparison.figure("psnr").axes
    with pytest.raises(bench.BenchError, match="several datasets"):  # the committed ones are looked at, too
        bench.compare("webp", "jpeg", results=results, intervals=False)


def test_bd_rate_is_a_number_or_nan_with_a_reason() -> None:
    rates, qualities = [0.1, 0.2, 0.4, 0.8], [30.0, 32, 34, 36]
    assert bench.bd_rate([rate / 2 for rate in rates], qualities, rates, qualities) == pytest.approx(-50)
    assert bench.bd_metric(rates, [q + 1 for q in qualities], rates, qualities) == pytest.approx(1)
    nothing = bench.bd_rate(rates[:1], qualities[:1], rates, qualities)
    assert math.isnan(nothing) and nothing.reason


def test_a_codec_and_metrics_in_three_lines() -> None:
    image = photo(192, 200)
    codec = bench.get_codec("jpeg:chroma=444")
    decoded = codec.decode(codec.encode(image, quality=75))
    assert 30 < bench.metrics.psnr(image, decoded) < 50
    assert 0.9 < bench.metrics.ms_ssim(image, decoded) < 1
    assert bench.metrics.psnr(image, np.copy(image)) == math.inf


def test_what_can_not_be_is_a_bench_error_before_any_work(pictures: Path, tmp_path: Path) -> None:
    for wrong in (
        {"codecs": "jpge"}, {"qualities": [101]}, {"metrics": ["psnrr"]}, {"dataset": "kodack"},
        {"codecs": ["jpeg", "webpp"]},
    ):  # fmt: skip
        options = {"codecs": "jpeg", "dataset": pictures, "results": tmp_path} | wrong
        with pytest.raises(bench.BenchError):
            bench.run(**options, progress=False)
    for settings in ({"jobs": 0}, {"threads": 0}, {"timing": True, "jobs": 2}, {"resume": "some"},
                     {"timeout": 0}, {"memory": "much"}):  # fmt: skip
        with pytest.raises(bench.BenchError):
            bench.Settings(**settings)
    assert not list(tmp_path.iterdir())


def test_committed_rows_stand(tmp_path: Path, data_dir: Path) -> None:
    """A newer version of a metric that gives the same figures for photographs measures nothing anew."""
    settings = bench.Settings(resume="none")
    for codec in ("jpeg", "webp"):
        rows = bench.run(codec, "kodak", settings=settings, results=COMMITTED, data=data_dir, progress=False)
        assert len(rows) % 24 == 0 and len(rows) >= 24 * 7


def test_settings_have_the_names_and_defaults_of_the_options() -> None:
    import typer

    from bench.cli import app

    command = typer.main.get_command(app).commands["run"]
    options = {parameter.name: parameter.default for parameter in command.params}
    options["confined"] = not options.pop("unconfined")
    for name, value in vars(bench.Settings()).items():
        assert options[name] == value, name


def test_the_package_is_typed() -> None:
    assert Path(bench.__file__).with_name("py.typed").is_file()
    assert importlib.import_module("bench.api").run.__annotations__
