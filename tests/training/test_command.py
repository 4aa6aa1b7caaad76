"""`bench train`: plans, options and what it says of bad ones."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from full_disk import full_disk
from tiny import TINY, photo
from trainings import checkpoint
from trainings import log as log_rows

from bench import cli
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.config import CONFIGS, AinnConfig
from bench.commands.training import train
from bench.core.errors import BenchError
from bench.training import command
from bench.training.plan import TrainingPlan
from bench.training.trainer import CHECKPOINT, LOG, WEIGHTS


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "--minutes or --steps"),
        ({"steps": 1, "precision": "float16"}, "precision 'float16'"),
        ({"steps": 1, "entropy_first": 0.6, "entropy_last": 0.5}, "at most 1 together"),
        ({"steps": 1, "crop": 100}, "--crop 100"),
        ({"steps": 1, "crop": 0}, "--crop 0"),
        ({"steps": 0}, "steps"),
        ({"steps": -5}, "steps"),
        ({"minutes": -1.0}, "minutes"),
    ],
    ids=str,
)
def test_a_plan_that_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BenchError, match=words):
        TrainingPlan(**options)


def test_the_command_line_has_the_defaults_of_plan_and_job() -> None:
    for kind in (TrainingPlan, command.TrainingJob):
        for field in fields(kind):
            if field.name not in ("data", "out", "ema", "clip"):  # required, or no option
                default = signature(train).parameters[field.name].default
                assert (default or None) == (field.default or None), field.name  # no tuple is None there


def test_ablations_are_configured() -> None:
    config = command.configure("ainn", "compact", (0.02, 0.01), ("fdsm", "couplings"))
    assert isinstance(config, AinnConfig)
    assert (config.lambdas, config.fdsm, config.couplings, config.cfrm) == ((0.01, 0.02), False, 0, True)
    assert command.configure("ainn", "paper", (), ()).name == "paper"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--minutes or --steps"),
        (
            ["--steps", "1", "--config", "papper"],
            "no configuration 'papper'; there are compact, invcomp, paper",
        ),
        (["--steps", "1", "--without", "cfmr"], "'cfmr' can't be switched off"),
        (["--steps", "1", "--lambda", "-1"], "lambdas must be"),
        (["--steps", "1", "--model", "mbt2019"], "no model 'mbt2019' to train; there are ainn, bmshj2018"),
        (["--steps", "1", "--model", "mbt2018"], "mbt2018 is trained for one rate; give one --lambda"),
        (
            ["--steps", "1", "--model", "mbt2018", "--lambda", "0.01", "--without", "pdm"],
            "--config and --without are A-INN's; mbt2018 has none",
        ),
        (
            ["--steps", "1", "--model", "mbt2018", "--lambda", "0.01", "--precision", "bfloat16"],
            "mbt2018 is trained in float32; leave --precision out",
        ),
        (["--steps", "1", "--crop", "100"], "--crop 100"),
        (["--steps", "1", "--device", "abacus"], "can't train on device 'abacus'"),
        (["--steps", "1", "--resume", "none.pt"], "no checkpoint at none.pt"),
        (["--steps", "0"], "steps"),
        (["--steps", "1", "--crop", "1024"], "no photo with sides of at least 1024 pixels"),
        (["--steps", "1", "--weights", "none.pt"], "no A-INN weights at none.pt"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_options_are_one_sentence(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: str,
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["bench", "train", "--data", str(photos), "--out", str(out), *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("bench: ") and words in printed.err
    assert printed.err.count("\n") == 1
    assert not out.exists()


def test_weights_keep_their_lambdas(
    photos: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONFIGS, "tiny", TINY)
    plan = TrainingPlan(steps=1, crop=64)
    job = command.TrainingJob(photos, tmp_path / "out", config="tiny", lambdas=(0.5,), weights=tiny_weights)
    with pytest.raises(BenchError, match=r"is for lambdas of 0.002, 0.01, 0.05, .* leave --lambda out"):
        command.run_training(plan, job)
    assert not job.out.exists()


def test_the_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    options = ["train", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"), "--steps", "1"]
    done = subprocess.run([sys.executable, "-m", "bench.cli", *options], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("bench: no training photos at") and done.stderr.count("\n") == 1


def test_a_full_disk_leaves_checkpoint_log_and_weights_as_they_were(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(CONFIGS, "tiny", TINY)
    options = ["--data", str(photos), "--config", "tiny", "--crop", "64", "--batch", "1"]
    options += ["--export-crops", "4"]

    def bench_train(*more: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bench", "train", *options, "--out", str(tmp_path), *more])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return f"{ended.value.code}: {capsys.readouterr().err}"

    def files() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with full_disk(0):
        first = bench_train("--steps", "1")
    assert "2: " in first[:3] and f"can't write to {tmp_path} (File too large)" in first
    assert not any(files().values()) and CHECKPOINT not in files()
    bench_train("--steps", "1")
    before = files()
    resume = ("--resume", str(tmp_path / CHECKPOINT), "--steps", "2")
    for room in (len(before[LOG]), len(before[CHECKPOINT]) // 2):  # for the next row of the log, or not
        with full_disk(room):
            ended = bench_train(*resume)
        assert ended.startswith("2: ") and ended.splitlines()[-1] == (
            f"bench: can't write to {tmp_path} (File too large); make room, and go on with --resume "
            f"{tmp_path / CHECKPOINT} if that is there"
        )
        now = files()
        assert now.keys() == before.keys() and now[LOG].startswith(before[LOG])
        assert all(now[name] == before[name] for name in (CHECKPOINT, WEIGHTS))
    assert bench_train(*resume).startswith("0: ") and checkpoint(tmp_path)["step"] == 2


def test_the_command_trains_resumes_and_guards_what_is_there(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(CONFIGS, "tiny", TINY)
    options = ["--data", str(photos), "--config", "tiny", "--steps", "2", "--crop", "64", "--batch", "1"]
    options += ["--export-crops", "4"]

    def bench_train(*more: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bench", "train", *options, "--out", str(tmp_path), *more])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr().err
        return f"{ended.value.code}: {printed}"

    first = bench_train("--stop-after", "0")
    assert first.startswith("0: tiny: ") and f"not done; go on with --resume {tmp_path / CHECKPOINT}" in first
    assert bench_train().startswith(f"2: bench: {tmp_path} holds a training already")
    log_file = str(tmp_path / LOG)
    assert bench_train("--out", log_file).startswith(f"2: bench: {log_file} is a file; give --out a folder")
    assert "done. weights:" in bench_train("--resume", str(tmp_path / CHECKPOINT))
    assert checkpoint(tmp_path)["step"] == 2
    log = (tmp_path / LOG).read_bytes()
    (tmp_path / LOG).write_bytes(log + b"3,0.1,")  # as a kill leaves it
    bench_train("--resume", str(tmp_path / CHECKPOINT), "--steps", "3", "--validate-every", "1")
    assert (tmp_path / LOG).read_bytes().startswith(log + b"3,")
    assert [row["step"] for row in log_rows(tmp_path)] == ["0", "2", "3"]
    image = photo(20, 30)
    codec = AinnCodec(tmp_path / WEIGHTS)
    assert codec.decode(codec.encode(image, 1)).shape == image.shape
