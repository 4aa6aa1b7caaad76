"""What a run says of a GPU, and does for one. The GPU is a pretended one, but for the last test."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from gpu_codec import DECODE_BYTES, ENCODE_BYTES, NAME, OnGpu
from made_up import fill
from PIL import Image
from plugins import install_codecs
from shell import bench
from tiny import photo

from bench import datasets
from bench.codecs import device
from bench.compare import compare
from bench.process import gpu_processes
from bench.report.tables import write_tables
from bench.results import Store
from bench.results.records import from_line, to_line
from bench.run.crosscheck import Crosschecks
from bench.run.measurer import Measurer


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, sides in (("a", (48, 64)), ("b", (32, 40))):
        Image.fromarray(photo(*sides)).save(folder / f"{name}.png")
    return folder


def test_shapes_are_warmed_up_and_the_gpu_is_named_with_its_memory(pictures: Path, tmp_path: Path) -> None:
    plugins = install_codecs(tmp_path / "packages", "gpu_codec", [OnGpu])
    where = ("--dataset", pictures, "--results", tmp_path / "results")
    done = bench("run", "--codec", "on-gpu", "--metric", "psnr", *where, **plugins)
    assert done.returncode == 0, done.stderr
    store = Store(tmp_path / "results")
    (name,) = store.datasets("on-gpu")
    contents = store.load(name, "on-gpu", "1")
    memory = [(row.encode_gpu_memory, row.decode_gpu_memory) for row in contents.rows.values()]
    assert memory == [(ENCODE_BYTES, DECODE_BYTES)] * 4  # two shapes at two qualities
    assert {setup.machine["device"] for setup in contents.setups.values()} == {NAME}


def test_rows_without_a_gpu_have_no_fields_for_one_and_tables_no_columns(tmp_path: Path) -> None:
    store = Store(tmp_path)
    fill(store, "cpu")
    fill(store, "other")
    fill(store, "gpu", encode_gpu_memory=7 << 20, decode_gpu_memory=9 << 20)
    for codec, there in (("cpu", False), ("gpu", True)):
        row = next(iter(store.load("set", codec).rows.values()))
        assert ("gpu_memory" in to_line(row)) == there and from_line(to_line(row)) == row
    for codecs, there in ((["gpu", "cpu"], True), (["other", "cpu"], False)):
        (comparison,) = compare(codecs, "set", tmp_path, intervals=False)
        table = write_tables(comparison, tmp_path / "tables")[0].read_text()
        assert ("| encode, GPU (MiB) | decode, GPU (MiB) |" in table) == there
        assert bool(re.search(r"^\| gpu .*\| +7 \| +9 \|", table, re.MULTILINE)) == there


# Who else computes there.


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Numbers of processes that compute on the GPU "GPU-1", of which NVML speaks."""
    numbers: list[int] = []
    nvml: Any = ModuleType("pynvml")
    nvml.NVMLError = type("NVMLError", (Exception,), {})

    def handle(uuid: str) -> str:
        if uuid != "GPU-1":
            raise nvml.NVMLError("not found")
        return uuid

    nvml.nvmlInit = lambda: None
    nvml.nvmlDeviceGetHandleByUUID = handle
    nvml.nvmlDeviceGetComputeRunningProcesses = lambda gpu: [SimpleNamespace(pid=pid) for pid in numbers]
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    gpu_processes._nvml.cache_clear()
    yield numbers
    gpu_processes._nvml.cache_clear()


@pytest.mark.parametrize(
    ("there", "others"),
    [([], 0), ([11, 21], 0), ([11, 21, 31], 1), ([11, 31, 41], 2), ([901, 902], 0), ([901, 902, 903], 1)],
    ids=["none yet", "ours", "one more", "two more", "ours as others count", "one more as others count"],
)
def test_another_process_on_the_gpu_is_seen(running: list[int], there: list[int], others: int) -> None:
    running[:] = there
    measurer: Any = object.__new__(Measurer)
    measurer._encoder, measurer._decoder = (SimpleNamespace(gpu="GPU-1", pids=[n, n + 1]) for n in (10, 20))
    assert gpu_processes.others("GPU-1", [[10, 11], [20, 21]]) == others
    assert measurer._others_on_gpu() == (others > 0)
    assert gpu_processes.others("MIG-2", [[10]]) == 0  # not known to NVML: nothing is said


def test_without_nvml_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    gpu_processes._nvml.cache_clear()
    assert gpu_processes.others("GPU-1", [[10]]) == 0
    gpu_processes._nvml.cache_clear()


# Decoding elsewhere.


def test_a_gpu_is_a_setup_of_a_crosscheck(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    loaded, store = datasets.load(str(pictures)), Store(tmp_path)
    plan = Crosschecks("ainn:tile=512", loaded, store, (1,))
    assert plan.specs["a GPU"] == "ainn:tile=512,device=cuda" and plan.specs["1 thread"] == "ainn:tile=512"
    assert "a GPU" not in Crosschecks("jpeg", loaded, store, (30,)).specs
