"""The gate from a shell: results measured for real, against a baseline of the same codec, worsened or not."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile_codecs import install
from shell import bench
from tiny import photo, save_photos

Gate = Callable[..., subprocess.CompletedProcess[str]]
Environment = dict[str, str]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos = (photo(176 + 8 * number, 208, number) for number in range(6))
    return save_photos(tmp_path_factory.mktemp("six"), photos, "photo")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return install(tmp_path_factory.mktemp("packages"))


def measure(pictures: Path, results: Path, environment: Environment, percent: float, *more: object) -> None:
    done = bench(
        "run", "--codec", "worsened", "--dataset", pictures, "--results", results, *more,
        **environment, HOSTILE_PERCENT=f"{percent:g}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def baseline(pictures: Path, environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline that `bench check --update` made."""
    folder = tmp_path_factory.mktemp("gate")
    measure(pictures, folder / "results", environment, 0)
    arguments = ("check", "--dataset", pictures.name, "--results", folder / "results")
    done = bench(*arguments, "--baseline", folder / "baseline", "--codec", "worsened", "--update")
    assert done.returncode == 0 and "wrote" in done.stderr, done.stderr
    return folder / "baseline"


@pytest.fixture
def gate(pictures: Path, baseline: Path, environment: Environment, tmp_path: Path) -> Gate:
    """`bench check` of the codec, so many percent worse."""

    def gate(percent: float, *options: object, **more: str) -> subprocess.CompletedProcess[str]:
        measure(pictures, tmp_path, environment, percent)
        arguments = ("check", "--dataset", pictures.name, "--results", tmp_path, "--baseline", baseline)
        return bench(*arguments, *options, **more)

    return gate


def test_an_untouched_codec_passes_even_to_the_byte(gate: Gate) -> None:
    done = gate(0, "--fail-on", "bd-rate:psnr:1%", "--fail-on", "bytes", "--fail-on", "decoded")
    assert done.returncode == 0, done.stdout


def test_a_fifth_of_a_percent_passes_unless_asked_for(gate: Gate) -> None:
    assert gate(0.2).returncode == 0
    assert gate(0.2, "--fail-on", "bd-rate:psnr:0.1%").returncode == 1


def test_one_percent_turns_the_gate_red(gate: Gate, tmp_path: Path) -> None:
    done = gate(1, "--junit", tmp_path / "junit.xml", GITHUB_ACTIONS="true")
    assert done.returncode == 1 and "BD-rate" in done.stdout
    assert "photo0.png" in done.stdout  # it says which images moved
    assert any(line.startswith("::error") for line in done.stdout.splitlines())
    cases = ElementTree.parse(tmp_path / "junit.xml").findall(".//testcase")
    assert {case.find("failure") is not None for case in cases} == {True, False}
    report = json.loads(gate(1, "--json").stdout)
    (codec,) = report["codecs"]
    (verdict,) = [v for v in codec["verdicts"] if v["rule"] == "bd-rate:psnr:1%"]
    assert verdict["state"] == "regressed" and verdict["change"] == pytest.approx(1, abs=0.02)


def test_a_better_codec_passes_and_says_so(pictures: Path, environment: Environment, tmp_path: Path) -> None:
    measure(pictures, tmp_path / "worse", environment, 3)
    measure(pictures, tmp_path / "now", environment, 0)
    arguments = ("check", "--dataset", pictures.name, "--baseline", tmp_path / "baseline")
    bench(*arguments, "--results", tmp_path / "worse", "--codec", "worsened", "--update")
    done = bench(*arguments, "--results", tmp_path / "now")
    assert done.returncode == 0 and "--update" in done.stdout


def test_missing_cells_and_other_pictures_cannot_be_judged(
    pictures: Path, baseline: Path, environment: Environment, tmp_path: Path
) -> None:
    arguments = ("check", "--dataset", pictures.name, "--baseline", baseline)
    measure(pictures, tmp_path / "few", environment, 0, "--images", 3)
    few = bench(*arguments, "--results", tmp_path / "few")
    assert few.returncode == 2 and "photo3.png" in few.stdout
    other = tmp_path / pictures.name
    other.mkdir()
    save_photos(other, (photo(176, 200, 10 + number) for number in range(6)), "photo")
    measure(other, tmp_path / "other", environment, 0)
    done = bench(*arguments, "--results", tmp_path / "other")
    assert done.returncode == 2 and "aren't those of the baseline" in done.stdout
