"""Workers that Slurm starts, by dask-jobqueue: each is a job, and comes when Slurm has room for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
from dask_jobqueue.slurm import SLURMCluster
from distributed import Security

from bench.core.errors import BenchError


@contextmanager
def slurm_jobs(count: int) -> Iterator[SLURMCluster]:
    """A scheduler in this process and so many jobs, for as long as this lasts. What goes between them is
    encrypted, and the key lies in a folder that jobs share with this machine.

    Cores, memory, partition, walltime and the like come from the settings of dask-jobqueue
    (`jobqueue.slurm`), where they are set; without, a job has a core and 4 GB.

    Raises:
        BenchError: there is no Slurm here, or it takes no such job.
    """
    if shutil.which("sbatch") is None:
        raise BenchError("--cluster slurm:N needs Slurm's sbatch, and there is none on this machine")
    set_by_user = dask.config.get("jobqueue.slurm", {})
    folder = Path.home() / ".cache" / "codec-bench"
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "cores": set_by_user.get("cores") or 1,
        "memory": set_by_user.get("memory") or "4GB",
        "processes": 1,
        "shared_temp_directory": set_by_user.get("shared-temp-directory") or str(keys),
        "log_directory": set_by_user.get("log-directory") or str(folder / "slurm"),
        "worker_command": "bench.run.cluster.slurm_worker",
        "security": Security.temporary(),
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"}
        | (set_by_user.get("scheduler-options") or {}),
        "silence_logs": False,
    }
    try:
        cluster = SLURMCluster(**options)
        cluster.scale(jobs=count)
    except Exception as error:  # of Slurm's programs and of dask-jobqueue, of many kinds
        raise BenchError(
            f"Slurm takes no such job ({error}); see jobqueue.slurm in Dask's settings"
        ) from None
    try:
        yield cluster
    finally:
        cluster.close(timeout=10)
