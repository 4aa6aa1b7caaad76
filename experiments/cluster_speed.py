"""What `--cluster` costs: how well 1, 2, 4 and 8 workers share a run, and milliseconds a cell.

    python experiments/cluster_speed.py

The codec sleeps for a second at each encoding, so that a machine with few cores can have eight workers. Then
JPEG codes the pictures of scikit-image locally and by one worker: times, and hashes of bitstreams.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from bench import api
from bench.results import Row
from bench.run.settings import Settings

WORKERS = (1, 2, 4, 8)
CELLS = 40  # of each worker
SLEEPS = """
qualities: [1, 2, 3, 4]
version: cp --version
encode: 'sh -c "sleep 1; cp {input} {output} # {quality}"'
decode: cp {input} {output}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        codec = folder / "sleeps.yaml"
        codec.write_text(SLEEPS)
        pictures = folder / "pictures"
        pictures.mkdir()
        random = np.random.default_rng(1)
        for number in range(max(WORKERS) * CELLS // 4):
            noise = random.integers(0, 256, (64, 64, 3), np.uint8)
            Image.fromarray(noise).save(pictures / f"{number:03d}.png")
        local, _ = seconds_a_cell(codec, pictures, folder / "local", None)
        print(f"local: {1000 * local:.0f} ms a cell", flush=True)
        print("| workers | efficiency | ms a cell beyond the local run | whole run, s |")
        print("| ---: | ---: | ---: | ---: |")
        for workers in WORKERS:
            cell, whole = seconds_a_cell(codec, pictures, folder / str(workers), workers)
            beyond = 1000 * (cell - local)
            print(f"| {workers} | {local / cell:.3f} | {beyond:.1f} | {whole:.0f} |", flush=True)
        compare_jpeg(folder)


def seconds_a_cell(codec: Path, pictures: Path, results: Path, workers: int | None) -> tuple[float, float]:
    """Seconds that a worker takes for a cell once all work and while all do, and seconds of the whole run."""
    cluster = None if workers is None else f"local:{workers}"
    count = workers or 1
    with api.workers(cluster) as machines:
        (run,) = api.plan(
            [str(codec)], pictures, images=count * CELLS // 4, metrics=["psnr"], results=results,
            machines=machines,
        )  # fmt: skip
        began = time.monotonic()
        ends = [time.monotonic() for _ in run.execute()]
        whole = time.monotonic() - began
    assert len(ends) == count * CELLS and not run.outcome.failures, run.outcome.failures
    first, last = 2 * count, len(ends) - count - 1
    return count * (ends[last] - ends[first]) / (last - first), whole


def compare_jpeg(folder: Path) -> None:
    rows: dict[str, dict[tuple[str, float], Row]] = {}
    for name, cluster in (("local", None), ("again", None), ("worker", "local:1")):
        with api.workers(cluster) as machines:
            (run,) = api.plan(
                ["jpeg"], "sample", settings=Settings(timing=True), results=folder / name, machines=machines
            )
            for _ in run.execute():
                pass
        rows[name] = {(row.image, row.quality): row for row in run.outcome.rows}
    local = rows["local"]
    for name in ("again", "worker"):
        other = rows[name]
        assert other.keys() == local.keys()
        same = sum(other[cell].bitstream_sha256 == local[cell].bitstream_sha256 for cell in local)
        encode = statistics.median(other[cell].encode_s / local[cell].encode_s for cell in local)
        decode = statistics.median(other[cell].decode_s / local[cell].decode_s for cell in local)
        print(
            f"jpeg, {name}, beside a local run: {same} of {len(local)} bitstreams the same, "
            f"median ratio of times {encode:.3f} (encode), {decode:.3f} (decode)"
        )


if __name__ == "__main__":
    main()
