"""Training a model of CompressAI's zoo as a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import as_tensor, photo
from trainings import assert_same, checkpoint

from bench.codecs import get
from bench.training.plan import ALL, TrainingPlan
from bench.training.trainer import CHECKPOINT, WEIGHTS, Trainer
from bench.training.zoo_learner import ZooConfig

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
    coded = rest.learner.losses(x, torch.zeros(2), ALL, half=False)
    assert coded.bpp.shape == coded.mse.shape == (2,) and float(coded.bpp.detach().min()) > 0
    assert coded.ms_ssim is None


def test_a_baseline_learns_and_codes_a_picture(photos_and_valid: Path, tmp_path: Path) -> None:
    plan = TrainingPlan(steps=60, batch=4, crop=64, rate=2e-3)
    trainer = Trainer(SMALL, plan, photos_and_valid, "cpu")
    before = trainer.validate()
    trainer.run(tmp_path)
    assert trainer.validate()["valid_loss"] < 0.5 * before["valid_loss"]

    codec, image = get(f"bmshj2018-hyperprior:weights={tmp_path / WEIGHTS}"), photo(64, 128)
    stream = codec.encode(image, 1)
    assert codec.decode(stream).shape == image.shape
    x = as_tensor(image)
    with torch.no_grad(), trainer.average.in_place():
        bpp = trainer.learner.coded(x, torch.zeros(1)).bpp
    header = 13 * 8 / (64 * 128)
    assert 8 * len(stream) / (64 * 128) == pytest.approx(float(bpp) + header, rel=0.1, abs=0.02)
    state = torch.load(tmp_path / WEIGHTS, weights_only=True)["state_dict"]
    assert state["g_a.0.weight"].dtype == torch.float16
    assert float(state["entropy_bottleneck.likelihood_lower_bound.bound"]) == pytest.approx(1e-9)
