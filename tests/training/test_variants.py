"""Variants of a training step: they compute the same, and the fastest is found and kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY, tiny_model
from torch import Tensor, nn
from trainings import assert_same, checkpoint, without_time

from bench.codecs.ainn import invertible, layers
from bench.codecs.ainn.layers import Pair
from bench.codecs.ainn.unet import UNet
from bench.core.errors import BenchError
from bench.training import trainer as trainer_module
from bench.training.plan import ALL, TrainingPlan
from bench.training.trainer import CHECKPOINT, Trainer
from bench.training.variants import BUDGET_S, DECODER, NOTHING, Variant, fastest
from bench.training.zoo_learner import ZooConfig

# A step of the first phase, two of everything, one of the last.
PLAN = TrainingPlan(
    steps=4, batch=1, crop=64, rate=1e-3, entropy_first=0.25, entropy_last=0.25, export_crops=1
)
FASTEST = TrainingPlan(**vars(PLAN) | {"fastest": True})
ALL_AXES = ("compile", "side_by_side", "channels_last", "record")


def steps_of(seconds: dict[Any, float | Exception]) -> tuple[Callable[[Variant], float], list[Variant]]:
    """What measures a variant by the first of its values that a table has; and what it measured."""
    measured: list[Variant] = []

    def measure(variant: Variant) -> float:
        measured.append(variant)
        value = next(v for key, v in seconds.items() if key is None or getattr(variant, key[0]) == key[1])
        if isinstance(value, Exception):
            raise value
        return value

    return measure, measured


def same_gradients(change: Callable[[nn.Module], None]) -> None:
    """Of the whole model's loss, before and after a change."""
    model, x = tiny_model().train(), torch.rand(2, 3, 64, 64)

    def gradients() -> list[Tensor]:
        torch.manual_seed(3)
        out = model(x, torch.tensor([0.0, 2.0]))
        loss = out.x_hat.square().mean() + 1e-3 * (out.y_bits + out.z_bits).mean()
        wanted = [p for name, p in model.named_parameters() if not name.endswith("quantiles")]
        return list(torch.autograd.grad(loss, wanted))

    before = gradients()
    change(model)
    for one, other in zip(before, gradients(), strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(one.abs().max()))


def test_branches_side_by_side_give_the_same_gradients() -> None:
    def side_by_side(model: nn.Module) -> None:
        pairs = [module for module in model.modules() if isinstance(module, Pair)]
        assert len(pairs) == 4  # CFRM, and three PDMs
        for pair in pairs:
            pair.side_by_side = True

    same_gradients(side_by_side)


def test_a_pair_side_by_side_is_one_pass_in_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    pair = Pair(UNet(3, 3, (4, 4), 1) for _ in range(2))
    for parameter in pair.parameters():
        nn.init.normal_(parameter, std=0.3)
    low, high = torch.rand(2, 1, 3, 8, 8)
    apart = pair(low, high)
    pair.side_by_side = True
    passes = []
    monkeypatch.setattr(UNet, "forward", lambda self, x, do=UNet.forward: passes.append(1) or do(self, x))
    for one, other in zip(apart, pair(low, high), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert len(passes) == 1
    with torch.no_grad():
        assert all(torch.equal(a, b) for a, b in zip(apart, pair(low, high), strict=True))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # by torch's tracer
def test_a_compiled_decoder_gives_the_same_gradients(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compiled is traced here, and not turned into code."""
    traced: list[int] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Any:
        traced.append(len(inputs))
        return graph.forward

    traced_code = cache(lambda function: torch.compile(function, backend=backend, dynamic=False))
    for module in (invertible, layers):
        monkeypatch.setattr(module, "compiled_code", traced_code)
    learner = Trainer(TINY, PLAN, photos, "cpu").learner

    def compiled(model: nn.Module) -> None:
        learner.model = model
        learner.use(Variant(DECODER, side_by_side=True))
        with torch.no_grad():
            model.decode(model.encode(torch.rand(1, 3, 64, 64)))
        assert not traced  # coding and validation are left alone

    same_gradients(compiled)
    couplings = 2 * len(learner.model.transform.blocks)
    assert len(traced) >= couplings + 5  # CFRM, three PDMs, FDSM's synthesis


def test_variants_are_tried_on_the_best_so_far_and_failures_are_left_out() -> None:
    failure = RuntimeError("no compiler\nwas found")
    times = {
        ("compile", DECODER): failure,
        ("channels_last", False): 2.0,
        ("side_by_side", True): 0.5,
        None: 1.0,
    }
    measure, measured = steps_of(times)
    said: list[str] = []
    best = fastest(Variant(record=True), ALL_AXES, measure, said.append)
    assert best == Variant(side_by_side=True, record=True)
    assert all(variant.side_by_side for variant in measured[1:])
    assert len(said) == len(set(measured)) == len(measured) == 6
    assert "couplings and decoder compiled, branches side by side" in said[3]
    assert said[3].endswith("left out (no compiler)")
    assert said[0].endswith("1000.0 ms a step, the first") and said[1].endswith("500.0 ms a step, taken")
    assert said[2].endswith("2000.0 ms a step, not taken")


def test_only_axes_that_are_there_change() -> None:
    measure, measured = steps_of({None: 1.0})
    assert fastest(Variant(), ("channels_last",), measure, lambda line: None) == Variant()
    assert measured == [Variant(), Variant(channels_last=False)]


def test_where_the_first_variant_fails_another_goes_on_and_where_all_fail_that_is_the_error() -> None:
    measure, _ = steps_of({("record", True): RuntimeError("can't record"), None: 1.0})
    assert not fastest(Variant(record=True), ALL_AXES, measure, lambda line: None).record
    measure, _ = steps_of({None: BenchError("out of memory; take a smaller --batch")})
    with pytest.raises(BenchError, match="smaller --batch"):
        fastest(Variant(), ALL_AXES, measure, lambda line: None)


def test_no_variant_is_begun_when_time_is_up() -> None:
    measure, measured = steps_of({None: 1.0})
    times = iter([0.0, 1.0, BUDGET_S + 1, BUDGET_S + 2, *[1e9] * 9])
    fastest(Variant(), ALL_AXES, measure, lambda line: None, clock=lambda: next(times))
    assert len(measured) == 2


def prefer(monkeypatch: pytest.MonkeyPatch, wanted: Variant) -> list[Variant]:
    """Make this variant the fastest of those that are tried; those that are tried."""
    tried: list[Variant] = []

    def choose(start: Variant, axes: Any, measure: Callable[[Variant], float], say: Any) -> Variant:
        for variant in (start, Variant(side_by_side=True), Variant(channels_last=False), wanted):
            tried.append(variant)
            assert measure(variant) > 0
        return wanted

    monkeypatch.setattr(trainer_module, "fastest", choose)
    monkeypatch.setattr(trainer_module, "time_step", lambda step, device: float(step()[1]))
    return tried


def test_finding_the_fastest_changes_nothing_of_a_training(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Trainer(TINY, PLAN, photos, "cpu").run(tmp_path / "plain")
    tried = prefer(monkeypatch, Variant())
    said: list[str] = []
    assert Trainer(TINY, FASTEST, photos, "cpu").run(tmp_path / "timed", say=said.append)
    assert len(tried) == 4  # once, when the phase of everything begins
    plain, timed = (without_time(checkpoint(tmp_path / name)) for name in ("plain", "timed"))
    assert timed.pop("variant") == vars(Variant()) | {"device": "cpu"} and plain.pop("variant") is None
    assert_same(plain, timed)


def test_what_was_chosen_is_gone_on_with(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Variant(side_by_side=True, channels_last=False)
    prefer(monkeypatch, wanted)
    whole = Trainer(TINY, FASTEST, photos, "cpu")
    whole.run(tmp_path / "whole")
    assert whole.variant == wanted

    def stop(row: dict[str, Any]) -> None:
        if row["step"] == 2:
            raise KeyboardInterrupt

    begun = Trainer(TINY, FASTEST, photos, "cpu")
    with pytest.raises(KeyboardInterrupt):
        begun.run(tmp_path / "cut", validate_every=1, report=stop)
    begun.save_checkpoint(tmp_path / "cut")
    tried = prefer(monkeypatch, Variant())
    rest = Trainer(TINY, FASTEST, photos, "cpu")
    rest.resume(tmp_path / "cut" / CHECKPOINT)
    assert rest.variant == wanted and rest.run(tmp_path / "cut") and not tried
    states = [without_time(checkpoint(tmp_path / name)) for name in ("whole", "cut")]
    assert_same(*states)
    for parameter, values in rest.optimiser.state.items():  # a fused optimiser takes that for granted
        assert all(value.stride() == parameter.stride() for value in values.values() if value.dim())
        assert parameter.dim() < 4 or parameter.is_contiguous()

    elsewhere = checkpoint(tmp_path / "cut")
    elsewhere["variant"]["device"] = "NVIDIA H200"
    torch.save(elsewhere, tmp_path / "elsewhere.pt")
    moved = Trainer(TINY, FASTEST, photos, "cpu")
    moved.resume(tmp_path / "elsewhere.pt")
    assert not moved.chosen and moved.variant == Variant()


def test_a_variant_that_computes_something_else_is_left_out(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        trainer_module, "time_step", lambda step, device: 0.1 if not trainer.variant.channels_last else 1.0
    )
    trainer = Trainer(TINY, TrainingPlan(**vars(FASTEST) | {"steps": 1, "entropy_first": 0.0}), photos, "cpu")
    trainer.learner.axes = ("channels_last",)
    losses, wrong = trainer.learner.losses, iter([False, True])

    def wrong_in_the_second(x: Tensor, level: Tensor, phase: str, half: bool) -> Any:
        coded = losses(x, level, phase, half)
        return coded._replace(bpp=2 * coded.bpp) if next(wrong, False) else coded

    monkeypatch.setattr(trainer.learner, "losses", wrong_in_the_second)
    said: list[str] = []
    trainer.run(tmp_path, say=said.append)
    assert trainer.variant == Variant() and "left out (its loss is" in said[1]


def test_a_baseline_has_fewer_variants(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer_module, "time_step", lambda step, device: 1.0)
    axes = {}
    for compiles in (True, False):
        plan = TrainingPlan(**vars(FASTEST) | {"compile": compiles})
        axes[compiles] = Trainer(TINY, plan, photos, "cpu")._axes()
    assert axes == {
        True: ("compile", "side_by_side", "channels_last"),
        False: ("side_by_side", "channels_last"),
    }

    config = ZooConfig("bmshj2018-hyperprior", 0.01, (8, 12))
    trainer = Trainer(config, TrainingPlan(steps=1, batch=1, crop=64, fastest=True), photos, "cpu")
    said: list[str] = []
    assert trainer.run(tmp_path, say=said.append) and trainer.chosen
    assert [line.split(": ")[0] for line in said] == [str(Variant()), str(Variant(channels_last=False))]
    assert trainer.variant.compile == NOTHING and trainer.phase == ALL
