"""MS-SSIM with gradients: the figures are pytorch-msssim's; and trainings for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytorch_msssim
import torch
from PIL import Image
from tiny import TINY, as_tensor, photo, tiny_model
from trainings import log

from bench.codecs import get
from bench.codecs.ainn.codec import AinnCodec
from bench.codecs.ainn.config import LAMBDAS, MS_SSIM, MSE
from bench.codecs.ainn.weights import load_weights, save_weights
from bench.core.errors import BenchError
from bench.training.learner import Coded
from bench.training.ms_ssim import ms_ssim
from bench.training.plan import ALL, FIRST, TrainingPlan
from bench.training.trainer import CHECKPOINT, WEIGHTS, Trainer
from bench.training.zoo_learner import ZooConfig

TINY_MS_SSIM = TINY.for_distortion(MS_SSIM)
PLAN = TrainingPlan(steps=3, batch=1, crop=192, rate=1e-3, entropy_first=0.5, export_crops=1)


@pytest.fixture(scope="module")
def large_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large_photos")
    for name, size in (("0", (192, 200)), ("1", (210, 192)), ("valid-0", (256, 256))):
        Image.fromarray(photo(*size, seed=len(name))).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize("size", [(161, 161), (192, 256), (203, 177)])
def test_values_and_gradients_are_those_of_pytorch_msssim(size: tuple[int, int]) -> None:
    x = torch.cat([as_tensor(photo(*size, seed)) for seed in range(2)])
    torch.manual_seed(0)
    x_hat = (x + torch.tensor([0.01, 0.1])[:, None, None, None] * torch.randn_like(x)).requires_grad_()
    ours, theirs = ms_ssim(x_hat, x), pytorch_msssim.ms_ssim(x_hat, x, data_range=1.0, size_average=False)
    assert torch.allclose(ours, theirs, atol=2e-6)
    gradients = [torch.autograd.grad(value.sum(), x_hat)[0] for value in (ours, theirs)]
    assert torch.allclose(*gradients, rtol=1e-2, atol=1e-3 * float(gradients[1].abs().max()))


def test_pictures_that_have_nothing_in_common_still_have_a_way_to_each_other() -> None:
    """pytorch-msssim's gradient is zero there."""
    x = as_tensor(photo(192, 192))
    x_hat = (1 - x).requires_grad_()  # the negative
    (theirs,) = torch.autograd.grad(1 - pytorch_msssim.ms_ssim(x_hat, x, data_range=1.0), x_hat)
    assert not theirs.any()
    (gradient,) = torch.autograd.grad((1 - ms_ssim(x_hat, x)).sum(), x_hat)
    assert torch.isfinite(gradient).all()
    assert float((gradient * (x - x_hat.detach())).sum()) < 0  # a step towards the picture lowers the loss


def test_a_lambda_of_ms_ssim_weighs_squared_errors_as_the_lambda_of_mse_that_stands_for_it() -> None:
    assert TINY_MS_SSIM.lambdas == (2.56, 12.8, 64.0)
    assert TINY_MS_SSIM.mse_lambdas == pytest.approx(TINY.lambdas)
    assert TINY_MS_SSIM.for_distortion(MSE) == TINY and TINY.for_distortion(MSE) is TINY
    published = {0.0018: 2.40, 0.0130: 16.64, 0.0483: 60.50, 0.18: 220.0}  # CompressAI's pairs
    for mse, similar in published.items():
        config = TINY_MS_SSIM.with_options(lambdas=(similar,))
        assert config.mse_lambdas == pytest.approx((mse,), rel=0.05)


def test_the_loss_is_that_of_the_distortion_wherever_there_are_pictures(large_photos: Path) -> None:
    trainer = Trainer(TINY_MS_SSIM, PLAN, large_photos, "cpu")
    learner, lambda_ = trainer.learner, torch.tensor(12.8)
    one = torch.ones(2)
    pictures = learner.loss(Coded(0.5 * one, 1e-3 * one, 0.95 * one), lambda_)
    latents = learner.loss(Coded(0.5 * one, 1e-3 * one), lambda_)
    assert torch.allclose(pictures, 0.5 + 12.8 * 0.05 * one)
    assert torch.allclose(latents, 0.5 + 0.01 * 255**2 * 1e-3 * one)
    x = trainer.crops.batch(0, 1)
    for phase, has in ((ALL, True), (FIRST, False)):
        coded = learner.losses(learner.prepared(x, phase, False), torch.ones(1), phase, half=False)
        assert (coded.ms_ssim is not None) == has
    assert Trainer(TINY, PLAN, large_photos, "cpu").learner.losses(x, one[:1], ALL, False).ms_ssim is None


def test_a_training_for_ms_ssim_says_so_in_log_and_weights(large_photos: Path, tmp_path: Path) -> None:
    trainer = Trainer(TINY_MS_SSIM, PLAN, large_photos, "cpu")
    assert trainer.run(tmp_path, validate_every=1)
    rows = log(tmp_path)
    assert [row["phase"] for row in rows] == [FIRST, ALL, ALL]  # of the step to come
    assert [bool(row["ms_ssim"]) for row in rows] == [False, False, True]
    assert all(0.3 < float(row["valid_ms_ssim"]) < 1 for row in rows)
    assert load_weights(tmp_path / WEIGHTS).config == TINY_MS_SSIM
    codec = AinnCodec(tmp_path / WEIGHTS)
    assert codec.provenance()["parameters"] == {"configuration": "tiny", "trained_for": MS_SSIM}
    assert codec.model_size(1).trained_for == MS_SSIM
    image = photo(64, 80)
    assert codec.decode(codec.encode(image, 2)).shape == image.shape

    resumed = Trainer(TINY, PLAN, large_photos, "cpu")  # what it was trained for is in the checkpoint
    resumed.resume(tmp_path / CHECKPOINT)
    assert resumed.learner.distortion == MS_SSIM


def test_weights_for_mse_are_trained_on_for_ms_ssim_at_the_same_rates(
    large_photos: Path, tiny_weights: Path
) -> None:
    trainer = Trainer(TINY_MS_SSIM, PLAN, large_photos, "cpu")
    trainer.start_from(tiny_weights)
    assert trainer.learner.lambdas == TINY_MS_SSIM.lambdas
    assert torch.allclose(trainer.lambdas, torch.tensor(TINY_MS_SSIM.lambdas))
    before = load_weights(tiny_weights)
    assert torch.allclose(trainer.model.entropy.log_lambdas, before.entropy.log_lambdas)
    x, level = trainer.crops.batch(0, 1), torch.ones(1)
    with torch.no_grad():
        assert torch.equal(trainer.model.eval()(x, level, True).y_bits, before(x, level, True).y_bits)


def test_crops_too_small_for_five_scales_are_refused(large_photos: Path) -> None:
    plan = TrainingPlan(steps=1, crop=128)
    for config in (TINY_MS_SSIM, ZooConfig("bmshj2018-hyperprior", 16.64, (8, 12), MS_SSIM)):
        with pytest.raises(BenchError, match=r"crops of at least 161 pixels; take --crop 192"):
            Trainer(config, plan, large_photos, "cpu")


def test_a_baseline_learns_ms_ssim_from_nothing(large_photos: Path, tmp_path: Path) -> None:
    config = ZooConfig("bmshj2018-hyperprior", 60.5, (8, 12), MS_SSIM)
    trainer = Trainer(config, TrainingPlan(steps=20, batch=1, crop=192, rate=3e-3), large_photos, "cpu")
    before = trainer.validate()
    trainer.run(tmp_path)
    after = trainer.validate()
    assert trainer.watch.skipped == 0
    assert after["valid_loss"] < before["valid_loss"]
    size = get(f"bmshj2018-hyperprior:weights={tmp_path / WEIGHTS}").model_size(1)
    assert size is not None and size.trained_for == MS_SSIM


def test_the_weights_that_ship_are_for_mse() -> None:
    model = AinnCodec()._model
    assert (model.config.distortion, model.config.lambdas) == (MSE, LAMBDAS)
    assert AinnCodec().provenance()["parameters"] == {"configuration": "compact"}  # as rows have it


def test_unknown_distortions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="trained for mse or ms-ssim, not 'psnr'"):
        TINY.with_options(distortion="psnr")
    model = tiny_model()
    model.config = TINY.with_options(name="odd")
    object.__setattr__(model.config, "distortion", "psnr")
    save_weights(model, tmp_path / "odd.pt", {})
    with pytest.raises(BenchError, match="not a readable file of A-INN weights"):
        load_weights(tmp_path / "odd.pt")
