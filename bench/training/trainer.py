"""Train a model: one loop, exact to resume, that stops when its time is up.

The loss is bpp + lambda 255^2 MSE or bpp + lambda (1 - MS-SSIM), with a lambda drawn for every picture
of a batch (Cui et al. 2021). A `Learner` says which parameters are trained in a phase, and what a batch
costs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.codecs.ainn.config import MS_SSIM, AinnConfig
from bench.core import torch_file
from bench.core.errors import BenchError, first_line
from bench.metrics.multiscale_ssim import MIN_SIDE
from bench.training import log
from bench.training.ainn_learner import AinnLearner
from bench.training.average import Average, laid_out, same_random_numbers
from bench.training.divergence import MAX_STEPS_BACK, Watch
from bench.training.interrupts import interrupt_flag
from bench.training.learner import Learner
from bench.training.log import Step, Window
from bench.training.photos import Cropper, load_photos, load_validation, spread_crops
from bench.training.plan import ALL, LAST, TrainingPlan
from bench.training.recorded import Recorded
from bench.training.validation import FIGURES, code_photos, figures_of
from bench.training.variants import COUPLINGS, NOTHING, Variant, fastest, time_step
from bench.training.zoo_learner import ZooConfig, ZooLearner

CHECKPOINT, LOG, WEIGHTS = "checkpoint.pt", "log.csv", "weights.pt"  # what a run leaves in its folder
VALIDATION_SIDE = 256
LOSS_SLACK = 0.05  # of the loss: more is not rounding, when a step is computed in another way
KEPT_BATCHES = 128  # that a phase goes round in, where what is prepared of pictures stays the same


class Trainer:
    """Holds a training's whole state; `run` goes on with it until the plan or the slice is over.

    Args:
        config: of the model: A-INN's, or one of CompressAI's zoo.
        plan: decides the outcome.
        data: a folder of photos, or of shards (see `load_photos`); ``valid*`` is held out.
        device: such as "cpu" or "cuda".

    Raises:
        BenchError: no photos, or a plan that the model can't follow.
    """

    def __init__(self, config: AinnConfig | ZooConfig, plan: TrainingPlan, data: Path, device: str) -> None:
        self.plan = plan
        self.device = torch.device(device)
        torch.manual_seed(plan.seed)
        photos = load_photos(data, plan.crop)
        # As many photos of both kinds: whether photos are the limit shows in the gap between them.
        self.validation = load_validation(data, VALIDATION_SIDE)
        self.seen = spread_crops(photos, VALIDATION_SIDE, len(self.validation))
        self.learner = _learner(config, photos, plan)
        self.crops = Cropper(photos, plan.crop, plan.seed, self.device)
        self._settle()
        self.phase = ""  # of the last step
        self.step = 0
        self.rate = 0.0  # of the last step
        self.watch = Watch()
        self.window = Window(self.device)
        self.seconds = 0.0  # spent training, over all slices
        self.chosen = False  # whether the variant was found to be the fastest here

    def start_from(self, path: Path) -> None:
        """Take over trained weights, to train on with a fresh optimiser."""
        self.learner.load(path)
        self._settle()

    @property
    def model(self) -> nn.Module:
        return self.learner.model

    def resume(self, path: Path) -> None:
        """Go on exactly where the checkpoint was written.

        Raises:
            BenchError: no checkpoint of a training of this model.
        """
        try:
            state = torch_file.read(path)
            if state["kind"] != self.learner.kind:
                raise ValueError(f"it is of another model, {state['kind']}")
            self.learner.restore(state["learner"], state["model"])
            self._settle()
            self.average.update(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self._align()
            self.phase = state["phase"]
            self._train_only(self.phase)
            self.step, self.seconds = state["step"], state["seconds"]
            variant = state.get("variant")  # there is none in older checkpoints
            if variant is not None and variant.pop("device") == self._device_name():
                self._use(Variant(**variant))
                self.chosen = True
            self.watch = Watch(**state["watch"])
            torch.set_rng_state(state["rng"])
            if self.device.type == "cuda":
                torch.cuda.set_rng_state(state["device_rng"], self.device)
        except Exception as error:  # torch raises many kinds for a file that is something else
            reason = first_line(error)[:120]
            raise BenchError(
                f"{path} can't be read as a training checkpoint ({reason}); "
                f"give the {CHECKPOINT} that a training left"
            ) from error

    def run(
        self,
        out: Path,
        stop_after: float | None = None,
        validate_every: int = 500,
        report: Callable[[dict[str, Any]], None] = lambda row: None,
        say: Callable[[str], None] = lambda line: None,
    ) -> bool:
        """Train, log to ``log.csv`` under `out`, and leave a checkpoint and the averaged weights there.

        Args:
            stop_after: minutes after which this slice ends, whatever the plan has left.
            report: called with each row of the log.
            say: called with other lines for people: how fast variants of a step are.

        Returns:
            True if the plan is done, False if the slice ended or Ctrl-C came first.
        """
        out.mkdir(parents=True, exist_ok=True)
        started, before = time.monotonic(), self.seconds
        saved, logged = started, self.step
        self.window, self.say = Window(self.device), say
        done = False
        with interrupt_flag() as interrupted, _denormals_flushed():
            while True:
                self.seconds = before + time.monotonic() - started
                progress = self.plan.progress(self.step, self.seconds)
                done = progress >= 1
                over = stop_after is not None and time.monotonic() - started >= 60 * stop_after
                stop = done or over or interrupted()
                validate = stop or (self.step > 0 and self.step % validate_every == 0)
                if stop or (self.step > logged and (validate or self.step % 50 == 0)):
                    row = self._row() | (self.validate() if validate else {})
                    log.append(out / LOG, row)
                    report(row)
                    logged = self.step
                if stop:
                    break
                self.window.add(self._train_step(progress))
                if time.monotonic() - saved > 300:
                    self.save_checkpoint(out)
                    saved = time.monotonic()
        self.save(out)
        return done

    def save(self, out: Path) -> None:
        """Write the checkpoint, and the averaged weights as a codec takes them."""
        self.save_checkpoint(out)
        with self.average.in_place():
            training = {"steps": self.step, "minutes": round(self.seconds / 60, 1), "plan": vars(self.plan)}
            crops = self.crops.batch(self.step, self.plan.export_crops)
            crops = crops.contiguous(memory_format=torch.channels_last)
            self.learner.export(out / WEIGHTS, training, crops)

    def save_checkpoint(self, out: Path) -> None:
        """Write what a training can go on from."""
        state = {
            "kind": self.learner.kind,
            "learner": self.learner.describe(),
            "model": self.model.state_dict(),
            "average": self.average.weights,
            "optimiser": self.optimiser.state_dict(),
            "phase": self.phase,
            "step": self.step,
            "watch": self.watch.to_dict(),
            "variant": vars(self.variant) | {"device": self._device_name()} if self.chosen else None,
            "seconds": self.seconds,
            "rng": torch.get_rng_state(),
            "device_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        torch_file.write(out / CHECKPOINT, state)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """`FIGURES` of the averaged weights, means over photos and lambdas: of the held-out photos, with
        `valid_` before their names, and of as many photos of the training, with `train_`."""
        row: dict[str, float] = {}
        with self.average.in_place():
            for kind, photos in (("valid", self.validation), ("train", self.seen)):
                if len(photos):
                    means = code_photos(self.learner, photos, self.device).double().mean((0, 1)).tolist()
                    row |= {f"{kind}_{name}": mean for name, mean in zip(FIGURES, means, strict=True)}
        return row

    def held_out(self) -> Tensor:
        """(L, N, 4): `FIGURES` of the averaged weights on each of the N held-out photos, at each lambda."""
        with self.average.in_place():
            return code_photos(self.learner, self.validation, self.device).cpu()

    def _settle(self) -> None:
        if self.learner.distortion == MS_SSIM and self.plan.crop < MIN_SIDE:
            raise BenchError(
                f"MS-SSIM has five scales, and needs crops of at least {MIN_SIDE} pixels; "
                f"take --crop 192 or more, not {self.plan.crop}"
            )
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        on_gpu = self.device.type == "cuda"
        self.variant = Variant(
            compile=COUPLINGS if on_gpu and self.plan.compile and "compile" in self.learner.axes else NOTHING,
            record=on_gpu and self.plan.record,
        )
        self.learner.use(self.variant)
        self.optimiser = torch.optim.Adam(self.learner.parameter_groups(self.plan.rate), fused=True)
        for group in self.optimiser.param_groups:
            group["full_lr"] = group["lr"]
        self.average = Average(self.model)
        self.recorded: Recorded | None = None
        self.kept: dict[int, Tensor] = {}
        self.lambdas = torch.tensor(self.learner.lambdas, device=self.device)
        # High rates have the larger loss by nature; a curve wants each rate to matter alike.
        mean = math.exp(sum(map(math.log, self.learner.lambdas)) / len(self.learner.lambdas))
        self.balance = (self.lambdas / mean) ** -0.35

    def _row(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "minutes": self.seconds / 60,
            "phase": self._phase(self.plan.progress(self.step, self.seconds))[0],
            "learning_rate": self.rate,
            "skipped_steps": self.watch.skipped,
            "steps_back": self.watch.steps_back,
        } | self.window.row()

    def _train_step(self, progress: float) -> Step:
        plan, levels = self.plan, len(self.learner.lambdas)
        phase, share = self._phase(progress)
        if phase != self.phase:
            self._enter(phase)
        size = self.learner.pictures(plan.batch, phase)
        if phase == ALL and plan.fastest and not self.chosen:
            self._choose(size)
        with self.window.timed("photos"):
            x = self._prepared(phase, size)
            level = torch.randint(levels, (size,)).to(self.device)
        # Each phase warms up, then decays by a cosine to a hundredth.
        factor = (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))) * min(1.0, 0.02 + share / 0.02)
        factor *= self.watch.rate_factor
        self.rate = plan.rate * factor
        for group in self.optimiser.param_groups:
            group["lr"] = group["full_lr"] * factor
        with self.window.timed("passes"):
            figures = self._passes(x, level)
        with self.window.timed("update"):
            loss, bpp, psnr, similar = self._update(figures)
        return Step(loss, bpp, psnr, similar, size)

    def _prepared(self, phase: str, size: int) -> Tensor:
        """This step's crops as the learner wants them, computed now or in an earlier round."""
        fixed = self.learner.fixed(phase)
        index = self.step % KEPT_BATCHES if fixed else self.step
        if index in self.kept:
            return self.kept[index]
        x = self.crops.batch(index, size).contiguous(memory_format=_layout(self.variant))
        x = self.learner.prepared(x, phase, self.plan.precision == "bfloat16")
        if fixed:
            self.kept[index] = x
        return x

    def _passes(self, x: Tensor, level: Tensor) -> Tensor:
        """Forward and backward: gradients are left in the parameters; returns what `_differentiate` does."""
        if self.device.type != "cuda":
            return self._differentiate(x, level)
        try:
            if not self.variant.record:
                return self._differentiate(x, level)
            if self.recorded is None:
                self.recorded = Recorded(self._differentiate, x, level)
        except RuntimeError as error:
            reason = first_line(error)[:120]
            raise BenchError(
                f"a step failed on this GPU ({reason}); take a smaller --batch, --no-compile, or --no-record"
            ) from error
        return self.recorded(x, level)

    def _differentiate(self, x: Tensor, level: Tensor) -> Tensor:
        """Compute gradients; returns (5,): the objective, and the batch's means of `FIGURES`."""
        self.optimiser.zero_grad(set_to_none=True)
        coded = self.learner.losses(x, level.float(), self.phase, self.plan.precision == "bfloat16")
        losses = self.learner.loss(coded, self.lambdas[level])
        objective = (self.balance[level] * losses).mean()
        objective.backward()
        return torch.cat((objective.detach()[None], figures_of(coded, losses).mean(0)))

    def _choose(self, size: int) -> None:
        """Find the fastest variant of a step of everything. What is trained stays as it is."""
        x, losses = self.crops.batch(self.step, size), []
        level = torch.arange(size, device=self.device) % len(self.learner.lambdas)

        def measure(variant: Variant) -> float:
            self._use(variant)
            pictures = x.contiguous(memory_format=_layout(variant))
            torch.manual_seed(self.plan.seed)
            losses.append(float(self._passes(pictures, level)[1]))
            if math.isfinite(losses[0]) and not abs(losses[-1] - losses[0]) <= LOSS_SLACK * abs(losses[0]):
                raise BenchError(f"its loss is {losses[-1]:.4f}, and that of others {losses[0]:.4f}")
            return time_step(lambda: self._passes(pictures, level), self.device)

        began = time.perf_counter()
        with same_random_numbers(self.device):
            best = fastest(self.variant, self._axes(), measure, self.say)
            self._use(best)
        self.chosen = True
        self.window.leave_out(time.perf_counter() - began)

    def _axes(self) -> tuple[str, ...]:
        """Fields of a variant that may change: not recording on a CPU, nor what options switch off."""
        off = {"compile"} if not self.plan.compile else set()
        off |= {"record"} if not self.plan.record or self.device.type != "cuda" else set()
        return tuple(axis for axis in self.learner.axes if axis not in off)

    def _use(self, variant: Variant) -> None:
        """Compute steps this way from now on."""
        self.recorded = None
        self.optimiser.zero_grad(set_to_none=True)
        self.learner.use(variant)
        if variant.channels_last != self.variant.channels_last:
            self.model.to(memory_format=_layout(variant))  # type: ignore[call-overload]
            self._align()
            self._train_only(self.phase)
        self.variant = variant

    def _align(self) -> None:
        """Let what is kept for a parameter lie in memory as the parameter: a fused optimiser wants that."""
        for parameter, kept in self.optimiser.state.items():
            kept |= {name: laid_out(value, parameter) for name, value in kept.items() if value.dim()}
        self.average.lie_as_the_model()

    def _device_name(self) -> str:
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type

    def _phase(self, progress: float) -> tuple[str, float]:
        return self.plan.phase(progress) if self.learner.phased else (ALL, progress)

    def _enter(self, phase: str) -> None:
        if phase == LAST:  # the transform is finished: what ships is its average
            self.model.load_state_dict(self.average.weights)
        self._train_only(phase)
        self.recorded = None
        self.kept = {}
        self.watch.forget()
        self.phase = phase

    def _train_only(self, phase: str) -> None:
        names = (name for name, _ in self.model.named_parameters())
        self.average.train_only({name for name in names if self.learner.learns(name, phase)})

    def _update(self, figures: Tensor) -> list[float]:
        """Take the step, unless it is a bad one; returns the batch's means of `FIGURES`."""
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        # The optimiser leaves a bad step out by itself, so that the CPU needn't wait for the
        # figures yet.
        self.optimiser.found_inf = self.watch.bad(figures[0], norm)  # type: ignore[attr-defined]
        self.optimiser.step()
        self.step += 1
        # The one place of a step that waits for a GPU.
        objective, gradient, *means = torch.cat((figures[:1], norm[None], figures[1:])).tolist()
        if self.watch.good(objective, gradient):
            decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
            self.average.follow(decay)
        elif self.watch.astray:
            self._step_back()
        return means

    def _step_back(self) -> None:
        """Go back to the averaged weights, which change slowly, with half the rate and a new optimiser."""
        if self.watch.steps_back == MAX_STEPS_BACK:
            raise BenchError(
                f"training diverged: {self.watch.skipped} bad steps by step {self.step}, and stepping back "
                f"{MAX_STEPS_BACK} times didn't help; start again from good weights, with a smaller --rate"
            )
        self.model.load_state_dict(self.average.weights)
        self.optimiser.state.clear()
        self.watch.stepped_back()


def _learner(config: AinnConfig | ZooConfig, photos: list[NDArray[np.uint8]], plan: TrainingPlan) -> Learner:
    if isinstance(config, ZooConfig):
        if plan.precision != "float32":
            raise BenchError(f"{config.architecture} is trained in float32; leave --precision out")
        return ZooLearner(config)
    return AinnLearner(config, photos, plan.seed)


def _layout(variant: Variant) -> torch.memory_format:
    return torch.channels_last if variant.channels_last else torch.contiguous_format


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Tails of likelihoods are full of denormal numbers, each a hundred times slower than others."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
