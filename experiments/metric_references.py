"""Figures of metrics by their reference implementations, for the tests: tests/data/metric_references.json.

    python experiments/metric_references.py --data path/to/datasets --ssimulacra2 path/to/ssimulacra2
    python experiments/metric_references.py --data path/to/datasets --export pairs
    python experiments/metric_references.py --data path/to/datasets --figures gmsd gmsd.txt GMSD.m
    python experiments/metric_references.py --data path/to/datasets --compare

The pictures are photos of scikit-image and of Kodak, after JPEG, noise and the like
(tests/support/scored.py). Figures that a call doesn't bring stay as they are.

--ssimulacra2: the program of https://github.com/cloudinary/ssimulacra2, version 2.1, run on a CPU with fused
multiplication and addition (AVX2).
--export: writes all pairs into a folder, as 00-original.png and 00-decoded.png, for programs of any kind.
--figures: the name of a metric, a file that such a program wrote, and what the program is. A line of the file
holds the number of a pair and its score.
--compare: prints how far each metric is from its reference, as docs/reference/metrics.md has it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
from scored import REFERENCES, fingerprint, pair

from bench import metrics

CHANGES = (
    *(f"jpeg {quality}" for quality in (5, 10, 30, 50, 75, 90, 97)),
    "noise 10", "levels 24", "blur", "darker 20",
)  # fmt: skip
Picture = np.ndarray[Any, np.dtype[np.uint8]]


def recipes() -> Iterator[dict[str, Any]]:
    for picture in ("astronaut", "chelsea", "coffee"):
        for change in CHANGES:
            yield {"picture": picture, "crop": None, "change": change}
    for crop in ((20, 100, 257, 329), (100, 50, 200, 211), (120, 60, 161, 161)):
        yield {"picture": "coffee", "crop": crop, "change": "jpeg 30"}
    for number in (3, 5, 13, 15, 20, 23):
        for quality in (10, 50, 90):
            yield {"picture": f"kodak/kodim{number:02}", "crop": None, "change": f"jpeg {quality}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="folder with kodak/ in it")
    parser.add_argument("--ssimulacra2", help="the authors' program")
    parser.add_argument("--export", type=Path, help="folder to write pairs to")
    parser.add_argument("--figures", nargs=3, action="append", default=[], metavar=("NAME", "FILE", "SOURCE"))
    parser.add_argument("--compare", action="store_true")
    given = parser.parse_args()
    os.environ["BENCH_DATA"] = given.data
    if given.export:
        export(given.export)
    if given.ssimulacra2 or given.figures:
        update(given.ssimulacra2, given.figures)
    if given.compare:
        compare()


def export(folder: Path) -> None:
    """Write all pairs as PNG files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, recipe in enumerate(recipes()):
        for name, picture in zip(("original", "decoded"), pair(recipe), strict=True):
            Image.fromarray(picture).save(folder / f"{number:02}-{name}.png")


def update(ssimulacra2: str | None, given: Sequence[tuple[str, str, str]]) -> None:
    """Put new figures beside those that are there."""
    known = json.loads(REFERENCES.read_text()) if REFERENCES.exists() else {"sources": {}, "pairs": []}
    scores = {_key(recipe): recipe["scores"] for recipe in known["pairs"]}
    files = {name: dict(map(_line, Path(file).read_text().splitlines())) for name, file, _ in given}
    sources = known["sources"] | {name: source for name, _, source in given}
    if ssimulacra2:
        sources["ssimulacra2"] = "cloudinary/ssimulacra2, version 2.1"
    pairs = []
    for number, recipe in enumerate(recipes()):
        original, decoded = pair(recipe)
        new = {name: figures[number] for name, figures in files.items() if number in figures}
        if ssimulacra2:
            new["ssimulacra2"] = by_program(ssimulacra2, original, decoded)
        hashes = [fingerprint(original), fingerprint(decoded)]
        pairs.append({**recipe, "sha256": hashes, "scores": scores.get(_key(recipe), {}) | new})
    lines = ",\n".join(json.dumps(line) for line in pairs)
    text = f'{{"sources": {json.dumps(sources, indent=1)},\n"pairs": [\n{lines}\n]}}\n'
    REFERENCES.write_text(text)


def compare() -> None:
    """Print the largest difference of each metric from its reference."""
    known = json.loads(REFERENCES.read_text())
    for name, source in known["sources"].items():
        differences = []
        for recipe in known["pairs"]:
            if name in recipe["scores"]:
                value = metrics.score(name, *pair(recipe))
                assert value is not None, (name, recipe)
                differences.append(abs(value - recipe["scores"][name]))
        print(f"{name}: {len(differences)} figures, largest difference {max(differences):.1e} ({source})")


def by_program(program: str, original: Picture, decoded: Picture) -> float:
    """The score that a program prints when it is given two PNG files."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("original.png", "decoded.png")]
        for file, picture in zip(files, (original, decoded), strict=True):
            Image.fromarray(picture).save(file)
        done = subprocess.run([program, *files], capture_output=True, text=True, check=True)
    return float(done.stdout)


def _line(text: str) -> tuple[int, float]:
    number, score = text.split()
    return int(number), float(score)


def _key(recipe: dict[str, Any]) -> str:
    return json.dumps([recipe["picture"], recipe["crop"], recipe["change"]])


if __name__ == "__main__":
    main()
