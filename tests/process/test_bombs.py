"""A codec that starts processes without end leaves the runner time to end them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from bench.process.descendants import Descendants
from bench.process.namespaces import most_tasks

FORKS = """
import os, signal
from bench.process import namespaces
if "pid" not in namespaces.enter():
    raise SystemExit("no namespaces")
first = os.fork()
if first == 0:
    if os.fork() == 0:
        namespaces.limit_tasks()
        started = 0
        try:
            while started < 3 * namespaces.most_tasks():
                if os.fork() == 0:
                    signal.pause()
                started += 1
        except BlockingIOError:
            pass
        print(started, flush=True)
    signal.pause()
input()
os.kill(first, signal.SIGKILL)
os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_the_kernel_holds_processes_of_a_namespace_to_a_number() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin and child.stdout and child.stderr
    line = child.stdout.readline()
    if line:
        child.stdin.write("\n")
    _, said = child.communicate()
    if "no namespaces" in said:
        pytest.skip("this kernel has no namespaces for ordinary users")
    version = tuple(map(int, os.uname().release.split(".")[:2]))
    if version < ((6, 14) if os.getuid() == 0 else (5, 14)):
        pytest.skip("this kernel can't")
    assert most_tasks() - 50 < int(line) < most_tasks()


def test_too_many_are_seen_and_killed_by_one_signal() -> None:
    """Without namespaces: those in the worker's session and group."""
    command = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1234 & done; wait"
    leader = subprocess.Popen(["sh", "-c", command], start_new_session=True)
    try:
        worker = Descendants(os.getpid(), leader.pid, "")
        process = psutil.Process(leader.pid)
        deadline = time.monotonic() + 60
        while len(children := process.children()) < 9:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert len(worker.pids(8)) == 9 and len(worker.pids(9)) == len(worker.pids(10)) == 10
        worker.kill_most()
        assert leader.wait() == -9
        assert not psutil.wait_procs(children, 60)[1]
        assert not worker.pids(0)
    finally:
        leader.kill()
        leader.wait()
