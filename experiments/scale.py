"""How the harness bears large results: CPU seconds and memory of whole commands, on made-up rows.

    python experiments/scale.py                    # this checkout
    python experiments/scale.py path/to/another    # and an older one beside it
    python experiments/scale.py --rows 20000       # smaller, for a first look

Each command is a process of its own, and starting Python is part of its time. Checkouts take turns, so that
what else the machine does hits all of them; of each, the quickest of `ROUNDS` counts. CPU time is user and
system together; memory is the peak of the resident set. Rows are made up, but each field is as `bench run`
writes it, and files are as long. Python keeps its compiled modules, as it does by itself, and a first run
that isn't counted makes them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from bench import codecs, metrics
from bench.results import Row, RunRecord, Setup, Store
from bench.results.records import to_line

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
QUALITIES = (10.0, 30.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0)
LONGEST_S = 150
# In place of `bench`, which runs the checkout that it was installed from.
START = "import sys; sys.path.insert(0, {!r}); from bench.cli import main; main()"
LOAD = (
    "import sys; from pathlib import Path; sys.path.insert(0, {!r}); from bench.results import Store; "
    "print(len(Store(Path('many')).load('set', 'new').rows))"
)


@dataclass(frozen=True)
class Cost:
    seconds: float  # of CPU
    memory: int  # bytes


def environment(folder: Path) -> dict[str, str]:
    """With compiled modules in a folder, also where Python is told to keep none."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {"OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def cost(arguments: list[str], folder: Path) -> Cost | None:
    """Of a process; None if it takes longer than `LONGEST_S`."""
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environment(folder), preexec_fn=_limited,
    )  # fmt: skip
    assert process.stdout is not None
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code < 0:
        return None
    if code:
        raise SystemExit(f"{arguments}: {output}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _limited() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))


def write_results(
    store: Store, dataset: str, codec: str, pictures: dict[str, str], better: float = 1.0
) -> Path:
    """Results of a codec as `bench run` leaves them: a setup, rows by image and quality, a run.

    Args:
        pictures: SHA-256 by name.
        better: what rates are multiplied by.
    """
    rng = random.Random(codec)
    known = codec in codecs.names()
    version = codecs.get(codec).version() if known else "2.13 made up, quality 4:4:4"
    setup = Setup(
        codec=codec, codec_version=version, details={"parameters": {"chroma": "420"}},
        dataset={"name": dataset, "split": None, "images": len(pictures), "complete": False, "sha256": "aa"},
        metrics={name: metrics.get(name).version() for name in metrics.DEFAULT},
        bench={"version": "0.2.0"}, python="3.11.7", libraries={"numpy": np.__version__},
        machine={"os": "Linux", "cpu": "made up", "cores": 2, "device": "CPU"},
        run={"jobs": 1, "threads": 2, "repeats": 1}, date="2026-01-01",
    )  # fmt: skip
    qualities = sorted(map(float, codecs.get(codec).qualities)) if known else QUALITIES
    run = RunRecord(
        dataset, codec, version, pictures, tuple(qualities), len(pictures) * len(qualities), 0, 0,
        "2026-01-01T12:00:00",
    )  # fmt: skip
    path = store.path(dataset, codec)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(to_line(setup))
        for name, sha256 in pictures.items():
            detail = rng.lognormvariate(0, 0.4)
            for step, quality in enumerate(qualities):
                row = _row(dataset, name, sha256, codec, version, quality, setup.id, detail, step, rng)
                file.write(to_line(replace(row, bpp=better * row.bpp)))
        file.write(to_line(run))
    return path


def _row(
    dataset: str, name: str, sha256: str, codec: str, version: str, quality: float, setup: str,
    detail: float, step: int, rng: random.Random,
) -> Row:  # fmt: skip
    """A cell: some 5 dB for each doubling of the rate."""
    bpp = 0.2 * detail * 1.6**step
    psnr = 28 + 5 * math.log2(1.6) * step - 2 * math.log2(detail) + rng.gauss(0, 0.05)
    return Row(
        dataset=dataset, image=name, image_sha256=sha256, width=768, height=512, codec=codec,
        codec_version=version, quality=quality, bytes=round(bpp * 768 * 512 / 8), bpp=bpp,
        metrics={"psnr": psnr, "ms_ssim": 1 - 0.05 * 2 ** (-0.7 * step) * rng.uniform(0.98, 1.02)},
        encode_s=0.02 * rng.random(), decode_s=0.01 * rng.random(), alone=True, repeats=1,
        start_s=0.8 + 0.1 * rng.random(), encode_memory=rng.randrange(10**8, 2 * 10**8),
        decode_memory=rng.randrange(10**8, 2 * 10**8),
        bitstream_sha256=_hash(f"{codec} {name} {quality}"), decoded_sha256=_hash(f"{codec} {name} {step} d"),
        setup=setup, note="",
    )  # fmt: skip


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def pictures_on_disk(folder: Path, count: int) -> dict[str, str]:
    """Small pictures of some 50 kB; SHA-256 by name."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    hashes = {}
    for number in range(count):
        path = folder / f"picture{number:05}.png"
        Image.fromarray(rng.integers(0, 255, (128, 128, 3), np.uint8)).save(path, compress_level=0)
        hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def write_all(folder: Path, rows: int, few_rows: int, pictures: int) -> str:
    """The results that are measured on, under a folder; gives the size of the largest file, in words."""
    names = {f"photo{number:06}.png": _hash(str(number)) for number in range(max(rows, few_rows) // 8)}
    few = dict(list(names.items())[: few_rows // 8])
    many = dict(list(names.items())[: rows // 8])
    for place, own in (("few", few), ("many", many)):
        new = write_results(Store(folder / place), "set", "new", own, better=0.97)
        write_results(Store(folder / place), "set", "old", own)
        write_results(Store(folder / f"{place}-baseline"), "set", "new", own, better=0.972)  # rates moved
    on_disk = pictures_on_disk(folder / "photos", pictures)
    for codec in ("jpeg", "webp"):
        write_results(Store(folder / "folder"), "photos", codec, on_disk)
    place = hashlib.sha256(os.fsencode((folder / "photos").resolve())).hexdigest()[:16]
    (folder / "folder/photos/.place").write_text(place + "\n", encoding="utf-8")
    return f"{len(many) * len(QUALITIES):,} rows ({new.stat().st_size / 1e6:.0f} MB)"


def commands(many: str, few_rows: int, pictures: int) -> dict[str, list[str]]:
    """Arguments of each measured command, by what the table calls it; "load" isn't one of `bench`."""

    def at(place: str, *more: str) -> list[str]:
        return ["--dataset", "set", "--results", place, *more]

    there = ["--dataset", "./photos", "--results", "folder"]
    return {
        f"`check --update`, {few_rows:,} rows": [
            "check", "--codec", "new", "--update", *at("few", "--baseline", "few-baseline"),
        ],
        f"load {many}": ["load"],
        f"`compare` of two codecs, {many} each": ["compare", "new", "old", *at("many")],
        f"`check`, {many} and as many of the baseline": [
            "check", "--codec", "new", *at("many", "--baseline", "many-baseline"),
        ],
        f"`run` over {pictures:,} pictures with nothing to do": ["run", "--codec", "jpeg", *there],
        "`compare` there": ["compare", "webp", "jpeg", *there],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("others", nargs="*", type=Path, help="other checkouts")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--few-rows", type=int, default=6_000)
    parser.add_argument("--pictures", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path, help="keep the made-up results here, and take what is there")
    parser.add_argument("--only", default="", help="commands whose name holds this")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch) / "results"
        note = folder / "many.json"
        if not note.exists():
            folder.mkdir(parents=True, exist_ok=True)
            many = write_all(folder, given.rows, given.few_rows, given.pictures)
            note.write_text(json.dumps(many), encoding="utf-8")
        measured = commands(json.loads(note.read_text("utf-8")), given.few_rows, given.pictures)
        checkouts = [ROOT, *(other.resolve() for other in given.others)]
        for checkout in checkouts:  # whose modules are compiled now
            cost(["-c", START.format(str(checkout)), *measured["`compare` there"]], folder)
            cost(["-c", START.format(str(checkout)), *next(iter(measured.values()))], folder)
        print("| what | checkout | CPU seconds | MB of memory |")
        print("| --- | --- | ---: | ---: |")
        for title, arguments in measured.items():
            if given.only not in title:
                continue
            costs: dict[Path, list[Cost | None]] = {checkout: [] for checkout in checkouts}
            for _ in range(given.rounds):
                for checkout in checkouts:
                    if None not in costs[checkout]:
                        start = LOAD if arguments == ["load"] else START
                        line = ["-c", start.format(str(checkout)), *arguments]
                        costs[checkout].append(cost(line, folder))
            for checkout, all_costs in costs.items():
                label = "this" if checkout == ROOT else checkout.name
                known = [each for each in all_costs if each is not None]
                best = min(known, key=lambda each: each.seconds, default=None)
                cells = f"{best.seconds:.2f} | {best.memory / 1e6:.0f}" if best else f"over {LONGEST_S} | "
                print(f"| {title} | {label} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
