"""What the command line prints beside its tables: lists, versions, and progress where no bar can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import assert_one_sentence, bench

import bench as bench_package
from bench import console
from bench.codecs.ainn.codec import AinnCodec


def test_version() -> None:
    done = bench("--version")
    assert done.returncode == 0 and done.stdout == f"codec-bench {bench_package.__version__}\n"


def test_a_shell_can_complete_commands() -> None:
    assert "--install-completion" in bench("--help").stdout
    words = {"_BENCH_COMPLETE": "complete_bash", "COMP_WORDS": "bench comp", "COMP_CWORD": "1"}
    command = [Path(sys.executable).with_name("bench")]  # the program whose name shells know
    done = subprocess.run(command, env=os.environ | words, capture_output=True, text=True)
    assert done.stdout.split() == ["compare"]


@pytest.mark.parametrize("kind", ["codecs", "datasets", "metrics", "published"])
def test_lists_fit_100_columns_and_what_is_usable_comes_first(kind: str) -> None:
    done = bench("list", kind)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and max(map(len, lines)) <= 100
    items = json.loads(bench("list", kind, "--json").stdout)
    text = done.stdout
    usable = [item["name"] for item in items if item.get("usable", True)]
    lacking = [item["name"] for item in items if not item.get("usable", True)]
    rows = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert all(name in text for name in usable + lacking)
    if usable and lacking:
        assert max(map(rows.index, usable)) < min(map(rows.index, lacking))


@pytest.mark.parametrize(
    ("kind", "name", "fact"),
    [
        ("codecs", "jpeg", "libjpeg-turbo"),
        ("datasets", "kodak", "24"),
        ("metrics", "psnr", "MSE"),
        ("published", "vtm", "kodak"),
    ],
)
def test_all_that_is_known_of_one(kind: str, name: str, fact: str) -> None:
    done = bench("list", kind, name)
    assert done.returncode == 0 and name in done.stdout and fact in done.stdout
    document = json.loads(bench("list", kind, name, "--json").stdout)
    assert {item["name"] for item in document} == {name}


def test_a_codec_with_parameters_is_told_what_its_weights_were_trained_for(tiny_weights: Path) -> None:
    name = f"ainn:weights={tiny_weights}"
    done = bench("list", "codecs", name)
    assert done.returncode == 0 and "trained for mse" in done.stdout
    (item,) = json.loads(bench("list", "codecs", name, "--json").stdout)
    assert item["name"] == name and item["version"] == AinnCodec(tiny_weights).version()
    assert [line["trained_for"] for line in item["complexity"]] == ["mse", "mse"]


def test_a_name_that_is_not_on_the_list_is_one_sentence() -> None:
    assert_one_sentence(bench("list", "codecs", "jpge"), "none called 'jpge'", "did you mean 'jpeg'?")
    assert_one_sentence(bench("list", "metrics", "xyzzy"), "`bench list metrics` shows all")


def test_a_log_has_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """pytest's stderr is no terminal, as that of nohup or CI."""

    def steps() -> Iterator[int]:
        for step in range(5):
            time.sleep(0.02)
            yield step

    console.progress("jpeg on kodak", 5, steps(), every_s=0.01)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("jpeg on kodak: 1 of 5 cells, ") and lines[0].endswith(" left")
    assert len(lines) == 4  # none for the last: the table follows
    console.progress("jpeg on kodak", 5, steps(), every_s=100)
    assert capsys.readouterr().err == ""
