"""Training: the same again from the same seed, exact to resume, and what the command says of bad options."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TINY, photo, tiny_model

from bench import cli
from bench.codecs import get
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.config import CONFIGS, AinnConfig
from bench.codecs.ainn.weights import load_weights, save_weights
from bench.errors import BenchError
from bench.training import command
from bench.training.ainn_learner import AinnLearner
from bench.training.divergence import PATIENCE, Watch
from bench.training.learner import ALL, FIRST, LAST
from bench.training.log import LOG_COLUMNS, PARTS
from bench.training.photos import Cropper, load_photos, load_validation
from bench.training.trainer import CHECKPOINT, LOG, WEIGHTS, Trainer, TrainingPlan
from bench.training.zoo_learner import ZooConfig

# Steps 0 to 2 are of the first phase, 3 to 5 train everything, 6 to 8 are of the last.
PLAN = TrainingPlan(steps=9, batch=1, crop=64, rate=1e-3, entropy_first=0.3, entropy_last=0.35)

State = dict[str, Any]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(3):
        Image.fromarray(photo(96 + 16 * seed, 128, seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def photos_and_valid(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos, and one held out."""
    folder = tmp_path_factory.mktemp("photos_and_valid")
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    Image.fromarray(photo(256, 300, seed=7)).save(folder / "valid-0.png")
    return folder


def train(
    photos: Path,
    out: Path,
    plan: TrainingPlan = PLAN,
    resume: bool = False,
    stop_at: int | None = None,
    validate_every: int = 1,
) -> State:
    """Train a tiny model, with Ctrl-C pressed before step `stop_at` ends; the checkpoint that is left."""
    trainer = Trainer(TINY, plan, photos, "cpu")
    if resume:
        trainer.resume(out / CHECKPOINT)

    def press(row: dict[str, Any]) -> None:
        if stop_at is not None and row["step"] == stop_at - 1:
            os.kill(os.getpid(), signal.SIGINT)

    done = trainer.run(out, validate_every=validate_every, report=press)
    assert done == (stop_at is None)
    return checkpoint(out)


def checkpoint(out: Path) -> State:
    state: State = torch.load(out / CHECKPOINT, weights_only=True)
    return state


def log(out: Path) -> list[dict[str, str]]:
    with (out / LOG).open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same(a: Any, b: Any, path: str = "") -> None:
    """Bit by bit, through dictionaries and lists."""
    assert type(a) is type(b), path
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), path
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), path
        for key in a:
            assert_same(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), path
        for index, pair in enumerate(zip(a, b, strict=True)):
            assert_same(*pair, f"{path}/{index}")
    else:
        assert a == b, path


def without_time(state: State) -> State:
    return {name: value for name, value in state.items() if name != "seconds"}


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

    latents, gains = ("transform.", "decomposition."), ("entropy.log_gain",)
    expected = {"entropy.": (True, True, True)}
    expected |= dict.fromkeys((*latents, *gains), (False, True, False))
    expected |= dict.fromkeys(("cfrm.", "pdms.", "synthesis."), (False, True, True))
    for prefix, phases in expected.items():
        assert [moved(0, 3, prefix), moved(3, 6, prefix), moved(7, 9, prefix)] == list(phases), prefix
    average = checkpoint(tmp_path)["average"]  # what ships is the average, and the last phase trains for that
    for name, value in states[9].items():
        if name.startswith(latents):
            assert torch.equal(value, average[name]), name


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


def test_no_minutes_stop_at_once_with_a_checkpoint(photos: Path, tmp_path: Path) -> None:
    assert Trainer(TINY, TrainingPlan(minutes=0, crop=64), photos, "cpu").run(tmp_path / "deep" / "out")
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
    plan = TrainingPlan(steps=36, batch=2, crop=64, rate=5e-4, entropy_first=0.4, entropy_last=0.2)
    trainer = Trainer(TINY, plan, photos_and_valid, "cpu")
    before = trainer.validate()
    trainer.run(tmp_path)
    after = trainer.validate()
    assert after["valid_loss"] < 0.95 * before["valid_loss"]
    assert trainer.watch.skipped == 0


def test_trained_weights_are_never_trained_on_without_the_decoder(photos: Path, uninterrupted: Path) -> None:
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    assert not trainer.learner.learns("cfrm.skip.0.weight", FIRST)
    assert [trainer.learner.pictures(3, phase) for phase in (FIRST, ALL, LAST)] == [12, 3, 3]
    trainer.start_from(uninterrupted / WEIGHTS)
    assert trainer.learner.learns("cfrm.skip.0.weight", FIRST)
    assert trainer.learner.pictures(3, FIRST) == 3  # such a step isn't cheap
    x = trainer.crops.batch(0, 1)
    _, mse = trainer.learner.losses(x, torch.zeros(1), FIRST, half=False)
    mse.sum().backward()
    assert trainer.model.cfrm.skip[0].weight.grad.abs().max() > 0  # type: ignore[union-attr]


def test_bfloat16_that_a_cpu_must_emulate_is_told(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for lacks in (True, False):
        monkeypatch.setattr(command, "_lacks_bfloat16", lambda lacks=lacks: lacks)
        plan = TrainingPlan(**vars(PLAN) | {"steps": 1, "precision": "bfloat16"})
        monkeypatch.setattr(command, "configure", lambda *_: TINY)
        command.run_training(
            plan, photos, tmp_path / str(lacks), "ainn", "compact", (), (), "cpu", None, None, None, 100
        )
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
    trainer.average["entropy.context.bias"].fill_(float("nan"))
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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_step_that_a_gpu_replays_is_the_step(photos: Path, tmp_path: Path) -> None:
    losses = []
    for record in (True, False):
        plan = TrainingPlan(**vars(PLAN) | {"record": record, "entropy_first": 0.0, "entropy_last": 0.5})
        rows: list[dict[str, Any]] = []
        Trainer(TINY, plan, photos, "cuda").run(tmp_path / str(record), validate_every=1, report=rows.append)
        losses.append([row["loss"] for row in rows[1:]])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)  # noise differs, as recording warms up on some


def test_symbols_are_counted_in_whole_numbers(photos: Path) -> None:
    """Sums in float32 are off by some in millions: probabilities of what is rare then came out below zero."""
    learner = Trainer(TINY, PLAN, photos, "cpu").learner
    assert isinstance(learner, AinnLearner)
    counts = learner._count_symbols(torch.rand(2, 3, 64, 64))
    assert counts.dtype == torch.int64
    assert int(counts.sum()) == 2 * len(TINY.lambdas) * TINY.latent_channels * 4 * 4


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


# Photos.


def shard(path: Path, files: list[Path]) -> None:
    with tarfile.open(path, "w") as tar:
        for file in files:
            tar.add(file, f"deep/{file.name}")
        note = tarfile.TarInfo("README.txt")
        note.size = 5
        tar.addfile(note, io.BytesIO(b"hello"))


def assert_same_photos(a: list[Any], b: list[Any]) -> None:
    assert len(a) == len(b)
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_folder_shard_and_folder_of_shards_give_the_same_photos(photos: Path, tmp_path: Path) -> None:
    files = sorted(photos.iterdir())
    shard(tmp_path / "0.tar", files[:1])
    (tmp_path / "more").mkdir()
    shard(tmp_path / "more" / "1.tar", files[1:])
    shard(tmp_path.parent / "whole.tar", files)
    expected = [np.asarray(Image.open(file)) for file in files]
    assert_same_photos(load_photos(photos, 64), expected)
    assert_same_photos(load_photos(tmp_path, 64), expected)
    assert_same_photos(load_photos(tmp_path.parent / "whole.tar", 64), expected)


def test_photos_of_every_mode_are_taken_as_rgb(tmp_path: Path) -> None:
    picture = Image.fromarray(photo(64, 64))
    for mode in ("L", "RGBA", "P", "1"):
        picture.convert(mode).save(tmp_path / f"{mode}.png")
    picture.save(tmp_path / "upper.JPG", quality=90)
    (tmp_path / "notes.txt").write_text("no photo")
    loaded = load_photos(tmp_path, 64)
    assert len(loaded) == 5 and all(each.shape == (64, 64, 3) and each.dtype == np.uint8 for each in loaded)


def test_small_photos_are_passed_over(photos: Path) -> None:
    sizes = [(each.shape[0], each.shape[1]) for each in load_photos(photos, 64)]
    assert sizes == [(96, 128), (112, 128), (128, 128)]
    assert [each.shape[0] for each in load_photos(photos, 112)] == [112, 128]
    with pytest.raises(BenchError, match="no photo with sides of at least 129 pixels"):
        load_photos(photos, 129)


def test_valid_photos_are_held_out_and_cropped_about_their_centre(
    photos: Path, photos_and_valid: Path, tmp_path: Path
) -> None:
    assert_same_photos(load_photos(photos_and_valid, 64), load_photos(photos, 64))
    held_out = load_validation(photos_and_valid, 256)
    assert held_out.dtype == torch.uint8
    assert np.array_equal(held_out[0].permute(1, 2, 0).numpy(), photo(256, 300, seed=7)[:, 22:278])
    assert load_validation(photos, 256).shape == (0, 3, 256, 256)
    shard(tmp_path / "valid-0.tar", [photos_and_valid / "valid-0.png", photos_and_valid / "0.png"])
    assert torch.equal(load_validation(tmp_path, 256), held_out)  # one is too small
    with pytest.raises(BenchError, match="no photo with sides"):
        load_photos(tmp_path, 64)


def cut_shard(path: Path) -> None:
    Image.fromarray(photo(64, 64)).save(path.parent / "photo.bmp")
    shard(path, [path.parent / "photo.bmp"])
    (path.parent / "photo.bmp").unlink()
    path.write_bytes(path.read_bytes()[:5000])


def cut_photo(path: Path) -> None:
    Image.fromarray(photo(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:900])


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("a.png", cut_photo, r"a\.png can't be read as an image"),
        ("a.jpg", lambda path: path.write_text("no photo"), r"a\.jpg can't be read as an image"),
        ("a.tar", lambda path: path.write_text("no shard"), r"a\.tar is not a readable \.tar shard"),
        ("a.tar", cut_shard, r"a\.tar"),
    ],
)
def test_a_photo_or_shard_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, damage: Callable[[Path], Any], words: str
) -> None:
    damage(tmp_path / name)
    with pytest.raises(BenchError, match=words):
        load_photos(tmp_path, 64)


def test_crops_are_parts_of_photos_and_depend_on_seed_and_step_alone() -> None:
    ramp = np.full((100, 90, 3), 7, np.uint8)
    ramp[:, :, 0], ramp[:, :, 1] = np.arange(100)[:, None], np.arange(90)
    crops = Cropper([ramp], 64, 5, torch.device("cpu"))
    batch = crops.batch(3, 32)
    assert batch.shape == (32, 3, 64, 64) and batch.dtype == torch.float32
    again = Cropper([ramp], 64, 5, torch.device("cpu"))
    again.batch(0, 2)
    assert torch.equal(again.batch(3, 32), batch)
    assert not torch.equal(crops.batch(4, 32), batch)
    assert not torch.equal(Cropper([ramp], 64, 6, torch.device("cpu")).batch(3, 32), batch)

    values = (batch * 255).round()
    assert torch.all(values[:, 2] == 7)
    tops, lefts, ways = set(), set(), set()
    for rows, columns, _ in values:
        straight = bool(rows[1, 0] != rows[0, 0])
        along = columns[0] if straight else columns[:, 0]
        ways.add((straight, bool(along[1] < along[0])))
        tops.add(float(rows.min()))
        lefts.add(float(columns.min()))
        assert rows.max() - rows.min() == columns.max() - columns.min() == 63
    assert len(ways) == 4  # mirrored or not, transposed or not
    assert len(tops) > 10 and len(lefts) > 10
    assert min(tops) >= 0 and max(tops) <= 36 and max(lefts) <= 26

    exact = Cropper([photo(64, 64)], 64, 0, torch.device("cpu")).batch(0, 1)
    assert exact.shape == (1, 3, 64, 64)


# Plans and the command.


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


def test_the_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    options = ["train", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"), "--steps", "1"]
    done = subprocess.run([sys.executable, "-m", "bench.cli", *options], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("bench: no training photos at") and done.stderr.count("\n") == 1


def test_the_command_trains_resumes_and_guards_what_is_there(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(CONFIGS, "tiny", TINY)
    options = ["--data", str(photos), "--config", "tiny", "--steps", "2", "--crop", "64", "--batch", "1"]

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
    image = photo(20, 30)
    codec = AinnCodec(tmp_path / WEIGHTS)
    assert codec.decode(codec.encode(image, 1)).shape == image.shape


@pytest.mark.parametrize("from_weights", [True, False])
def test_first_phase_codes_with_the_transform_that_is_there(
    photos: Path, tmp_path: Path, from_weights: bool
) -> None:
    """A fresh transform may be shortened to its linear part, a trained one must not be."""
    trainer = Trainer(TINY, PLAN, photos, "cpu")
    if from_weights:
        save_weights(tiny_model(), tmp_path / "weights.pt", {})
        trainer.start_from(tmp_path / "weights.pt")
    x, quality = trainer.crops.batch(0, 2), torch.tensor([0.0, 2.0])
    with torch.no_grad():
        bpp, _ = trainer.learner.losses(x, quality, FIRST, half=False)
        whole = trainer.model.entropy(trainer.model.encode(x), quality, rounded=True)
    # Context features see noise, so the two are near one another, not equal; without its couplings
    # and decomposition a trained transform gives something else altogether.
    assert torch.allclose(bpp, (whole.y_bits + whole.z_bits) / 64**2, rtol=0.02)


# Baselines.


SMALL = ZooConfig("bmshj2018-hyperprior", 0.01, (8, 12))


def test_a_baseline_trains_with_the_same_loss_and_is_exact_to_resume(photos: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(steps=8, batch=2, crop=64, rate=1e-3)
    whole = Trainer(SMALL, plan, photos, "cpu")
    rows: list[dict[str, Any]] = []
    assert whole.run(tmp_path / "whole", report=rows.append)
    assert {row["phase"] for row in rows} == {ALL}  # no phases of its entropy model alone

    begun = Trainer(SMALL, plan, photos, "cpu")
    assert not begun.run(tmp_path / "cut", stop_after=0)
    rest = Trainer(SMALL, plan, photos, "cpu")
    rest.resume(tmp_path / "cut" / CHECKPOINT)
    assert rest.run(tmp_path / "cut")
    states = [checkpoint(tmp_path / name)["model"] for name in ("whole", "cut")]
    assert_same(*states)
    assert any(not torch.equal(v, begun.model.state_dict()[k]) for k, v in states[0].items())

    x = rest.crops.batch(0, 2)
    bpp, mse = rest.learner.losses(x, torch.zeros(2), ALL, half=False)
    assert bpp.shape == mse.shape == (2,) and float(bpp.detach().min()) > 0


def test_a_baseline_learns_and_codes_a_picture(photos_and_valid: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(steps=60, batch=4, crop=64, rate=2e-3)
    trainer = Trainer(SMALL, plan, photos_and_valid, "cpu")
    before = trainer.validate()
    trainer.run(tmp_path)
    assert trainer.validate()["valid_loss"] < 0.5 * before["valid_loss"]

    codec, image = get(f"bmshj2018-hyperprior:weights={tmp_path / WEIGHTS}"), photo(64, 128)
    stream = codec.encode(image, 1)
    assert codec.decode(stream).shape == image.shape
    x = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad(), trainer._averaged():
        bpp, _ = trainer.learner.coded(x, torch.zeros(1))
    header = 13 * 8 / (64 * 128)
    assert 8 * len(stream) / (64 * 128) == pytest.approx(float(bpp) + header, rel=0.1, abs=0.02)
    state = torch.load(tmp_path / WEIGHTS, weights_only=True)["state_dict"]
    assert state["g_a.0.weight"].dtype == torch.float16
    assert float(state["entropy_bottleneck.likelihood_lower_bound.bound"]) == pytest.approx(1e-9)


def test_a_checkpoint_of_another_model_is_refused(photos: Path, uninterrupted: Path) -> None:
    trainer = Trainer(SMALL, TrainingPlan(steps=1, crop=64), photos, "cpu")
    with pytest.raises(BenchError, match="of another model, ainn"):
        trainer.resume(uninterrupted / CHECKPOINT)
