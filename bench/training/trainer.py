"""Train an A-INN: one loop, exact to resume, that stops when its time is up.

Loss: bpp + lambda * 255^2 * MSE, each picture of a batch at a lambda of its own (Cui et al. 2021).
Three phases. The first trains the entropy model alone, on the linear transform of the head start, at a
fraction of the cost of a full step; the second trains everything; the last trains the entropy model
alone again, on the symbols that the finished transform really sends.
"""

from __future__ import annotations

import csv
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.codecs.ainn.config import AinnConfig
from bench.codecs.ainn.head_start import block_statistics, start_from_statistics
from bench.codecs.ainn.model import Ainn
from bench.codecs.ainn.weights import build, load_weights, save_weights
from bench.errors import BenchError
from bench.training.photos import Cropper, load_photos, load_validation

LOG_COLUMNS = (
    "step", "minutes", "phase", "learning_rate", "loss", "bpp", "psnr", "patches_per_second", "skipped_steps",
    "valid_loss", "valid_bpp", "valid_psnr",
)  # fmt: skip
FIRST, ALL, LAST = "entropy-first", "all", "entropy-last"  # the phases
CHECKPOINT, LOG, WEIGHTS = "checkpoint.pt", "log.csv", "weights.pt"  # what a run leaves in its folder
VALIDATION_SIDE = 256
MAX_SKIPPED = 50  # steps without a finite gradient, after which training gives up


@dataclass(frozen=True)
class TrainingPlan:
    """What decides the outcome of a training. With `steps` the outcome depends on nothing else (on a CPU)."""

    steps: int | None = None  # whichever of steps and minutes ends first ends the training
    minutes: float | None = None
    batch: int = 8
    crop: int = 128
    rate: float = 1e-4  # of the transform; see `Ainn.parameter_groups` for the others
    entropy_first: float = 0.12  # share of the first phase
    entropy_last: float = 0.1  # share of the last
    seed: int = 0
    precision: str = (
        "float32"  # or bfloat16: of the convolutions, never of couplings' sums, latents and rates
    )
    ema: float = 0.999
    clip: float = 1.0

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise BenchError("say how long to train: --minutes or --steps")
        if self.steps is not None and self.steps < 1:
            raise BenchError(f"steps must be at least 1, not {self.steps}")
        if self.minutes is not None and not 0 <= self.minutes < math.inf:
            raise BenchError(f"minutes must be a number from 0 on, not {self.minutes:g}")
        if self.precision not in ("float32", "bfloat16"):
            raise BenchError(f"precision '{self.precision}' is not known; take float32 or bfloat16")
        if self.crop % 64 or self.crop <= 0:
            raise BenchError(f"--crop {self.crop} is not a multiple of 64; take 128 or 256")

    def progress(self, step: int, seconds: float) -> float:
        """How much of the plan is done, 0 to 1."""
        shares = [step / self.steps] if self.steps is not None else []
        if self.minutes is not None:
            shares.append(seconds / (60 * self.minutes) if self.minutes > 0 else 1.0)
        return min(1.0, max(shares))

    def phase(self, progress: float) -> tuple[str, float]:
        """Name of the phase, and how much of it is done, 0 to 1."""
        first, last = self.entropy_first, 1 - self.entropy_last
        if progress < first:
            return FIRST, progress / first
        if progress < last:
            return ALL, (progress - first) / (last - first)
        return LAST, (progress - last) / max(self.entropy_last, 1e-9)


class Trainer:
    """Holds a training's whole state; `run` goes on with it until the plan or the slice is over."""

    def __init__(self, config: AinnConfig, plan: TrainingPlan, data: Path, device: str) -> None:
        self.plan = plan
        self.device = torch.device(device)
        torch.manual_seed(plan.seed)
        photos = load_photos(data, plan.crop)
        self.validation = load_validation(data, VALIDATION_SIDE)
        self.model = Ainn(config)
        start_from_statistics(self.model, *block_statistics(photos, plan.seed))
        self.crops = Cropper(photos, plan.crop, plan.seed, self.device)
        self._settle()
        self.fresh = True  # the transform has never been trained: what is the identity in it can be left out
        self.phase = ""  # of the last step
        self.step = 0
        self.skipped = 0
        self.seconds = 0.0  # spent training, over all slices

    def start_from(self, path: Path) -> None:
        """Take over trained weights, to train on with a fresh optimiser."""
        self.model = load_weights(path)
        self.fresh = False
        self._settle()

    def resume(self, path: Path) -> None:
        """Go on exactly where the checkpoint was written.

        Raises:
            BenchError: no checkpoint of a training of A-INN.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.model = build(state["config"], state["model"])
            self._settle()
            self.average = {name: value.to(self.device) for name, value in state["average"].items()}
            self.optimiser.load_state_dict(state["optimiser"])
            self.phase, self.fresh = state["phase"], state["fresh"]
            self._train_only(self.phase)
            self.step, self.skipped, self.seconds = state["step"], state["skipped"], state["seconds"]
            torch.set_rng_state(state["rng"])
        except Exception as error:  # torch raises many kinds for a file that is something else
            reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
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
    ) -> bool:
        """Train, log to ``log.csv`` under `out`, and leave a checkpoint and the averaged weights there.

        Args:
            stop_after: minutes after which this slice ends, whatever the plan has left.
            report: called with each row of the log.

        Returns:
            True if the plan is done, False if the slice ended or Ctrl-C came first.
        """
        out.mkdir(parents=True, exist_ok=True)
        started, before = time.monotonic(), self.seconds
        saved = started
        window = _Window()
        done = False
        with _interrupt_flag() as interrupted, _denormals_flushed():
            while True:
                self.seconds = before + time.monotonic() - started
                progress = self.plan.progress(self.step, self.seconds)
                done = progress >= 1
                over = stop_after is not None and time.monotonic() - started >= 60 * stop_after
                stop = done or over or interrupted()
                validate = stop or (self.step > 0 and self.step % validate_every == 0)
                if validate or (self.step > 0 and self.step % 50 == 0):
                    row = window.row(self) | (self.validate() if validate else {})
                    _append_log(out / LOG, row)
                    report(row)
                if stop:
                    break
                window.add(*self._train_step(progress))
                if time.monotonic() - saved > 300:
                    self.save(out)
                    saved = time.monotonic()
        self.save(out)
        return done

    def save(self, out: Path) -> None:
        """Write the checkpoint, and the averaged weights as a codec takes them."""
        state = {
            "config": self.model.config.to_dict(),
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "phase": self.phase,
            "fresh": self.fresh,
            "step": self.step,
            "skipped": self.skipped,
            "seconds": self.seconds,
            "rng": torch.get_rng_state(),
        }
        partial = out / (CHECKPOINT + ".part")  # a kill while writing leaves the last good one
        torch.save(state, partial)
        partial.replace(out / CHECKPOINT)
        with self._averaged():
            training = {"steps": self.step, "minutes": round(self.seconds / 60, 1), "plan": vars(self.plan)}
            save_weights(self.model, out / WEIGHTS, training)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Loss, bpp and PSNR of the averaged weights on the held-out photos, the mean over all lambdas."""
        if not len(self.validation):
            return {}
        rows, generator = [], torch.get_rng_state()
        with self._averaged():
            for level, value in enumerate(self.model.config.lambdas):
                for crops in self.validation.split(8):
                    x = crops.to(self.device).float() / 255
                    quality = torch.full((len(x),), float(level), device=self.device)
                    out = self.model(x, quality, rounded=True)
                    bpp = (out.y_bits + out.z_bits) / VALIDATION_SIDE**2
                    mse = (out.x_hat.clamp(0, 1) - x).square().mean((1, 2, 3))
                    for b, d in zip(bpp.tolist(), mse.tolist(), strict=True):
                        rows.append((b + value * 255**2 * d, b, -10 * math.log10(d)))
        torch.set_rng_state(generator)  # so that validating more or less often changes nothing
        loss, bpp_mean, psnr = (sum(column) / len(rows) for column in zip(*rows, strict=True))
        return {"valid_loss": loss, "valid_bpp": bpp_mean, "valid_psnr": psnr}

    def _settle(self) -> None:
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.Adam(self.model.parameter_groups(self.plan.rate), fused=True)
        for group in self.optimiser.param_groups:
            group["full_lr"] = group["lr"]
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}

    def _train_step(self, progress: float) -> tuple[float, float, float, int]:
        plan, lambdas = self.plan, self.model.config.lambdas
        phase, share = plan.phase(progress)
        if phase != self.phase:
            self._enter(phase)
        size = plan.batch if phase == ALL else plan.batch * 4  # cheap steps can see more photos
        x = self.crops.batch(self.step, size).contiguous(memory_format=torch.channels_last)
        quality = torch.randint(len(lambdas), (size,)).to(self.device)
        weight = torch.tensor(lambdas, device=self.device)[quality]

        bpp, mse = self._forward(x, quality.float(), phase)
        losses = bpp + weight * 255**2 * mse
        # High rates have the larger loss by nature; a curve wants each rate to matter alike.
        balance = (weight / math.exp(sum(map(math.log, lambdas)) / len(lambdas))) ** -0.35
        # Each phase warms up, then decays by a cosine to a hundredth.
        factor = (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))) * min(1.0, 0.02 + share / 0.02)
        for group in self.optimiser.param_groups:
            group["lr"] = group["full_lr"] * factor
        self.optimiser.zero_grad(set_to_none=True)
        (balance * losses).mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip)
        self._apply(bool(torch.isfinite(norm)))
        psnr = float((-10 * torch.log10(mse.detach())).mean())
        return float(losses.detach().mean()), float(bpp.detach().mean()), psnr, size

    def _enter(self, phase: str) -> None:
        if phase == LAST:  # the transform is finished: what ships is its average
            self.model.load_state_dict(self.average)
        self._train_only(phase)
        self.phase = phase

    def _train_only(self, phase: str) -> None:
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(phase == ALL or name.startswith("entropy."))

    def _apply(self, finite: bool) -> None:
        self.step += 1
        if not finite:
            self.skipped += 1
            if self.skipped > MAX_SKIPPED:
                raise BenchError(
                    f"training diverged: {self.skipped} steps without a finite gradient by step {self.step}; "
                    "start again from the last checkpoint with a smaller --rate"
                )
            return
        self.optimiser.step()
        decay = min(self.plan.ema, (1 + self.step) / (10 + self.step))
        trained = {n: p.detach() for n, p in self.model.named_parameters() if p.requires_grad}
        torch._foreach_lerp_([self.average[name] for name in trained], list(trained.values()), 1 - decay)

    def _forward(self, x: Tensor, quality: Tensor, phase: str) -> tuple[Tensor, Tensor]:
        """bpp (N,) and MSE (N,) on a scale of [0, 1].

        With the transform at rest, the MSE is that of the latent: the same but for a constant while
        the transform is orthonormal, and close to it later.
        """
        half = self.plan.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            if phase == ALL:
                out = self.model(x, quality)
                mse = (out.x_hat.float() - x).square().mean((1, 2, 3))
            else:
                with torch.no_grad():
                    y = self.model.encode(x, linear=phase == FIRST and self.fresh).float()
        if phase != ALL:
            out = self.model.entropy(y, quality, rounded=True)
            mse = self.model.entropy.latent_mse(y, out.y_hat)
        return (out.y_bits + out.z_bits) / (x.shape[2] * x.shape[3]), mse

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The model with the averaged weights in the place of the current ones."""
        current = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        try:
            yield
        finally:
            self.model.load_state_dict(current)


class _Window:
    """Means of what training printed since the last row of the log."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, float, float, int]] = []
        self.since = time.monotonic()

    def add(self, loss: float, bpp: float, psnr: float, patches: int) -> None:
        self.rows.append((loss, bpp, psnr, patches))

    def row(self, trainer: Trainer) -> dict[str, Any]:
        seconds = time.monotonic() - self.since
        progress = trainer.plan.progress(trainer.step, trainer.seconds)
        row: dict[str, Any] = {
            "step": trainer.step,
            "minutes": trainer.seconds / 60,
            "phase": trainer.plan.phase(progress)[0],
            "learning_rate": trainer.optimiser.param_groups[1]["lr"],
            "skipped_steps": trainer.skipped,
        }
        if self.rows:
            loss, bpp, psnr, _ = (sum(column) / len(self.rows) for column in zip(*self.rows, strict=True))
            patches = sum(row[3] for row in self.rows)
            row |= {"loss": loss, "bpp": bpp, "psnr": psnr, "patches_per_second": patches / seconds}
        self.rows, self.since = [], time.monotonic()
        return row


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """Tails of likelihoods are full of denormal numbers, each a hundred times slower than others."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@contextmanager
def _interrupt_flag() -> Iterator[Callable[[], bool]]:
    """Ctrl-C asks for a clean stop after the step at hand; a second one ends at once."""
    asked: list[int] = []

    def handler(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    previous = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def _append_log(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, LOG_COLUMNS, restval="")
        if new:
            writer.writeheader()
        writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()})
