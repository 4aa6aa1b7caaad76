"""Pictures that are coded for a rate, a size or a quality: each at the nearest quality that the codec has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up import row
from PIL import Image
from shell import assert_one_sentence
from shell import bench as shell
from tiny import photo, save_photos

import bench
from bench import api
from bench.core.errors import BenchError
from bench.results import Failure, Store
from bench.results.merge import merge
from bench.results.targets import Target, matched_store, nearest, parse_targets, tried
from bench.run.shard import Shard
from bench.run.target_run import TargetRun

TARGETS = ("bpp:1", "psnr:33", "bytes:1500")
CURVE = (20, 40, 60, 80)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    return save_photos(folder, (photo(96, 128, seed) for seed in range(3)))


@pytest.fixture(scope="module")
def results(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A curve, then a search."""
    folder = tmp_path_factory.mktemp("results")
    bench.run("jpeg", pictures, qualities=CURVE, metrics=["psnr"], results=folder, progress=False)
    bench.run("jpeg", pictures, targets=TARGETS, metrics=["psnr"], results=folder, progress=False)
    return folder


def again(pictures: Path, results: Path) -> Any:
    return bench.run("jpeg", pictures, targets=TARGETS, metrics=["psnr"], results=results, progress=False)


def planned(pictures: Path, results: Path, *targets: str, **options: Any) -> TargetRun:
    (run,) = api.plan(
        ["jpeg"], pictures, targets=parse_targets((), targets), metrics=["psnr"], results=results, **options
    )
    assert isinstance(run, TargetRun)
    return run


def test_each_picture_has_the_nearest_of_all_qualities_and_says_how_far_off(
    pictures: Path, results: Path
) -> None:
    table = again(pictures, results)
    codec = bench.get_codec("jpeg")
    assert len(table) == 9
    for name in ("0.png", "1.png", "2.png"):
        original = np.array(Image.open(pictures / name))
        bits = {q: codec.encode(original, q) for q in range(1, 101)}
        psnrs = {q: bench.metrics.psnr(original, codec.decode(stream)) for q, stream in bits.items()}
        own = table[table.image == name].set_index("target")
        sizes = {q: len(stream) for q, stream in bits.items()}
        for target, best, off in (
            ("bpp:1", min(abs(np.log(size * 8 / 96 / 128)) for size in sizes.values()), "percent"),
            ("bytes:1500", min(abs(np.log(size / 1500)) for size in sizes.values()), "percent"),
            ("psnr:33", min(abs(psnr - 33) for psnr in psnrs.values()), "dB"),
        ):
            shown = own.loc[target, "off"]
            gap = np.log1p(shown / 100) if off == "percent" else shown
            assert abs(gap) == pytest.approx(best, abs=1e-9)
        assert own.loc["bytes:1500", "bytes"] == sizes[own.loc["bytes:1500", "quality"]]


def test_a_second_run_codes_nothing(pictures: Path, results: Path) -> None:
    def lines() -> int:
        return sum(len(path.read_bytes().splitlines()) for path in results.rglob("*.jsonl"))

    before = lines()
    again(pictures, results)
    assert lines() == before


def test_rows_of_a_search_are_not_part_of_the_curve(pictures: Path, results: Path) -> None:
    curve = bench.load_results(pictures, "jpeg", results=results)
    assert sorted(set(curve.quality)) == list(CURVE) and len(curve) == 12
    found = matched_store(results).rows(pictures.name, "jpeg")
    assert {row.quality for row in found} - set(CURVE)


def test_rows_of_a_curve_spare_a_search_encodings(pictures: Path, results: Path, tmp_path: Path) -> None:
    alone = again(pictures, tmp_path)
    beside = again(pictures, results)
    columns = ["target", "image", "quality", "bpp"]
    assert alone[columns].equals(beside[columns])
    encodings = [len(matched_store(folder).rows(pictures.name, "jpeg")) for folder in (results, tmp_path)]
    assert encodings[0] < encodings[1]


def test_parts_of_a_search_brought_together_are_the_whole(pictures: Path, tmp_path: Path) -> None:
    for part in (1, 2):
        run = planned(pictures, tmp_path / str(part), "bpp:1", shard=Shard(part, 2))
        list(run.execute())
        assert run.complete and run.total > 0
    merge([tmp_path / "1", tmp_path / "2"], tmp_path / "all")
    run = planned(pictures, tmp_path / "all", "bpp:1")
    assert run.total == 0 and run.complete


def test_times_to_quote_are_taken_of_rows_that_were_there_without(pictures: Path, results: Path) -> None:
    assert planned(pictures, results, *TARGETS).total == 0
    assert planned(pictures, results, *TARGETS, settings=bench.Settings(timing=True)).total == 9


def test_the_nearest_of_two_as_near_is_the_smaller() -> None:
    rows = [row("x", "a", 10, bpp=0.5, bytes=50), row("x", "a", 20, bpp=2.0, bytes=200)]
    assert nearest(rows, Target("bpp", 1.0)) is rows[0]
    assert nearest([row("x", "a", 10, metrics={})], Target("psnr", 30.0)) is None


def test_less_is_better_is_minded() -> None:
    at = Target("gmsd", 0.05)
    worse, better = (row("x", "a", q, metrics={"gmsd": value}) for q, value in ((10, 0.08), (50, 0.04)))
    assert at.gap(worse) == pytest.approx(-0.03) and at.off(worse) == pytest.approx(0.03)
    assert at.gap(better) == pytest.approx(0.01) and nearest([worse, better], at) is better


def test_a_row_that_was_voided_hits_no_target_and_stays_voided(pictures: Path, tmp_path: Path) -> None:
    run = planned(pictures, tmp_path, "bpp:1")
    steps = run.execute()
    for _ in range(run.total):
        next(steps)
    row = run.matches[0].row
    assert row is not None
    void = Failure(
        row.dataset, row.image, row.image_sha256, row.codec, row.codec_version, row.quality,
        side="canary", reason="it knows the picture", voids=True,
    )  # fmt: skip
    run.outcome.failures.append(void)
    matched_store(tmp_path).append(void)
    list(steps)
    assert run.matches[0].row != row
    left = tried(pictures.name, "jpeg", [Store(tmp_path)])
    assert left and row.cell not in {own.cell for own in left}


@pytest.mark.parametrize(
    ("rates", "others", "says"),
    [
        (["much"], [], "'much' is no number, or jpeg-ai"),
        (["0"], [], "a number above 0"),
        (["inf"], [], "a number above 0"),
        ([], ["36"], "METRIC:VALUE"),
        ([], ["psnrr:36"], "there is no metric 'psnrr'"),
        ([], ["psnr:nan"], "a number, not nan"),
        (["1"], [], "takes the place of a quality"),
    ],
)
def test_what_is_no_target_is_one_sentence(
    rates: list[str], others: list[str], says: str, tmp_path: Path
) -> None:
    with pytest.raises(BenchError) as caught:
        api.plan(["jpeg"], "sample", targets=parse_targets(rates, others), qualities=[3], results=tmp_path)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_the_command_says_what_a_codec_does_not_reach(pictures: Path, results: Path) -> None:
    done = shell(
        "run", "--codec", "jpeg", "--dataset", pictures, "--results", results, "--images", 1,
        "--metric", "psnr", "--target-bpp", "1", "--target-bpp", "0.001",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "│ 1 bpp" in done.stdout
    assert "jpeg doesn't come near 0.001 bpp on 1 of 1 images: 0.png" in done.stderr
    bad = shell("compare", "jpeg", "webp", "--dataset", pictures, "--results", results, "--target-bpp", "1")
    assert_one_sentence(bad, "no results of 'webp'", "--target-bpp 1")
