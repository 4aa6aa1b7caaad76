"""A worker as dask-jobqueue starts it in a job: the options of `dask worker`, of which some are ours."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys

import dask

from bench.core.errors import BenchError
from bench.run.cluster.worker import serve


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scheduler")
    parser.add_argument("--name")
    for key in ("ca-file", "cert", "key"):
        parser.add_argument(f"--tls-{key}")
    given, _ = parser.parse_known_args()  # threads, memory and the like: ours are fixed
    tls = {"ca-file": given.tls_ca_file, "worker": {"cert": given.tls_cert, "key": given.tls_key}}
    dask.config.set({"distributed.comm.tls": tls})
    try:
        serve(given.scheduler, given.name, _seconds_left(), insecure=True)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)


def _seconds_left() -> float | None:
    """Until Slurm ends this job; None: never, or Slurm doesn't say."""
    command = ("squeue", "--noheader", "--format", "%L", "--jobs", os.environ.get("SLURM_JOB_ID", ""))
    try:
        left = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return seconds_of(left)


def seconds_of(time_left: str) -> float | None:
    """Seconds of a time as Slurm writes it: days-hours:minutes:seconds, what is zero left out in front.

    >>> seconds_of("1-02:00:00"), seconds_of("29:58"), seconds_of("UNLIMITED")
    (93600.0, 1798.0, None)
    """
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", time_left.strip())
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


if __name__ == "__main__":
    main()
