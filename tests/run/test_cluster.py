"""A run on workers: real processes, which are killed and stopped while they work."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image
from shell import BENCH, bench, results_of, without_data
from slow_codec import Slow, install
from tiny import photo

from bench.results import Row

pytest.importorskip("distributed")

IMAGES, QUALITIES = 4, 4
Figures = list[tuple[object, ...]]  # of each cell: image, quality, hashes of bitstream and picture
MARK = "BENCH_TEST_CLUSTER"  # in the environment of all processes of a test


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(IMAGES):
        Image.fromarray(photo(64, 80, seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which there is the codec that sleeps."""
    return install(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def expected() -> Figures:
    """The figures of each cell, as the codec gives them without any run."""
    codec, cells = Slow(), []
    for seed in range(IMAGES):
        for quality in codec.qualities:
            stream = codec.encode(photo(64, 80, seed), quality)
            hashes = (hashlib.sha256(part).hexdigest() for part in (stream, codec.decode(stream).tobytes()))
            cells.append((f"{seed}.png", quality, *hashes))
    return cells


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark of the processes of a test; at its end none is left."""
    mark = secrets.token_hex(8)
    yield mark
    left = marked(mark)
    for process in left:
        process.kill()
    assert left == []


class Cluster:
    """A scheduler and workers, as users start them."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.file = folder / "scheduler.json"
        self._environment = without_data() | environment
        command = ("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        self.scheduler = self.start(*command, "--no-dashboard", "--scheduler-file", self.file)
        wait_until(self.file.is_file)
        self.workers = [self.worker(), self.worker()]

    def worker(self, **more: str) -> subprocess.Popen[bytes]:
        return self.start("-m", "bench.cli", "worker", self.file, **more)

    def start(self, *command: object, **more: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, *map(str, command)]
        return subprocess.Popen(words, env=self._environment | more, stderr=subprocess.PIPE)


@pytest.fixture
def cluster(tmp_path: Path, plugin: dict[str, str], mark: str) -> Iterator[Cluster]:
    made = Cluster(tmp_path, plugin | {MARK: mark, "SLOW_S": "0.3"})
    yield made
    for process in (made.scheduler, *made.workers):
        process.kill()
        process.communicate(timeout=20)


def arguments(pictures: Path, results: Path, *options: object) -> list[object]:
    common = ["--dataset", pictures, "--metric", "psnr", "--results", results]
    return ["run", "--codec", "slow", *common, *options]


def start(pictures: Path, results: Path, *options: object, **environment: str) -> subprocess.Popen[str]:
    command = [*BENCH, *map(str, arguments(pictures, results, *options))]
    return subprocess.Popen(command, env=without_data() | environment, stderr=subprocess.PIPE, text=True)


def rows(results: Path) -> list[Row]:
    return list(results_of(results, "slow").rows.values())


def figures(measured: list[Row]) -> Figures:
    return [(row.image, row.quality, row.bitstream_sha256, row.decoded_sha256) for row in measured]


def count(results: Path) -> int:
    """Of rows so far, by their lines; no line is cut off."""
    lines = [line for path in results.glob("*/slow.jsonl") for line in path.read_bytes().splitlines(True)]
    assert all(line.endswith(b"}\n") for line in lines)
    return sum(b'"kind": "row"' in line for line in lines)


def marked(mark: str, word: str = "") -> list[psutil.Process]:
    """Processes that live, of a test's own, with this word in their command."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
            if ours and (not word or word in process.cmdline()):
                found.append(process)
        except psutil.Error:  # it has ended meanwhile, too
            continue
    return found


def codecs_of(mark: str) -> list[psutil.Process]:
    return marked(mark, "bench.process.child")


def workers_of(mark: str) -> list[psutil.Process]:
    return marked(mark, "worker")


def wait_until(is_so: Callable[[], object], longest: float = 60) -> None:
    deadline = time.monotonic() + longest
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def test_workers_that_die_and_hang_lose_nothing(
    pictures: Path, plugin: dict[str, str], expected: Figures, tmp_path: Path, mark: str
) -> None:
    environment = {MARK: mark, "SLOW_S": "0.4", "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "2s"}
    run = start(pictures, tmp_path, "--cluster", "local:2", **plugin | environment)
    wait_until(lambda: count(tmp_path) >= 3)
    one, other = workers_of(mark)
    one.kill()
    other.suspend()
    _, printed = run.communicate(timeout=120)
    assert run.returncode == 0 and "Traceback" not in printed, printed
    lost = re.findall(r"(tls://\S+) was lost; \S+ at quality \d+ goes to another worker", printed)
    assert len(set(lost)) == 2, printed
    assert figures(rows(tmp_path)) == expected
    assert count(tmp_path) == IMAGES * QUALITIES  # nothing twice
    setups = results_of(tmp_path, "slow").setups.values()
    assert {setup.run["jobs"] for setup in setups} == {2}
    (node,) = {setup.machine["node"] for setup in setups}
    assert os.uname().nodename not in node


def test_a_cluster_outlives_clients_and_refuses_two_versions(
    pictures: Path,
    expected: Figures,
    cluster: Cluster,
    plugin: dict[str, str],
    tmp_path: Path,
    mark: str,
) -> None:
    results = tmp_path / "results"
    # A client that is stopped, and one that is killed: workers end what they did for it, and are there for
    # the next one, which goes on where they stopped.
    for number, most in ((signal.SIGINT, 2), (signal.SIGKILL, 6)):
        run = start(pictures, results, "--cluster", cluster.file, **plugin)
        wait_until(lambda most=most: count(results) >= most)  # type: ignore[misc]
        assert codecs_of(mark)
        run.send_signal(number)
        _, printed = run.communicate(timeout=30)
        if number == signal.SIGINT:
            assert run.returncode == 130 and "measured and kept" in printed, printed
        wait_until(lambda: not codecs_of(mark), longest=15)
        assert len(workers_of(mark)) == 2
    assert 6 <= count(results) < IMAGES * QUALITIES
    # Another version of the codec.
    other = cluster.worker(SLOW_VERSION="2")
    assert other.stderr is not None and b"works for" in other.stderr.readline()
    done = bench(*arguments(pictures, results, "--cluster", cluster.file), **plugin)
    assert done.returncode == 2 and "slow has 2 versions among the workers" in done.stderr, done.stderr
    assert done.stderr.count("tcp://127.0.0.1") == 3
    other.terminate()
    other.communicate(timeout=20)
    # A scheduler that dies.
    before = count(results)
    run = start(pictures, results, "--cluster", cluster.file, **plugin)
    wait_until(lambda: count(results) > before)
    cluster.scheduler.kill()
    _, printed = run.communicate(timeout=60)
    assert run.returncode == 2 and printed.count("bench: ") == 1, printed
    assert "the scheduler is gone; what was measured is kept" in printed
    assert set(figures(rows(results))) < set(expected)
    assert count(results) == len(rows(results))  # nothing twice
    for worker in cluster.workers:
        assert worker.wait(timeout=30) == 0
