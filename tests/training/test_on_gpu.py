"""Training on a GPU: the same as on a CPU but for rounding, and exact about its noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY, photo
from trainings import PLAN, log, train

from bench.codecs.ainn.codec import AinnCodec
from bench.training.plan import TrainingPlan
from bench.training.trainer import WEIGHTS, Trainer

SHORT = TrainingPlan(  # for devices that may be slow
    steps=3, batch=1, crop=64, rate=1e-3, entropy_first=0.3, record=False, compile=False, export_crops=1
)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.usefixtures("cuda")
def test_a_training_on_a_gpu_is_that_of_the_cpu(
    precision: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same noise, that is: each device draws its own."""
    monkeypatch.setattr(torch, "rand_like", lambda like: torch.rand(like.shape).to(like.device, like.dtype))
    plan = TrainingPlan(**vars(SHORT) | {"precision": precision})
    losses = {}
    for device in ("cpu", "cuda"):
        train(photos, tmp_path / device, plan, device=device)
        losses[device] = [float(row["loss"]) for row in log(tmp_path / device)]
        assert len(losses[device]) == SHORT.steps
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=1e-2)  # a real one has TensorFloat-32
    codec, image = AinnCodec(tmp_path / "cuda" / WEIGHTS), photo(64, 64)
    assert codec.decode(codec.encode(image, 1)).shape == image.shape


@pytest.mark.usefixtures("cuda")
def test_a_training_on_a_gpu_is_gone_on_from_with_the_same_noise(photos: Path, tmp_path: Path) -> None:
    """Not to the bit: a GPU adds up gradients in any order."""
    whole = train(photos, tmp_path / "whole", SHORT, device="cuda")
    train(photos, tmp_path / "cut", SHORT, device="cuda", stop_at=2)
    gone_on = train(photos, tmp_path / "cut", SHORT, device="cuda", resume=True)
    assert torch.equal(gone_on["device_rng"], whole["device_rng"])
    losses = [float(log(tmp_path / name)[-1]["loss"]) for name in ("whole", "cut")]
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # by torch.compile
def test_a_step_that_a_gpu_replays_is_the_step(photos: Path, tmp_path: Path) -> None:
    losses = []
    phases = {"entropy_first": 0.0, "entropy_last": 0.5}
    for ways in ({"record": True}, {"record": True, "compile": False}, {"record": False, "compile": False}):
        plan = TrainingPlan(**vars(PLAN) | phases | ways)
        rows: list[dict[str, Any]] = []
        Trainer(TINY, plan, photos, "cuda").run(
            tmp_path / str(len(losses)), validate_every=1, report=rows.append
        )
        losses.append([row["loss"] for row in rows[1:]])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)  # noise differs, as recording warms up on some
    assert losses[0] == pytest.approx(losses[2], rel=1e-2)
