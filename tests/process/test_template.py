"""Workers are forked from templates, and are as if they had been started from nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from plugins import install_codecs

from bench.codecs.base import Codec
from bench.process import Limits, Worker, template

pytestmark = pytest.mark.skipif(not template.REUSED, reason="only on Linux templates are used twice")


class ByChance(Codec):
    """Its bitstreams are random numbers, by NumPy and by Python, and the order of a set."""

    name, summary, qualities = "by-chance", "for a test", (1.0,)

    def version(self) -> str:
        return "1"

    def encode(self, image: np.ndarray, quality: float) -> bytes:
        import random

        import numpy

        return f"{numpy.random.random()}|{random.random()}|{list({'a', 'b', 'c', 'd', 'e', 'f'})}".encode()

    def decode(self, bitstream: bytes) -> np.ndarray:
        return np.zeros((2, 2, 3), np.uint8)


@contextmanager
def started(role: str = "encode", codec: str = "jpeg") -> Iterator[Worker]:
    worker = Worker(role, codec, Limits(), 1)
    try:
        worker.start()
        yield worker
    finally:
        worker.close()


def template_of(worker: Worker) -> psutil.Process:
    guard = psutil.Process(worker.pid).parent()
    return guard.parent()


def test_who_is_compared_with_another_comes_from_another_template() -> None:
    with started("encode") as encoder, started("decode") as decoder:
        first, second = template_of(encoder), template_of(decoder)
        assert first != second
        decoder.close()
        decoder.start()  # as for a spot check
        assert template_of(decoder) == first
    with started("encode") as another:
        assert template_of(another) == first


def test_the_kernel_tells_of_a_worker_as_if_it_had_been_started_so() -> None:
    with started("encode") as one, started("encode") as other:
        for worker in (one, other):
            process = psutil.Process(worker.pid)
            environment = process.environ()
            assert environment["PWD"] == environment["TMPDIR"] == process.cwd()
            assert environment["BENCH_WORKER"] == worker._mark and not {"BENCH_ROOM"} & environment.keys()
            assert "encode" in process.cmdline() and "jpeg" in process.cmdline()
    assert "encode" not in template_of_any().cmdline()


def template_of_any() -> psutil.Process:
    with started() as worker:
        return template_of(worker)


def test_workers_of_one_template_draw_other_numbers(tmp_path: Path) -> None:
    environment = install_codecs(tmp_path, "test_template", [ByChance])
    environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent)
    script = (
        "from bench.process import Limits, Worker\n"
        "for _ in range(2):\n"
        "    worker = Worker('encode', 'by-chance', Limits(), 1)\n"
        "    worker.start()\n"
        "    reply = worker.ask('encode', bytes(12), shape=(2, 2, 3), quality=1, repeats=1)\n"
        "    print(reply.payload.decode())\n"
        "    worker.close()\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    (by_numpy, by_python, order), (*others, other_order) = (
        line.split("|") for line in done.stdout.splitlines()
    )
    assert by_numpy != others[0] and by_python != others[1]
    assert order == other_order  # of one template, which is why there are two


def test_a_template_that_was_killed_is_replaced() -> None:
    process = template_of_any()
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert template_of_any() != process


def test_templates_end_with_the_runner_and_what_workers_used_counts() -> None:
    script = (
        "import resource, psutil\n"
        "from bench.process import Limits, Worker, template\n"
        "worker = Worker('encode', 'jpeg', Limits(), 1)\n"
        "worker.start()\n"
        "used, guard = worker.cpu_seconds(), psutil.Process(worker.pid).parent()\n"
        "print(guard.ppid(), flush=True)\n"
        "worker.close()\n"
        "template.close_all()\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used, usage.ru_utime + usage.ru_stime)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    number, of_worker, of_all = done.stdout.split()
    assert not psutil.pid_exists(int(number))
    assert 0 < float(of_worker) <= float(of_all)


def test_pages_of_libraries_count_as_in_a_process_that_imported_them() -> None:
    if tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) < (5, 14):
        pytest.skip("before Linux 5.14 pages can't be mapped beforehand")
    with started("encode") as worker:
        of_template = file_pages_of_numpy(template_of(worker))
        of_worker = file_pages_of_numpy(psutil.Process(worker.pid))
    assert of_worker >= 0.9 * of_template > 1 << 20


def file_pages_of_numpy(process: psutil.Process) -> int:
    return sum(area.rss - area.anonymous for area in process.memory_maps() if "/numpy" in area.path)
