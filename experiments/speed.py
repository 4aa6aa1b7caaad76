"""What the harness costs: JPEG at 8 qualities, PSNR and MS-SSIM, beside compressai's own bench.

    python experiments/speed.py path/to/kodak
    python experiments/speed.py path/to/kodak --rounds 1

Every setting runs three times unless another number is given, in turns, so that what else the machine does
hits all of them; the quickest counts. Starting Python is part of every time. The last line is the CPU time of
the harness alone: that of a whole run less that of the codec and the metrics, called in a bare loop on the
same pictures.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench import codecs, metrics
from bench.core.images import read_rgb

QUALITIES = (5, 10, 20, 30, 50, 70, 90, 95)

# compressai doesn't import beside a CPU build of torch unless it is helped.
COMPRESSAI = (
    "import runpy; from bench.codecs.compressai_import import compressai; compressai(); "
    "runpy.run_module('compressai.utils.bench', run_name='__main__', alter_sys=True)"
)


def ours(folder: Path, jobs: int) -> tuple[float, float]:
    """Wall and CPU seconds of `bench run` into empty results."""
    qualities = [word for quality in QUALITIES for word in ("--quality", str(quality))]
    with tempfile.TemporaryDirectory() as results:
        return timed(
            sys.executable, "-m", "bench.cli", "run", "--codec", "jpeg", "--dataset", str(folder),
            "--jobs", str(jobs), "--results", results, *qualities,
        )  # fmt: skip


def theirs(folder: Path, jobs: int, threads: int | None) -> tuple[float, float]:
    """Wall and CPU seconds of compressai's bench."""
    environment = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    qualities = ",".join(map(str, QUALITIES))
    return timed(
        sys.executable, "-c", COMPRESSAI, "jpeg", str(folder), "-q", qualities, "-j", str(jobs), **environment
    )


def timed(*command: str, **environment: str) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, env=os.environ | environment, capture_output=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def work_alone(folder: Path) -> float:
    """CPU seconds of the codec and the metrics, without a harness; with one thread, as in `bench run`."""
    command = (sys.executable, __file__, str(folder), "--alone")
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return float(subprocess.run(command, check=True, env=environment, capture_output=True).stdout)


def bare_loop(folder: Path) -> float:
    """CPU seconds of the codec and the metrics in this process."""
    codec, scores = codecs.get("jpeg"), [metrics.get(name) for name in metrics.DEFAULT]
    used = 0.0
    for path in sorted(folder.glob("*.png")):
        picture = read_rgb(path)
        began = time.process_time()
        score_by = [metric.against(picture) for metric in scores]
        for quality in QUALITIES:
            decoded = codec.decode(codec.encode(picture, quality))
            for score in score_by:
                score(decoded)
        used += time.process_time() - began
    return used


def main(folder: Path, rounds: int) -> None:
    settings = {f"bench run --jobs {jobs}": (ours, jobs) for jobs in (1, 2)}
    for jobs in (1, 2):
        for threads in (None, 1):
            name = f"compressai.utils.bench -j {jobs}" + (f", OMP_NUM_THREADS={threads}" if threads else "")
            settings[name] = (theirs, jobs, threads)  # type: ignore[assignment]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in settings}
    for _ in range(rounds):
        for name, (measure, *options) in settings.items():
            found[name].append(measure(folder, *options))  # type: ignore[operator]
    images = len(list(folder.glob("*.png")))
    print(f"| {folder.name}, {images} images | wall (s) | CPU (s) |\n| --- | ---: | ---: |")
    best = {name: min(times) for name, times in found.items()}
    for name, (wall, cpu) in best.items():
        print(f"| {name} | {wall:.1f} | {cpu:.1f} |")
    mine = min(wall for name, (wall, _) in best.items() if name.startswith("bench"))
    other = min(wall for name, (wall, _) in best.items() if not name.startswith("bench"))
    print(f"\nbest against best: {other / mine:.2f} times faster")
    alone = float(np.median([work_alone(folder) for _ in range(rounds)]))
    cpu = best["bench run --jobs 1"][1]
    print(
        f"CPU of a run {cpu:.1f} s, of codec and metrics {alone:.1f} s: the harness is {1 - alone / cpu:.1%}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kodak", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="only the bare loop: CPU seconds")
    options = parser.parse_args()
    if options.alone:
        print(bare_loop(options.kodak))
    else:
        main(options.kodak, options.rounds)
