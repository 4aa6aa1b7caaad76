"""Several machines measure parts of a dataset, and their results are brought together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image
from places import EXAMPLES
from shell import assert_one_sentence, bench, without_data
from tiny import photo

from bench.core.errors import BenchError
from bench.datasets import load
from bench.results import Contents, Store
from bench.results.kept_pictures import Kept
from bench.results.merge import merge
from bench.run.shard import Shard

QUALITIES = ("--quality", 20, "--quality", 70)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed in range(5):
        Image.fromarray(photo(64, 80, seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def at_once(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of one run over all pictures."""
    return run(pictures, tmp_path_factory.mktemp("once"))


@pytest.fixture(scope="module")
def parts(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Results of three shards."""
    folder = tmp_path_factory.mktemp("parts")
    return [run(pictures, folder / str(part), "--shard", f"{part}/3", "--keep") for part in (1, 2, 3)]


def run(pictures: Path, results: Path, *options: object) -> Path:
    done = bench("run", "--codec", "jpeg", "--dataset", pictures, "--results", results, *QUALITIES, *options)
    assert done.returncode == 0, done.stderr
    return results


def contents(results: Path, pictures: Path) -> Contents:
    return Store(results).load(pictures.name, "jpeg")


def figures(results: Path, pictures: Path) -> list[tuple[object, ...]]:
    rows = contents(results, pictures).rows.values()
    return [(row.image, row.quality, row.bytes, row.metrics, row.decoded_sha256) for row in rows]


def test_parts_have_whole_images_each_in_one_of_them(pictures: Path) -> None:
    dataset = load(str(pictures))
    for count in (1, 2, 3, 5, 8):
        shards = [Shard(index, count).images(dataset) for index in range(1, count + 1)]
        assert sorted(image.name for shard in shards for image in shard) == [f"{i}.png" for i in range(5)]
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("text", ["0/8", "9/8", "1", "1/0", "a/b", "1/2/3", "-1/2", "1/ 2", ""])
def test_what_is_no_part_is_one_sentence(text: str) -> None:
    with pytest.raises(BenchError, match="--shard is a part of how many"):
        Shard.of(text)


def test_parts_brought_together_are_the_whole(
    pictures: Path, at_once: Path, parts: list[Path], tmp_path: Path
) -> None:
    done = bench("merge", *parts, "--into", tmp_path)
    assert done.returncode == 0 and "10 rows added, 0 replaced" in done.stderr, done.stderr
    assert figures(tmp_path, pictures) == figures(at_once, pictures)
    merged = contents(tmp_path, pictures)
    assert {row.setup for row in merged.rows.values()} <= merged.setups.keys()
    assert all(setup.dataset["images"] == 5 for setup in merged.setups.values())
    whole = bench("run", "--codec", "jpeg", "--dataset", pictures, "--results", tmp_path, *QUALITIES)
    assert "0 measured, 10 were in the results already" in whole.stderr


def test_merging_again_brings_nothing_twice(pictures: Path, parts: list[Path], tmp_path: Path) -> None:
    merge(parts, tmp_path)
    path = Store(tmp_path).path(pictures.name, "jpeg")
    before = path.read_bytes()
    again = merge([*parts, parts[0]], tmp_path)
    assert (again.added, again.replaced, again.known) == (0, 0, 14)
    assert path.read_bytes() == before


def test_what_was_kept_comes_along_if_it_is_the_rows_own(
    pictures: Path, parts: list[Path], tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(parts[0], damaged)
    (stream, *_) = sorted(damaged.rglob("*.bin"))
    stream.write_bytes(b"of another picture")
    into = tmp_path / "into"
    assert merge([damaged, *parts[1:]], into).kept == 10  # of the damaged one its picture
    kept = Kept(into)
    rows = contents(into, pictures).rows.values()
    assert all(kept.picture(row) is not None for row in rows)
    assert sum(kept.stream(row) is None for row in rows) == 1
    assert merge(parts, into).kept == 1  # the stream that was missing
    assert all(kept.stream(row) is not None for row in rows)
    assert merge(parts, into).kept == 0


def test_a_cell_that_two_runs_disagree_on_is_named_and_the_newer_is_kept(
    pictures: Path, parts: list[Path], tmp_path: Path
) -> None:
    other = Store(tmp_path / "other")
    there = contents(parts[0], pictures)
    row = next(iter(there.rows.values()))
    setup = replace(there.setups[row.setup], date="2999-01-01")
    other.append(replace(row, bytes=7, bitstream_sha256="0" * 64, setup=setup.id), setup)
    for order in ([parts[0], other.folder], [other.folder, parts[0]]):
        into = tmp_path / f"into-{order[0].name}"
        merged = merge(order, into)
        assert len(merged.conflicts) == 1 and row.image in merged.conflicts[0]
        assert contents(into, pictures).rows[row.cell].bytes == 7


def test_failures_stay_until_somebody_measured_the_cell(
    pictures: Path, parts: list[Path], tmp_path: Path
) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(pictures, folder / pictures.name)
    (folder / pictures.name / "0.png").write_bytes(b"no picture")
    failed = tmp_path / "failed"
    done = bench(
        "run", "--codec", "jpeg", "--dataset", folder / pictures.name, "--results", failed, *QUALITIES
    )
    assert done.returncode == 1
    merge([failed], tmp_path / "into")
    assert len(Store(tmp_path / "into").load(pictures.name, "jpeg").failures) == 2
    with pytest.raises(BenchError, match=r"0\.png is one picture in one folder"):
        merge([*parts, failed], tmp_path / "mixed")
    assert not (tmp_path / "mixed").exists()


def test_what_holds_no_results_is_one_sentence(tmp_path: Path) -> None:
    done = bench("merge", tmp_path / "nowhere", "--into", tmp_path / "into")
    assert_one_sentence(done, "there are no results in", "nowhere")


# The examples, as far as they can be executed here


def _environment(tmp_path: Path) -> dict[str, str]:
    """One in which `bench` is this one."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir(exist_ok=True)
    script = bin_folder / "bench"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bench.cli "$@"\n')
    script.chmod(0o755)
    return without_data() | {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}


def test_a_slurm_array_measures_all(pictures: Path, at_once: Path, tmp_path: Path) -> None:
    """Each task as Slurm starts it, with the variables that it sets."""
    environment = _environment(tmp_path) | {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_CPUS_PER_TASK": "1"}
    for task in ("1", "2"):
        done = subprocess.run(
            ["bash", EXAMPLES / "slurm.sh", "jpeg", pictures], cwd=tmp_path, capture_output=True, text=True,
            env=environment | {"SLURM_ARRAY_TASK_ID": task},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    merge(sorted((tmp_path / "results/shards").iterdir()), tmp_path / "results")
    images = {row.image for row in contents(tmp_path / "results", pictures).rows.values()}
    assert images == {row.image for row in contents(at_once, pictures).rows.values()}


def test_a_matrix_of_github_measures_all(tmp_path: Path) -> None:
    """The steps that run commands, for each value of the matrix; artefacts are folders here."""
    workflow = yaml.safe_load((EXAMPLES / "github-matrix.yml").read_text("utf-8"))
    measure, join = workflow["jobs"]["measure"], workflow["jobs"]["merge"]
    values = measure["strategy"]["matrix"]["shard"]
    environment = _environment(tmp_path)
    (step,) = [step for step in measure["steps"] if "run" in step]
    for value in values:
        shard = step["env"]["SHARD"].replace("${{ matrix.shard }}", str(value))
        command = f"{step['run']} --quality 50"
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment | {"SHARD": shard},
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if (tmp_path / "shard").exists():  # the last of four has none of three images
            shutil.move(tmp_path / "shard", tmp_path / f"shards/shard-{value}")
    (step,) = [step for step in join["steps"] if "run" in step]
    done = subprocess.run(["bash", "-c", step["run"]], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert len(Store(tmp_path / "results").rows("sample", "jpeg")) == 3
