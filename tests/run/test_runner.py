"""Runs that meet cheats, crashes, kills and full disks: all real, through the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hostile_codecs import install
from PIL import Image
from shell import BENCH, assert_one_sentence, bench, results_of, without_data
from tiny import photo

from bench.results import Failure, Store

Hostile = Callable[..., subprocess.CompletedProcess[str]]
Environment = dict[str, str]


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of one photo."""
    folder = tmp_path_factory.mktemp("one")
    Image.fromarray(photo(192, 192)).save(folder / "photo.png")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "side").mkdir()
    return install(tmp_path / "packages") | {"HOSTILE_FOLDER": str(tmp_path / "side")}


@pytest.fixture
def machine(tmp_path: Path) -> Environment:
    """As if no other run went on here: runs meet in the folder of temporary files."""
    (tmp_path / "temporary").mkdir()
    return {"TMPDIR": str(tmp_path / "temporary")}


@pytest.fixture
def run(picture: Path, environment: dict[str, str], tmp_path: Path) -> Hostile:
    """`bench run` of a hostile codec on the photo."""

    def run(codec: str, *options: object, **more: str) -> subprocess.CompletedProcess[str]:
        arguments = ("run", "--codec", codec, "--dataset", picture, "--results", tmp_path / "results")
        done = bench(*arguments, *options, **environment, **more)
        assert "Traceback" not in done.stderr
        return done

    return run


def only_failure(done: subprocess.CompletedProcess[str], results: Path, codec: str) -> Failure:
    """The failure at quality 2; those at 1 and 3 must have figures, and the exit code tell it."""
    assert done.returncode == 1, done.stderr
    contents = results_of(results, codec)
    assert [row.quality for row in contents.rows.values()] == [1, 3]
    (failure,) = contents.failures.values()
    assert failure.quality == 2 and failure.setup in contents.setups
    assert "failed: photo.png at quality 2" in done.stderr and failure.reason in done.stderr
    return failure


# Honest rate


def test_who_must_write_elsewhere_can_be_let_and_rows_tell_it(run: Hostile, tmp_path: Path) -> None:
    """by-file hands the picture over in a file; confined, it fails (below)."""
    done = run("by-file", "--unconfined")
    assert done.returncode == 0, done.stderr
    contents = results_of(tmp_path / "results", "by-file")
    assert len(contents.rows) == 3
    assert {setup.run["confined"] for setup in contents.setups.values()} == {"no"}


def test_an_honest_codec_passes(run: Hostile, tmp_path: Path) -> None:
    done = run("honest")
    assert done.returncode == 0 and "3 measured" in done.stderr
    rows = list(results_of(tmp_path / "results", "honest").rows.values())
    assert [row.quality for row in rows] == [1, 2, 3]
    assert all(row.bytes > 100 and row.metrics["psnr"] and row.bitstream_sha256 for row in rows)


def test_a_picture_kept_in_memory_is_not_there_to_decode(run: Hostile, tmp_path: Path) -> None:
    failure = only_failure(run("by-memory"), tmp_path / "results", "by-memory")
    assert failure.side == "decode" and "kept" in failure.reason


@pytest.mark.parametrize("codec", ["by-file", "by-program", "by-shared-memory"])
def test_a_side_file_cannot_be_written(run: Hostile, tmp_path: Path, codec: str) -> None:
    done = run(codec)
    (setup,) = results_of(tmp_path / "results", codec).setups.values()
    if codec == "by-program" and "landlock" not in setup.run["confined"]:
        pytest.skip("this kernel has no Landlock, so other programs aren't confined")
    failure = only_failure(done, tmp_path / "results", codec)
    assert failure.side == "encode" and not list((tmp_path / "side").iterdir())
    assert not Path("/dev/shm/hostile-codec").exists()


def test_a_temporary_file_is_not_there_to_decode(run: Hostile, tmp_path: Path) -> None:
    failure = only_failure(run("by-temporary-file"), tmp_path / "results", "by-temporary-file")
    assert failure.side == "decode" and "side.npy" in failure.reason


def test_a_decoder_that_remembers_is_found_out(run: Hostile, tmp_path: Path) -> None:
    done = run("by-earlier-stream")
    assert done.returncode == 1 and "keeps something from one picture to the next" in done.stderr
    contents = results_of(tmp_path / "results", "by-earlier-stream")
    found = {failure.quality for failure in contents.failures.values()}
    assert found and found <= {2, 3} and len(contents.rows) == 3 - len(found)  # 1 was decoded first
    assert run("by-earlier-stream", "--fresh").returncode == 0  # where it can't


# Codecs that misbehave


@pytest.mark.parametrize(
    ("codec", "side", "reason"),
    [
        ("crashing", "encode", r"killed by signal 11.*about to fall over|killed by signal 11"),
        ("leaving", "decode", r"its process ended \(7\)"),
        ("raising", "encode", r"SystemExit: can't go on in private$"),
        ("garbage", "decode", r"no bitstream of mine"),
        ("wrong-size", "decode", r"it decoded to 192x191 pixels instead of 192x192"),
        ("wrong-kind", "decode", r"it decoded to float32 \(192, 192, 3\) instead of uint8"),
        ("no-bytes", "encode", r"encode gave str instead of bytes"),
        ("meddling", "encode", r"its process"),
    ],
)
def test_what_a_codec_does_wrong_is_recorded(
    run: Hostile, tmp_path: Path, codec: str, side: str, reason: str
) -> None:
    failure = only_failure(run(codec), tmp_path / "results", codec)
    assert failure.side == side and re.search(reason, failure.reason), failure


def test_a_crash_tells_the_last_words(run: Hostile, tmp_path: Path) -> None:
    failure = only_failure(run("crashing"), tmp_path / "results", "crashing")
    assert "about to fall over" in failure.reason


def test_a_codec_that_hangs_is_ended_with_all_that_it_started(run: Hostile, tmp_path: Path) -> None:
    before = _pids("time.sleep(1000)")
    failure = only_failure(run("hanging", "--timeout", 1), tmp_path / "results", "hanging")
    assert failure.side == "decode" and failure.reason == "it took over 1 s (--timeout)"
    assert _pids("time.sleep(1000)") <= before


@pytest.mark.parametrize("codec", ["hungry", "hungry-program"])
def test_a_codec_that_eats_memory_is_ended(run: Hostile, tmp_path: Path, codec: str) -> None:
    failure = only_failure(run(codec, "--memory", "300M"), tmp_path / "results", codec)
    assert failure.reason == "it took over 300 MiB of memory (--memory)"


@pytest.mark.parametrize(("kind", "options"), [("confined", ()), ("free", ("--unconfined",))])
def test_a_fork_bomb_is_ended(run: Hostile, tmp_path: Path, kind: str, options: tuple[str, ...]) -> None:
    failure = only_failure(run("bomb", *options), tmp_path / "results", "bomb")
    assert failure.reason == "it started over 256 processes"
    assert not _pids("bench.process.child", "by-nobody")  # the helper below works
    # Of this kind: the other one may be tested at the same time.
    assert not [pid for pid in _pids("bench.process.child", kind) if "bomb" in _command(pid)]


def test_a_codec_that_scribbles_on_its_input_harms_itself_alone(run: Hostile, tmp_path: Path) -> None:
    assert run("scribbling").returncode == 0
    rows = {row.quality: row for row in results_of(tmp_path / "results", "scribbling").rows.values()}
    assert rows[2].metrics["psnr"] < 10 < 17 < rows[3].metrics["psnr"]  # type: ignore[operator]


def test_a_codec_that_cannot_be_loaded_fails_in_every_cell(run: Hostile, tmp_path: Path) -> None:
    done = run("unloadable")
    assert done.returncode == 1
    failures = results_of(tmp_path / "results", "unloadable").failures.values()
    assert len(failures) == 3 and all("its weights are damaged" in failure.reason for failure in failures)


# Runs that are cut short


def test_a_killed_run_goes_on_where_it_was(picture: Path, environment: Environment, tmp_path: Path) -> None:
    command = [*BENCH, "run", "--codec", "slow", "--dataset", str(picture), "--results", str(tmp_path / "r")]
    qualities = [part for quality in range(1, 9) for part in ("--quality", str(quality))]
    path = Store(tmp_path / "r").path(picture.name, "slow")
    process = subprocess.Popen(
        [*command, *qualities], env=without_data() | environment, stderr=subprocess.DEVNULL
    )
    _wait_for(lambda: path.exists() and '"row"' in path.read_text())
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len({worker.cmdline()[-4] for worker in workers}) == 3  # encode, decode, score
    process.kill()
    process.wait()
    kept = len(results_of(tmp_path / "r", "slow").rows)
    assert 1 <= kept < 8
    _wait_for(lambda: not any(worker.is_running() for worker in workers))  # they end with it
    done = bench(*command[len(BENCH) :], *qualities, **environment)
    assert done.returncode == 0
    assert f"{8 - kept} measured, {kept} were in the results already" in done.stderr
    assert len(results_of(tmp_path / "r", "slow").rows) == 8


def test_a_killed_worker_costs_its_cell_only(picture: Path, environment: Environment, tmp_path: Path) -> None:
    command = [*BENCH, "run", "--codec", "slow", "--dataset", str(picture), "--results", str(tmp_path / "r")]
    path = Store(tmp_path / "r").path(picture.name, "slow")
    process = subprocess.Popen(command, env=without_data() | environment, stderr=subprocess.PIPE, text=True)
    _wait_for(lambda: path.exists() and '"row"' in path.read_text())
    (encoder,) = [
        each for each in psutil.Process(process.pid).children() if "encode" in " ".join(each.cmdline())
    ]
    encoder.kill()
    _, stderr = process.communicate(timeout=60)
    contents = results_of(tmp_path / "r", "slow")
    assert process.returncode == 1 and len(contents.rows) == 2, stderr
    (failure,) = contents.failures.values()
    assert "killed by signal 9" in failure.reason


def test_a_full_disk_ends_a_run_with_one_sentence(
    picture: Path, environment: Environment, tmp_path: Path
) -> None:
    """The run and all of its processes may write no file beyond a size, as on a small file system."""
    results = tmp_path / "r"
    arguments = ["--codec", "honest", "--dataset", str(picture), "--results", str(results)]
    assert bench("run", *arguments, "--quality", 1, **environment).returncode == 0
    path = Store(results).path(picture.name, "honest")
    before = path.read_bytes()
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 10},) * 2);"
        "from bench.cli import main; sys.argv[0] = 'bench'; main()"
    )
    done = subprocess.run(
        [BENCH[0], "-c", limited, "run", *arguments],
        env=without_data() | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("bench: can't write results to") and "make room" in last
    assert path.read_bytes() == before
    assert "2 measured, 1 were in the results already" in bench("run", *arguments, **environment).stderr


def test_two_runs_at_once_leave_whole_results(
    picture: Path, environment: Environment, tmp_path: Path
) -> None:
    command = [*BENCH, "run", "--dataset", str(picture), "--results", str(tmp_path / "r")]
    runs = [
        subprocess.Popen(
            [*command, "--codec", "slow", "--quality", "1", "--quality", str(quality)],
            env=without_data() | environment, stderr=subprocess.PIPE, text=True,
        )
        for quality in (3, 4)
    ]  # fmt: skip
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    contents = results_of(tmp_path / "r", "slow")
    assert [row.quality for row in contents.rows.values()] == [1, 3, 4]
    for line in Store(tmp_path / "r").path(picture.name, "slow").read_text().splitlines():
        json.loads(line)
    assert any("while other work went on" in each for each in said)


# What is measured again, and how


def test_what_resume_measures(run: Hostile, tmp_path: Path) -> None:
    def figures(*options: object) -> tuple[int, str]:
        done = run("garbage", *options)
        return done.returncode, done.stderr.replace("\n", " ")

    code, said = figures("--resume", "none")
    assert code == 1 and "0 measured" in said and "3 not measured" in said
    assert "0 measured" in figures("--resume", "failed")[1]
    assert "2 measured" in figures()[1]
    assert "0 measured, 2 were" in figures("--resume", "missing")[1]  # and the failed one is tried again
    code, said = figures("--resume", "none")
    assert code == 1 and "2 were in the results already" in said and "no bitstream of mine" in said
    assert "2 measured, 0 were" in figures("--resume", "all")[1]
    path = Store(tmp_path / "results").path("one0", "garbage")
    tried = [json.loads(line)["kind"] for line in path.read_text().splitlines()].count("failure")
    figures("--resume", "failed")
    lines = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert tried == 3 and lines.count("failure") == 4 and lines.count("row") == 4


def test_another_version_is_measured_anew(run: Hostile, tmp_path: Path) -> None:
    run("honest")
    done = run("honest", HOSTILE_VERSION="2")
    assert "3 measured, 0 were in the results already" in done.stderr
    assert results_of(tmp_path / "results", "honest").version == "2"


def test_a_metric_that_is_missing_is_measured(run: Hostile, tmp_path: Path) -> None:
    run("honest", "--metric", "psnr")
    (row, *_) = results_of(tmp_path / "results", "honest").rows.values()
    assert row.metrics.keys() == {"psnr"}
    assert "3 measured" in run("honest").stderr
    assert "0 measured" in run("honest", "--metric", "ms_ssim").stderr


def test_timing_repeats_alone_and_pinned(run: Hostile, machine: Environment, tmp_path: Path) -> None:
    done = run("wavering", "--timing", "--threads", 1, **machine)
    assert done.returncode == 0, done.stderr
    contents = results_of(tmp_path / "results", "wavering")
    rows = {row.quality: row for row in contents.rows.values()}
    assert all(row.repeats == 5 for row in rows.values())
    assert rows[2].note == "its encoder isn't deterministic" and rows[1].note == ""
    (setup,) = contents.setups.values()
    assert setup.run["pinned"] is hasattr(os, "sched_setaffinity") and setup.run["threads"] == 1
    assert_one_sentence(run("honest", "--timing", "--jobs", 2), "--timing", "--jobs")


def test_a_run_is_not_timed_beside_another(
    picture: Path, environment: Environment, machine: Environment, tmp_path: Path
) -> None:
    command = [*BENCH, "run", "--codec", "slow", "--dataset", str(picture), "--results", str(tmp_path / "r")]
    environment |= machine
    other = subprocess.Popen(
        [*command, "--timing"], env=without_data() | environment, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(lambda: len(psutil.Process(other.pid).children()) >= 3)
        done = bench(*command[len(BENCH) :], "--quality", 3, **environment)
    finally:
        other.send_signal(signal.SIGINT)
        other.wait()
    assert done.returncode == 2 and "a bench run with --timing goes on" in done.stderr


def test_memory_and_start_are_told_apart(run: Hostile, tmp_path: Path) -> None:
    run("slow")
    for row in results_of(tmp_path / "results", "slow").rows.values():
        assert row.start_s is not None and row.start_s > 0
        assert row.encode_memory is not None and row.decode_memory is not None
        assert 10 << 20 < row.encode_memory < 1 << 30 and 10 << 20 < row.decode_memory < 1 << 30
        assert row.encode_s >= 0.2 > row.decode_s or not row.alone


def test_provenance_tells_everything_but_paths(run: Hostile, tmp_path: Path, picture: Path) -> None:
    run("raising")
    path = Store(tmp_path / "results").path(picture.name, "raising")
    (setup,) = results_of(tmp_path / "results", "raising").setups.values()
    assert setup.dataset["images"] == 1 and len(setup.dataset["sha256"]) == 64
    assert setup.libraries["numpy"] and setup.machine["cpu"] and setup.machine["device"] == "CPU"
    assert setup.metrics.keys() == {"psnr", "ms_ssim"} and setup.bench["version"]
    text = path.read_text()
    for place in (str(Path.home()) + "/", str(picture.parent), str(tmp_path), os.getcwd()):
        assert place not in text


# Scoring apart from coding


def test_kept_pictures_are_scored_without_coding(run: Hostile, picture: Path, tmp_path: Path) -> None:
    run("honest", "--metric", "psnr", "--keep")
    results = tmp_path / "results"
    before = {row.quality: row for row in results_of(results, "honest").rows.values()}
    kept = results / "kept" / picture.name / "honest"
    assert {path.name for path in kept.iterdir()} == {
        f"photo.png@{quality}.{suffix}" for quality in (1, 2, 3) for suffix in ("bin", "png")
    }
    assert (kept / "photo.png@2.bin").stat().st_size == before[2].bytes
    Image.new("RGB", (192, 192)).save(kept / "photo.png@3.png")  # no longer what was decoded
    score = ("score", "--codec", "honest", "--dataset", picture, "--results", results)
    done = bench(*score, "--metric", "ms_ssim")  # the codec itself isn't needed
    assert done.returncode == 1 and "1 pictures aren't kept" in done.stderr, done.stderr
    after = {row.quality: row for row in results_of(results, "honest").rows.values()}
    assert after[1].metrics["psnr"] == before[1].metrics["psnr"] and after[1].encode_s == before[1].encode_s
    assert after[2].metrics.keys() == {"psnr", "ms_ssim"} and after[3].metrics.keys() == {"psnr"}
    run("honest", "--resume", "all")
    measured = {row.quality: row for row in results_of(results, "honest").rows.values()}
    assert measured[2].metrics["ms_ssim"] == after[2].metrics["ms_ssim"]


def _pids(*parts: str) -> set[int]:
    return {pid for pid in psutil.pids() if all(part in _command(pid) for part in parts)}


def _command(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
