"""A short run of the fuzzer: what is damaged is taken, or refused with one sentence."""

from __future__ import annotations

import random
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from places import ROOT

from bench.codecs import get_class
from bench.core.errors import BenchError

TARGETS = (
    "jpeg", "jpeg-mozjpeg", "jpegli", "webp", "avif", "heic", "jpegxl", "jpeg2000", "jpegls", "png", "av1",
    "hevc", "vvenc", "ainn", "ainn:tile=128", "weights", "results", "yaml", "archives", "shards", "pictures",
)  # fmt: skip
SPECIAL = ("weights", "results", "yaml", "archives", "shards", "pictures")  # that are no codecs
TRIES = {"ainn": 20, "ainn:tile=128": 4, "weights": 8, "results": 8}  # of the slow ones
TRIES |= dict.fromkeys(("av1", "hevc", "vvenc"), 20)


@pytest.fixture(scope="module")
def fuzz() -> Any:
    sys.path.insert(0, str(ROOT / "experiments"))
    yield import_module("fuzz")
    sys.path.remove(str(ROOT / "experiments"))


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_are_taken_or_refused_with_a_sentence(
    fuzz: Any, name: str, tiny_weights: Path
) -> None:
    if name not in SPECIAL and (missing := get_class(name.partition(":")[0]).missing()):
        pytest.skip(missing)
    made = fuzz.target(name, str(tiny_weights))
    for honest in made.inputs:
        assert fuzz.end_of(made, honest)[0] == "taken"
    made = fuzz.Target(made.inputs, made.feed, *fuzz.mending(name))
    kinds = set()
    for number in range(TRIES.get(name, 200)):
        content = fuzz.damaged(made, random.Random(f"1 {name} {number}"))
        kind, text = fuzz.end_of(made, content)
        assert kind in ("taken", "refused"), (number, text)
        kinds.add(kind)
    assert "refused" in kinds


def test_the_same_seed_makes_the_same_inputs(fuzz: Any) -> None:
    made = fuzz.Target([b"abcdef" * 10, b"xyz" * 10], bytes)
    one, other = ([fuzz.damaged(made, random.Random(f"{seed}")) for seed in range(50)] for _ in range(2))
    assert one == other and len(set(one)) > 40


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BenchError("a sentence"), "refused"),
        (BenchError("two\nlines"), "wordy"),
        (BenchError("a" * 1000), "wordy"),
        (ValueError("a bug"), "traceback"),
        (MemoryError(), "memory"),
    ],
    ids=repr,
)
def test_what_is_no_sentence_is_a_finding(fuzz: Any, error: Exception, kind: str) -> None:
    def feed(content: bytes) -> None:
        raise error

    assert fuzz.end_of(fuzz.Target([b""], feed), b"")[0] == kind


def test_a_target_that_crashes_is_started_again(fuzz: Any) -> None:
    report = fuzz.fuzz("crashing", 40, 1)
    assert report.ends["crash"] and report.ends["taken"] and sum(report.ends.values()) == 40
    assert {finding.kind for finding in report.findings} == {"crash"}
