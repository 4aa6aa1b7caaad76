"""Worker processes: what they are started with, and how they end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from bench.process import Limits, Worker, WorkerError


@contextmanager
def started(role: str = "encode", codec: str = "jpeg", threads: int = 1) -> Iterator[Worker]:
    worker = Worker(role, codec, Limits(), threads)
    try:
        worker.start()
        yield worker
    finally:
        worker.close()


def environment_of(worker: Worker) -> dict[str, str]:
    return psutil.Process(worker.pid).environ()


def test_threads_that_wait_do_not_spin_unless_the_user_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with started(threads=2) as worker:
        environment = environment_of(worker)
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE" and environment["OMP_NUM_THREADS"] == "2"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with started() as worker:
        assert environment_of(worker)["OMP_WAIT_POLICY"] == "ACTIVE"


def test_metrics_get_the_threads_but_numpys_products_get_one() -> None:
    with started("score", "psnr", threads=2) as worker:
        environment = environment_of(worker)
    assert (environment["OMP_NUM_THREADS"], environment["OPENBLAS_NUM_THREADS"]) == ("2", "1")
    with started(threads=2) as worker:
        assert environment_of(worker)["OPENBLAS_NUM_THREADS"] == "2"  # a codec has what was asked for


def test_the_environment_tells_no_place_of_the_runner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_DATA", "/data")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.png").touch()
    monkeypatch.setenv("PICTURES", f"{tmp_path}/photos/")
    monkeypatch.setenv("RESULTS", f"{tmp_path}/results")
    monkeypatch.setenv("PROGRAMS", f"{tmp_path}/photos/bin")
    hidden = [tmp_path / "photos/1.png", tmp_path / "results"]
    worker = Worker("encode", "jpeg", Limits(), 1, hidden=hidden)
    try:
        worker.start()
        environment = environment_of(worker)
    finally:
        worker.close()
    assert environment["PWD"] == environment["TMPDIR"] != os.getcwd()
    assert not {"BENCH_DATA", "PICTURES", "RESULTS", "OLDPWD", "_"} & environment.keys()
    assert environment["PROGRAMS"] == f"{tmp_path}/photos/bin"


def test_without_namespaces_the_rest_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.process.worker._can_isolate", False)
    with started() as worker:
        held = worker.loaded["confined"]
        pid = worker.pid
        assert psutil.Process(pid).parent().name() == psutil.Process(pid).name()  # its guard
    assert "namespaces" not in held and held.endswith(":read,write")
    assert not psutil.pid_exists(pid)


def test_who_may_make_namespaces_but_not_use_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in Ubuntu 24.04, where they can be made, but no user may be mapped into them."""
    (tmp_path / "sitecustomize.py").write_text(
        "import bench.process.namespaces as namespaces\n"
        "def enter(): raise namespaces.NotMapped\n"
        "namespaces.enter = enter\n"
    )
    monkeypatch.setattr("bench.process.worker._can_isolate", True)
    monkeypatch.syspath_prepend(tmp_path)
    with started() as worker:
        assert "namespaces" not in worker.loaded["confined"]


def test_the_scorer_has_limits_too(tmp_path: Path) -> None:
    Image.new("RGB", (6000, 6000)).save(tmp_path / "large.png")
    scorer = Worker("score", "psnr", Limits(memory=200 << 20), 1)
    try:
        scorer.start()
        with pytest.raises(WorkerError, match=r"^it took over 200 MiB of memory$"):
            scorer.ask("read", path=str(tmp_path / "large.png"))
    finally:
        scorer.close()


def test_a_yaml_codec_in_the_home_folder_works_without_the_rest_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text(
        "qualities: [1, 2]\nencode: ./encoder {input} {output} {quality}\ndecode: cp {input} {output}\n"
    )
    (tmp_path / "encoder").write_text('#!/bin/sh\ncat "$HOME/diary" > /dev/null 2>&1 && exit 7\ncp $1 $2\n')
    (tmp_path / "encoder").chmod(0o755)
    (tmp_path / "diary").touch()
    with started(codec=str(tmp_path / "mine.yaml")) as worker:
        if "landlock" not in worker.loaded["confined"]:
            pytest.skip("this kernel has no Landlock")
        picture = np.zeros((4, 4, 3), np.uint8)
        stream = worker.ask("encode", picture.tobytes(), shape=picture.shape, quality=1, repeats=1).payload
    assert stream.startswith(b"\x89PNG")
