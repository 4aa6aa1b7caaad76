"""`bench train --ablations`: all variants trained alike, gone on with after any stop, in one table."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tiny import TINY, photo
from trainings import assert_same, checkpoint, log

from bench import cli
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.config import CONFIGS
from bench.training import ablations, trainer
from bench.training.ablations import POINTS, TABLE, VARIANTS
from bench.training.plan import TrainingPlan
from bench.training.trainer import CHECKPOINT, Trainer

LAMBDAS = (0.002, 0.005, 0.015, 0.05)  # a BD-rate needs four points
PLAN: dict[str, Any] = {"steps": 2, "batch": 1, "crop": 64, "entropy_first": 0.0, "export_crops": 1}
NAMES = ["whole", "no-fdsm", "no-cfrm", "no-pdm", "no-couplings", "invcomp"]
BenchTrain = Callable[..., str]


@pytest.fixture
def bench_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> BenchTrain:
    """Calls `bench train --ablations` with a tiny model; what is printed, after the exit code."""
    for module in (ablations, trainer):
        monkeypatch.setattr(module, "VALIDATION_SIDE", 64)
    monkeypatch.setitem(CONFIGS, "tiny", TINY)
    data = tmp_path / "data"
    data.mkdir()
    for name in ("0", "1", "valid-0", "valid-1", "valid-2"):
        Image.fromarray(photo(64, 80, seed=ord(name[-1]))).save(data / f"{name}.png")
    options = ["--data", str(data), "--out", str(tmp_path / "out"), "--config", "tiny", "--crop", "64"]
    options += ["--batch", "1", "--export-crops", "1", "--entropy-first", "0"]
    options += [word for value in LAMBDAS for word in ("--lambda", str(value))]

    def call(*more: str) -> str:
        monkeypatch.setattr(sys, "argv", ["bench", "train", "--ablations", *options, *more])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return f"{ended.value.code}: {printed.out}{printed.err}"

    return call


def test_all_variants_come_into_one_table_and_are_gone_on_with(
    bench_train: BenchTrain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(VARIANTS) == NAMES
    out = tmp_path / "out"
    assert "not done; go on with the same command" in bench_train("--steps", "2", "--stop-after", "0")
    assert checkpoint(out / "whole")["step"] == 0 and not (out / TABLE).exists()

    run, runs = Trainer.run, []

    def run_until_killed(self: Trainer, *args: object, **kwargs: object) -> bool:
        if len(runs) == 2:
            raise KeyboardInterrupt  # as a second Ctrl-C: nothing is saved any more
        runs.append(self.learner)
        return run(self, *args, **kwargs)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "run", run_until_killed)
        assert bench_train("--steps", "2").startswith("130: ")
    assert [name for name in NAMES if (out / name / POINTS).exists()] == NAMES[:2]
    assert len((out / TABLE).read_text().splitlines()) == 2 + 2
    kept = (out / "whole" / CHECKPOINT).read_bytes()

    assert "holds ablations with steps 2" in bench_train("--steps", "3")
    done = bench_train("--steps", "2")
    assert done.startswith("0: | variant | parameters (M) |")
    assert (out / "whole" / CHECKPOINT).read_bytes() == kept  # not trained again
    lines = (out / TABLE).read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert [row[0] for row in rows] == NAMES and {row[2] for row in rows} == {"2"}
    assert rows[0][7] == "" and all(float(row[7]) for row in rows[1:])  # BD-rates against the whole
    assert all(" to " in row[8] for row in rows[1:])
    parameters = {row[0]: float(row[1]) for row in rows}
    assert all(parameters[name] < parameters["whole"] for name in ("no-cfrm", "no-pdm", "no-couplings"))

    assert all(log(out / name)[-1]["step"] == "2" for name in NAMES)
    options = TINY.with_options(lambdas=LAMBDAS, pdm=False)  # a variant is what its training alone gives
    alone = Trainer(options, TrainingPlan(**PLAN), tmp_path / "data", "cpu")
    alone.run(tmp_path / "alone")
    states = [checkpoint(folder)["model"] for folder in (tmp_path / "alone", out / "no-pdm")]
    assert_same(*states)

    image = photo(64, 80)
    for name in ("no-pdm", "invcomp"):
        codec = AinnCodec(out / f"{name}.pt")
        assert codec.decode(codec.encode(image, 1)).shape == image.shape
        assert codec._model.config == TINY.with_options(lambdas=LAMBDAS, **VARIANTS[name])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--steps", "1", "--without", "pdm"), "leave --without out"),
        (("--steps", "1", "--weights", "mine.pt"), "leave --weights out"),
        (("--steps", "1", "--resume", "checkpoint.pt"), "leave --resume out"),
        (("--steps", "1", "--config", "invcomp"), "take --config compact or paper"),
        (("--steps", "1", "--config", "paper", "--model", "mbt2018"), "--config and --without are A-INN's"),
        ((), "--minutes or --steps"),
    ],
)
def test_options_that_ablations_cannot_have_are_one_sentence(
    bench_train: BenchTrain, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    said = bench_train(*options)
    assert said.startswith("2: bench: ") and words in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_ablations_want_photos_that_are_held_out(bench_train: BenchTrain, tmp_path: Path) -> None:
    for path in (tmp_path / "data").glob("valid*"):
        path.unlink()
    said = bench_train("--steps", "1")
    assert said.startswith("2: bench: ablations are compared on photos that are held out, and ")
    assert not (tmp_path / "out").exists()
