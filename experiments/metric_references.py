"""Figures of metrics by their reference implementations, for the tests: tests/data/metric_references.json.

    python experiments/metric_references.py --data path/to/datasets --ssimulacra2 path/to/ssimulacra2

Each reference implementation that is named scores every pair of pictures; figures of the others stay as they
are. The pictures are photos of scikit-image and of Kodak, after JPEG, noise and the like
(tests/support/scored.py).

--ssimulacra2: the program of https://github.com/cloudinary/ssimulacra2, version 2.1, run on a CPU with fused
multiplication and addition (AVX2).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
from scored import REFERENCES, fingerprint, pair

CHANGES = (
    *(f"jpeg {quality}" for quality in (5, 10, 30, 50, 75, 90, 97)),
    "noise 10", "levels 24", "blur", "darker 20",
)  # fmt: skip
Picture = np.ndarray[Any, np.dtype[np.uint8]]
Scorer = Callable[[Picture, Picture], float]


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
    given = parser.parse_args()
    os.environ["BENCH_DATA"] = given.data
    scorers: dict[str, tuple[str, Scorer]] = {}
    if given.ssimulacra2:
        scorers["ssimulacra2"] = "cloudinary/ssimulacra2, 2.1", by_program(given.ssimulacra2)

    known = json.loads(REFERENCES.read_text()) if REFERENCES.exists() else {"sources": {}, "pairs": []}
    old = {_key(recipe): recipe["scores"] for recipe in known["pairs"]}
    pairs = []
    for recipe in recipes():
        original, decoded = pair(recipe)
        scores = dict(old.get(_key(recipe), {}))
        for name, (_, scorer) in scorers.items():
            scores[name] = scorer(original, decoded)
        print(recipe["picture"], recipe["crop"], recipe["change"], scores, flush=True)
        pairs.append({**recipe, "sha256": [fingerprint(original), fingerprint(decoded)], "scores": scores})
    sources = known["sources"] | {name: source for name, (source, _) in scorers.items()}
    lines = ",\n".join(json.dumps(line) for line in pairs)
    REFERENCES.write_text(f'{{"sources": {json.dumps(sources, indent=1)},\n"pairs": [\n{lines}\n]}}\n')


def by_program(program: str) -> Scorer:
    """A program that takes two PNG files and prints the score."""

    def score(original: Picture, decoded: Picture) -> float:
        with tempfile.TemporaryDirectory() as folder:
            files = [str(Path(folder, name)) for name in ("original.png", "decoded.png")]
            for file, picture in zip(files, (original, decoded), strict=True):
                Image.fromarray(picture).save(file)
            done = subprocess.run([program, *files], capture_output=True, text=True, check=True)
        return float(done.stdout)

    return score


def _key(recipe: dict[str, Any]) -> str:
    return json.dumps([recipe["picture"], recipe["crop"], recipe["change"]])


if __name__ == "__main__":
    main()
