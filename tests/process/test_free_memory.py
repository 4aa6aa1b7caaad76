"""Memory that is free for a process in cgroups of both versions, by files such as the kernel shows."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from bench.process import limits
from bench.process.free_memory import free_memory

MB = 1 << 20
NO_LIMIT = 9223372036854771712  # as version 1 writes it


@pytest.fixture(autouse=True)
def much(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 256 GB free."""

    class Memory:
        available = 256_000 * MB

    monkeypatch.setattr(psutil, "virtual_memory", Memory)


def write(root: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


def test_a_job_of_slurm_under_version_2_has_what_its_job_has(tmp_path: Path) -> None:
    job = "sys/fs/cgroup/system.slice/slurmstepd.scope/job_7"
    root = write(tmp_path, {
        "proc/self/cgroup": "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0",
        f"{job}/memory.max": 4000 * MB, f"{job}/memory.current": 1500 * MB,
        f"{job}/memory.stat": f"anon 1\ninactive_file {500 * MB}\nactive_file 9",
        f"{job}/step_0/memory.max": "max", f"{job}/step_0/memory.current": 1400 * MB,
    })  # fmt: skip
    assert free_memory(root) == 3000 * MB


def test_a_job_under_version_1_has_what_the_narrowest_group_leaves(tmp_path: Path) -> None:
    memory = "sys/fs/cgroup/memory"
    root = write(tmp_path, {
        "proc/self/cgroup": "9:cpu,cpuacct:/slurm\n4:memory:/slurm/uid_0/job_3\n0::/",
        f"{memory}/memory.limit_in_bytes": NO_LIMIT, f"{memory}/memory.usage_in_bytes": 90_000 * MB,
        f"{memory}/slurm/uid_0/memory.limit_in_bytes": 9000 * MB,
        f"{memory}/slurm/uid_0/memory.usage_in_bytes": 7000 * MB,
        f"{memory}/slurm/uid_0/job_3/memory.limit_in_bytes": 4000 * MB,
        f"{memory}/slurm/uid_0/job_3/memory.usage_in_bytes": 1000 * MB,
        f"{memory}/slurm/uid_0/job_3/memory.stat": f"cache 5\ntotal_inactive_file {100 * MB}",
    })  # fmt: skip
    assert free_memory(root) == 2000 * MB


@pytest.mark.parametrize(
    ("groups", "folder", "names"),
    [
        ("0::/", "sys/fs/cgroup", ("memory.max", "memory.current")),
        ("4:memory:/docker/12ab\n0::/docker/12ab", "sys/fs/cgroup/memory",
         ("memory.limit_in_bytes", "memory.usage_in_bytes")),
        ("0::/../../kubepods/pod1", "sys/fs/cgroup", ("memory.max", "memory.current")),
        ("0::/user.slice", "sys/fs/cgroup/unified", ("memory.max", "memory.current")),
    ],
)  # fmt: skip
def test_a_container_that_sees_itself_as_the_root(
    tmp_path: Path, groups: str, folder: str, names: tuple[str, str]
) -> None:
    limit, usage = names
    files = {f"{folder}/{limit}": 2000 * MB, f"{folder}/{usage}": 2100 * MB}
    assert free_memory(write(tmp_path, {"proc/self/cgroup": groups} | files)) == 0
    write(tmp_path, {f"{folder}/{usage}": 500 * MB})
    assert free_memory(tmp_path) == 1500 * MB


@pytest.mark.parametrize("groups", ["", "0::/", "4:memory:/", "7:cpu:/a\n0::/user.slice/session-1.scope"])
def test_without_a_limit_it_is_the_machines(tmp_path: Path, groups: str) -> None:
    assert free_memory(write(tmp_path, {"proc/self/cgroup": groups})) == 256_000 * MB
    assert free_memory(tmp_path / "no-linux") == 256_000 * MB


def test_jobs_share_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "free_memory", lambda: 4000 * MB)
    assert limits.fair_share(4) == 900 * MB
