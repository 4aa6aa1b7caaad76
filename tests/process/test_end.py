"""Nothing stays behind, and nobody waits for ever: runs that are killed, codecs that can't start."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from cheating_codecs import Run
from shell import BENCH, results_of, without_data

from bench.process import Limits, Worker, folders

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def temporary(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A folder of temporary files that nobody else has."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment["TMPDIR"] = str(folder)
    return folder


@pytest.fixture
def start(picture: Path, environment: dict[str, str], temporary: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `bench run` of a codec."""
    started: list[subprocess.Popen[bytes]] = []

    def start(codec: str) -> subprocess.Popen[bytes]:
        command = [*BENCH, "run", "--codec", codec, "--dataset", picture, "--results", tmp_path / "r"]
        run = subprocess.Popen(command, env=without_data() | environment, stderr=subprocess.DEVNULL)
        started.append(run)
        return run

    yield start
    for run in started:
        run.kill()
        run.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_codec_stuck_in_c_ends_with_its_runner(
    start: Start, temporary: Path, number: signal.Signals
) -> None:
    """It holds Python's lock for ten minutes, so no thread of its own process can end it."""
    run = start("stuck-in-c")
    wait_for(lambda: list(temporary.glob("bench-*/work/stuck")))
    processes = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(number)
    run.wait()
    wait_for(lambda: not any(process.is_running() for process in processes))
    wait_for(lambda: not list(temporary.glob("bench-*")))


def test_a_guard_that_is_killed_takes_its_worker_along(start: Start, temporary: Path, tmp_path: Path) -> None:
    run = start("stuck-in-c")
    wait_for(lambda: list(temporary.glob("bench-*/work/stuck")))
    (guard,) = [process for process in psutil.Process(run.pid).children() if "encode" in process.cmdline()]
    processes = guard.children(recursive=True)
    assert processes
    guard.kill()
    wait_for(lambda: not any(process.is_running() for process in processes))
    run.wait()
    (failure,) = results_of(tmp_path / "r", "stuck-in-c").failures.values()
    assert failure.quality == 2 and failure.reason == "its process was killed by signal 9"


def test_folders_of_killed_runs_go_with_the_next_start(temporary: Path, run: Run) -> None:
    """Even where the guard couldn't remove them, as when the machine went down."""
    dead, foreign = temporary / "bench-0123456789abcdef", temporary / "bench-of-another"
    (dead / "work").mkdir(parents=True)
    (dead / "lock").touch()
    foreign.mkdir()
    assert run("by-times", "--quality", 1).returncode == 0
    assert not dead.exists() and foreign.exists()
    assert [path.name for path in temporary.glob("bench-*")] == [foreign.name]


def test_folders_of_others_that_go_on_stay() -> None:
    folder = folders.Folder()
    try:
        folders.sweep(folder.path.parent)
        assert folder.work.is_dir()
    finally:
        folder.remove()
    assert not folder.path.exists()


def test_a_warm_up_that_hangs_obeys_the_limit_and_is_not_tried_for_ever(run: Run, tmp_path: Path) -> None:
    done = run("hangs-at-first", "--timeout", 2)
    failures = results_of(tmp_path / "results", "hangs-at-first").failures.values()
    reasons = [failure.reason for failure in failures]
    hung = "its process doesn't start: in its warm-up it took over 2 s (--timeout)"
    assert done.returncode == 1 and reasons == [
        hung, hung, hung.replace("doesn't start", "isn't started again")
    ]  # fmt: skip


def test_what_a_program_leaves_running_ends_with_the_cell(tmp_path: Path) -> None:
    within = "unshare -U -p -f sleep 1234"  # in a namespace of its own, where the kernel lets it
    leave = f"sleep 1234 & setsid sleep 1234 & {within} & sleep 0.3; cp $0 $1"
    (tmp_path / "leaves.yaml").write_text(
        "summary: leaves programs running\nqualities: [1, 2]\n"
        f"encode: [[sh, -c, '{leave}', '{{input}}', '{{output}}', '{{quality}}']]\n"
        "decode: cp {input} {output}\n"
    )
    worker = Worker("encode", str(tmp_path / "leaves.yaml"), Limits(), 1)
    try:
        worker.start()
        if "pid" not in worker.loaded["confined"]:
            pytest.skip("this kernel has no namespaces for ordinary users")
        guard = psutil.Process(worker.pid).parent()
        before = set(guard.children(recursive=True))
        assert len([process for process in before if "1234" in process.cmdline()]) in (2, 4)  # of the warm-up
        members, number = worker._processes, len(worker.pids)
        assert number > 2 and len(members.pids(number)) == number  # in namespaces of theirs, too
        assert len(members.pids(number - 2)) == number - 1
        wait_for(
            lambda: all(process.status() == "stopped" for process in before if process.ppid() != guard.pid)
        )
        worker.ask("encode", bytes(12), shape=(2, 2, 3), quality=1, repeats=1)
        assert set(guard.children(recursive=True)) == before
    finally:
        worker.close()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
