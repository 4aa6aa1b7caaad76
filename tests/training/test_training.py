"""Training: the same again from the same seed, exact to resume, and what it leaves."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TINY, photo, tiny_model
from torch import Tensor
from trainings import PLAN, assert_same, checkpoint, log, train, without_time

from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.weights import load_weights, save_weights
from bench.core.errors import BenchError
from bench.training import command
from bench.training import trainer as trainer_module
from bench.training.ainn_learner import AinnLearner
from bench.training.divergence import PATIENCE, Watch
from bench.training.log import LOG_COLUMNS, PARTS, append
from bench.training.plan import ALL, FIRST, LAST, TrainingPlan
from bench.training.trainer import CHECKPOINT, LOG, WEIGHTS, Trainer
from bench.training.validation import FIGURES
from bench.training.zoo_learner import ZooConfig


@pytest.fixture(scope="module")
def uninterrupted(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted")
    train(photos, out)
    return out


# One seed, one outcome.


def test_plan_goes_through_three_phases() -> None:
    phases = [PLAN.phase(PLAN.progress(step, 0))[0] for step in range(9)]
    assert phases == [FIRST] * 3 + [ALL] * 3 + [LAST] * 3
    for step in range(10):
        assert 0 <= PLAN.phase(PLAN.progress(step, 0))[1] <= 1
    assert PLAN.progress(9, 0) == 1


@pytest.mark.parametrize(("first", "last", "name"), [(0.3, 0.0, ALL), (1.0, 0.0, FIRST), (0.3, 0.1, LAST)])
def test_a_training_ends_in_a_phase_that_was_planned(first: float, last: float, name: str) -> None:
    phase, share = TrainingPlan(steps=9, entropy_first=first, entropy_last=last).phase(1.0)
    assert (phase, share) == (name, pytest.approx(1))


def test_same_seed_gives_the_same_weights(photos: Path, uninterrupted: Path, tmp_path: Path) -> None:
    again = train(photos, tmp_path, validate_every=100)
    assert_same(without_time(again), without_time(checkpoint(uninterrupted)))
    first, second = (load_weights(out / WEIGHTS).state_dict() for out in (tmp_path, uninterrupted))
    assert_same(dict(first), dict(second))


def test_another_seed_gives_other_weights(photos: Path, uninterrupted: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(**vars(PLAN) | {"seed": 1, "steps": 2})
    other = train(photos, tmp_path, plan)["model"]["entropy.context.weight"]
    assert not torch.equal(other, checkpoint(uninterrupted)["model"]["entropy.context.weight"])


def test_each_phase_trains_its_part(photos: Path, tmp_path: Path) -> None:
    """The entropy model moves in all phases, what makes the latents in the middle one only, and the decoder's
    own modules from there on."""
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    states = {0: {name: value.clone() for name, value in trainer.model.state_dict().items()}}

    def keep(row: dict[str, Any]) -> None:
        states[row["step"]] = {name: value.clone() for name, value in trainer.model.state_dict().items()}

    trainer.run(tmp_path, validate_every=1, report=keep)

    def moved(start: int, end: int, prefix: str) -> bool:
        named = [name for name in states[0] if name.startswith(prefix) and "quantiles" not in name]
        assert named
        return any(not torch.equal(states[start][name], states[end][name]) for name in named)

    latents, decoder = ("transform.", "decomposition.", "entropy.log_gain"), ("cfrm.", "pdms.", "synthesis.")
    expected = {"entropy.": (True, True, True), "entropy.decoder_s": (True, True, False)}
    expected |= dict.fromkeys((*latents, *decoder), (False, True, False))
    for prefix, phases in expected.items():
        assert [moved(0, 3, prefix), moved(3, 6, prefix), moved(7, 9, prefix)] == list(phases), prefix
    average = checkpoint(tmp_path)["average"]  # what ships is the average, and the last phase trains for that
    for name, value in states[9].items():
        if name.startswith(latents):
            assert torch.equal(value, average[name]), name


@pytest.mark.parametrize("from_weights", [True, False])
def test_first_phase_codes_with_the_transform_that_is_there(
    photos: Path, tmp_path: Path, from_weights: bool
) -> None:
    """A fresh transform may be shortened to its linear part, a trained one must not be."""
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    if from_weights:
        save_weights(tiny_model(), tmp_path / "weights.pt", {})
        trainer.start_from(tmp_path / "weights.pt")
    x = trainer.crops.batch(0, 2)
    y = trainer.learner.prepared(x, FIRST, half=False)
    with torch.no_grad():
        assert torch.allclose(y, trainer.model.encode(x), atol=1e-4)


# Stopping and going on.


@pytest.mark.parametrize("stop_at", [2, 3, 5, 6, 8])  # within each phase, and where two of them meet
def test_interrupted_and_resumed_is_as_if_uninterrupted(
    photos: Path, uninterrupted: Path, tmp_path: Path, stop_at: int
) -> None:
    stopped = train(photos, tmp_path, stop_at=stop_at)
    assert stopped["step"] == stop_at
    finished = train(photos, tmp_path, resume=True)
    assert_same(without_time(finished), without_time(checkpoint(uninterrupted)))
    assert finished["seconds"] > stopped["seconds"]


def test_stopped_twice_is_as_if_uninterrupted(photos: Path, uninterrupted: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, stop_at=2)
    train(photos, tmp_path, resume=True, stop_at=5)
    assert_same(without_time(train(photos, tmp_path, resume=True)), without_time(checkpoint(uninterrupted)))


def test_handlers_of_signals_are_put_back(photos: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train(photos, tmp_path, stop_at=2)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_validation_changes_nothing_but_the_log(
    photos_and_valid: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    validated = train(photos_and_valid, tmp_path, validate_every=4)
    assert_same(without_time(validated), without_time(checkpoint(uninterrupted)))
    rows = log(tmp_path)
    assert [row["step"] for row in rows] == ["4", "8", "9"]
    assert all(float(row["valid_bpp"]) > 0 and 10 < float(row["valid_psnr"]) < 60 for row in rows)


def test_the_log_tells_whether_photos_are_the_limit(photos_and_valid: Path, tmp_path: Path) -> None:
    """The same figures of as many photos that the training has seen: here, of the held-out photo itself."""
    for number in (8, 9):
        Image.fromarray(photo(256, 260, seed=number)).save(tmp_path / f"{number}.png")
    shutil.copy(photos_and_valid / "valid-0.png", tmp_path / "0-seen.png")
    shutil.copy(photos_and_valid / "valid-0.png", tmp_path)
    trainer = Trainer(TINY, PLAN, tmp_path, "cpu")
    assert len(trainer.crops) == 3 and len(trainer.seen) == len(trainer.validation) == 1
    row = trainer.validate()
    assert {name: row[f"train_{name}"] for name in FIGURES} == {
        name: row[f"valid_{name}"] for name in FIGURES
    }
    assert row.keys() < set(LOG_COLUMNS)
    assert Trainer(TINY, PLAN, photos_and_valid, "cpu").validate().keys() == {f"valid_{f}" for f in FIGURES}


def test_a_log_from_before_there_were_more_columns_goes_on_with_its_own(tmp_path: Path) -> None:
    path = tmp_path / LOG
    path.write_text("step,loss,valid_loss\n1,0.5,\n")
    append(path, {"step": 2, "loss": 0.25, "valid_loss": 0.5, "train_loss": 0.75})
    assert path.read_text().splitlines() == ["step,loss,valid_loss", "1,0.5,", "2,0.25,0.5"]


def test_no_minutes_stop_at_once_with_a_checkpoint(photos: Path, tmp_path: Path) -> None:
    assert Trainer(TINY, TrainingPlan(minutes=0, crop=64, export_crops=4), photos, "cpu").run(
        tmp_path / "deep" / "out"
    )
    out = tmp_path / "deep" / "out"
    assert sorted(path.name for path in out.iterdir()) == sorted([CHECKPOINT, LOG, WEIGHTS])
    assert checkpoint(out)["step"] == 0
    assert len(log(out)) == 1
    load_weights(out / WEIGHTS)


def test_a_slice_ends_when_its_time_is_up(photos: Path, tmp_path: Path) -> None:
    assert Trainer(TINY, PLAN, photos, "cpu").run(tmp_path, stop_after=0) is False
    assert checkpoint(tmp_path)["step"] == 0


def test_training_from_weights_is_exact_to_resume_too(photos: Path, tmp_path: Path) -> None:
    save_weights(tiny_model(), tmp_path / "start.pt", {})
    for out, stop in (("straight", None), ("stopped", 5)):
        trainer = Trainer(TINY, PLAN, photos, "cpu")
        trainer.start_from(tmp_path / "start.pt")
        assert torch.equal(
            trainer.model.entropy.context.weight, load_weights(tmp_path / "start.pt").entropy.context.weight
        )

        def press(row: dict[str, Any], stop: int | None = stop) -> None:
            if stop is not None and row["step"] == stop - 1:
                os.kill(os.getpid(), signal.SIGINT)

        trainer.run(tmp_path / out, validate_every=1, report=press)
    resumed = train(photos, tmp_path / "stopped", resume=True)
    assert_same(without_time(resumed), without_time(checkpoint(tmp_path / "straight")))
    load_weights(tmp_path / "stopped" / WEIGHTS)


# What it leaves.


def test_log_has_its_columns_and_goes_on_after_a_stop(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, stop_at=3)
    train(photos, tmp_path, resume=True, validate_every=4)
    lines = (tmp_path / LOG).read_text().splitlines()
    assert lines[0] == ",".join(LOG_COLUMNS)
    assert lines.count(lines[0]) == 1
    rows = log(tmp_path)
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 8, 9]
    minutes = [float(row["minutes"]) for row in rows]
    assert minutes == sorted(minutes)
    assert {row["phase"] for row in rows} == {FIRST, ALL, LAST}
    assert all(float(row["loss"]) > 0 and float(row["bpp"]) > 0 and float(row["psnr"]) > 0 for row in rows)
    assert all(row["skipped_steps"] == "0" and row["valid_loss"] == "" for row in rows)


def test_exported_weights_code_a_picture(uninterrupted: Path) -> None:
    model = load_weights(uninterrupted / WEIGHTS)
    average = checkpoint(uninterrupted)["average"]
    for name, value in model.named_parameters():
        if not name.endswith("quantiles"):
            assert torch.equal(value, average[name].half().float()), name
    image = photo(64, 96, seed=1)
    codec = AinnCodec(uninterrupted / WEIGHTS)
    decoded = codec.decode(codec.encode(image, 3)).astype(float)
    assert decoded.shape == image.shape
    assert np.mean((decoded - image) ** 2) < np.mean((decoded.mean((0, 1)) - image) ** 2) / 4


def test_loss_goes_down_from_the_head_start(photos_and_valid: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(
        steps=36, batch=2, crop=64, rate=5e-4, entropy_first=0.4, entropy_last=0.2, export_crops=8
    )
    trainer = Trainer(TINY, plan, photos_and_valid, "cpu")
    before = trainer.validate()
    trainer.run(tmp_path)
    after = trainer.validate()
    assert after["valid_loss"] < 0.95 * before["valid_loss"]
    assert trainer.watch.skipped == 0


def test_phases_of_the_entropy_model_see_more_latents_and_see_them_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "KEPT_BATCHES", 2)
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    assert [trainer.learner.pictures(3, phase) for phase in (FIRST, ALL, LAST)] == [12, 3, 12]
    prepare, made = trainer.learner.prepared, []

    def count(x: Tensor, phase: str, half: bool) -> Tensor:
        made.append((phase, len(x)))
        return prepare(x, phase, half)

    monkeypatch.setattr(trainer.learner, "prepared", count)
    trainer.run(tmp_path)
    # Three steps each; latents of the last phase aren't those of the first.
    assert made == [(FIRST, 4)] * 2 + [(ALL, 1)] * 3 + [(LAST, 4)] * 2


def test_an_error_of_a_latent_counts_where_the_decoder_is_given_it(photos: Path, uninterrupted: Path) -> None:
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    trainer.start_from(uninterrupted / WEIGHTS)
    learner, entropy, level = trainer.learner, trainer.model.entropy, torch.ones(1)
    y = learner.prepared(trainer.crops.batch(0, 1), LAST, half=False)
    assert y.shape == (1, TINY.latent_channels, 4, 4)

    def error() -> Tensor:
        torch.manual_seed(0)
        return learner.losses(y, level, LAST, half=False)[1]

    before = error()
    entropy.decoder_shift.data += 1.0  # type: ignore[union-attr]
    assert torch.allclose(error(), before, rtol=1e-4)
    entropy.decoder_scale.data *= 2  # type: ignore[union-attr]
    assert before < error() < 4.01 * before  # worth four times as much, so more symbols are sent


def test_bfloat16_that_a_cpu_must_emulate_is_told(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for lacks in (True, False):
        monkeypatch.setattr(command, "_lacks_bfloat16", lambda lacks=lacks: lacks)
        plan = TrainingPlan(**vars(PLAN) | {"steps": 1, "precision": "bfloat16"})
        monkeypatch.setattr(command, "configure", lambda *_: TINY)
        command.run_training(plan, command.TrainingJob(data=photos, out=tmp_path / str(lacks)))
        assert ("no bfloat16 by itself" in capsys.readouterr().err) == lacks


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precisions_train(photos: Path, tmp_path: Path, precision: str) -> None:
    plan = TrainingPlan(**vars(PLAN) | {"steps": 3, "precision": precision})
    state = train(photos, tmp_path, plan)
    assert all(value.dtype == torch.float32 for name, value in state["average"].items() if "weight" in name)
    assert state["watch"]["skipped"] == 0
    assert all(torch.isfinite(value).all() for value in state["model"].values())


def test_training_steps_back_to_the_average_when_its_weights_are_spoilt(photos: Path, tmp_path: Path) -> None:
    trainer = Trainer(TINY, TrainingPlan(**vars(PLAN) | {"steps": 40}), photos, "cpu")
    trainer.model.entropy.context.bias.data.fill_(float("nan"))
    rows: list[dict[str, Any]] = []
    assert trainer.run(tmp_path, report=rows.append)
    assert (trainer.watch.skipped, trainer.watch.steps_back) == (PATIENCE, 1)
    assert rows[-1]["skipped_steps"] == PATIENCE and rows[-1]["steps_back"] == 1
    assert "stepped back 1 times" in command._describe(rows[-1])
    assert all(torch.isfinite(value).all() for value in trainer.model.parameters())
    assert trainer.optimiser.param_groups[1]["lr"] <= PLAN.rate / 2


def test_a_training_that_stepping_back_does_not_help_is_an_error(photos: Path, tmp_path: Path) -> None:
    trainer = Trainer(TINY, TrainingPlan(**vars(PLAN) | {"steps": 1000}), photos, "cpu")
    before = trainer.model.transform.blocks[0].mix.weight.clone()
    trainer.model.entropy.context.bias.data.fill_(float("nan"))
    trainer.average.weights["entropy.context.bias"].fill_(float("nan"))
    with pytest.raises(BenchError, match=r"training diverged.*smaller --rate"):
        trainer.run(tmp_path)
    assert torch.equal(trainer.model.transform.blocks[0].mix.weight, before)


def test_bad_steps_are_those_that_are_not_finite_or_far_off() -> None:
    watch = Watch()
    assert watch.good(100.0, 1.0)  # nothing is usual yet
    assert all(watch.good(2.0 + step % 3, 1.0) for step in range(200))
    assert watch.usual == pytest.approx(3, abs=0.3)
    assert watch.good(4 * 3, 50.0)
    for loss, norm in ((60.0, 1.0), (float("nan"), 1.0), (2.0, float("inf"))):
        assert not watch.good(loss, norm)
    assert watch.skipped == 3 and not watch.astray and watch.rate_factor == 1
    assert watch.good(2.0, 1.0) and watch.in_a_row == 0
    assert not any(watch.good(1e6, 1.0) for _ in range(PATIENCE)) and watch.astray
    watch.stepped_back()
    assert not watch.astray and watch.rate_factor == 0.5
    assert watch.good(1e6, 1.0)  # what is usual is found anew
    assert Watch(**watch.to_dict()) == watch


def test_the_log_says_where_the_time_goes(photos: Path, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    Trainer(TINY, PLAN, photos, "cpu").run(tmp_path, report=rows.append)
    shares = [rows[-1][f"{part}_share"] for part in PARTS]
    assert all(share > 0 for share in shares) and 0.5 < sum(shares) <= 1


def test_symbols_are_counted_in_whole_numbers(photos: Path) -> None:
    """Sums in float32 are off by some in millions: probabilities of what is rare then came out below zero."""
    learner = Trainer(TINY, PLAN, photos, "cpu").learner
    assert isinstance(learner, AinnLearner)
    counts, _ = learner._measure(torch.rand(2, 3, 64, 64))
    assert counts.dtype == torch.int64
    assert int(counts.sum()) == 2 * len(TINY.lambdas) * TINY.latent_channels * 4 * 4


def test_a_checkpoint_from_before_there_was_a_filter_is_gone_on_from(
    photos: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    state = checkpoint(uninterrupted)
    for part in ("model", "average"):
        state[part] = {name: value for name, value in state[part].items() if "picture_filter" not in name}
    torch.save(state, tmp_path / CHECKPOINT)
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    trainer.resume(tmp_path / CHECKPOINT)
    trainer.save(tmp_path)
    assert len(load_weights(tmp_path / WEIGHTS).picture_filter.deviations) == len(TINY.lambdas)


# Checkpoints that are none.


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "weights", "foreign"])
def test_damaged_checkpoint_is_a_bench_error(
    photos: Path, uninterrupted: Path, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "bad.pt"
    data = (uninterrupted / CHECKPOINT).read_bytes()
    if damage == "foreign":
        torch.save({"step": 3}, path)
    else:
        whole = {"text": b"a checkpoint?", "empty": b"", "weights": (uninterrupted / WEIGHTS).read_bytes()}
        path.write_bytes(whole.get(damage, data[: len(data) // 2]))
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    with pytest.raises(BenchError, match=r"bad\.pt can't be read as a training checkpoint") as caught:
        trainer.resume(path)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_model_is_refused(photos: Path, uninterrupted: Path) -> None:
    trainer = Trainer(
        ZooConfig("bmshj2018-hyperprior", 0.01, (8, 12)), TrainingPlan(steps=1, crop=64), photos, "cpu"
    )
    with pytest.raises(BenchError, match="of another model, ainn"):
        trainer.resume(uninterrupted / CHECKPOINT)
