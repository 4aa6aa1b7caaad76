"""Models of CompressAI's zoo in training, as baselines: the same photos, loss, schedule and log as A-INN."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.codecs.ainn.config import MS_SSIM, MSE
from bench.codecs.compressai_networks import load_checkpoint, network, widths
from bench.core import torch_file
from bench.core.errors import BenchError
from bench.training.learner import Coded, Learner, bits


@dataclass(frozen=True)
class ZooConfig:
    """One model of the zoo for one rate, at the widths that CompressAI gives its lower rates."""

    architecture: str
    lambda_: float
    widths: tuple[int, ...]
    distortion: str = MSE  # or MS_SSIM: what the lambda weighs

    @property
    def name(self) -> str:
        return self.architecture

    @classmethod
    def of(cls, architecture: str, lambdas: tuple[float, ...], distortion: str = MSE) -> ZooConfig:
        """The configuration of an architecture; raises BenchError if there is not one lambda."""
        if len(lambdas) != 1:
            usual = "0.0016 to 0.08 as A-INN's" if distortion == MSE else "2.4 to 220 as CompressAI's"
            raise BenchError(f"{architecture} is trained for one rate; give one --lambda, from {usual}")
        return cls(architecture, lambdas[0], widths(architecture), distortion)


class ZooLearner(Learner):
    kind = "zoo"

    def __init__(self, config: ZooConfig) -> None:
        self._begin(config)

    @property
    def lambdas(self) -> tuple[float, ...]:
        return (self.config.lambda_,)

    @property
    def distortion(self) -> str:
        return self.config.distortion

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """All at one rate, as CompressAI trains; the quantiles are computed at export."""
        parameters = [p for n, p in self.model.named_parameters() if not n.endswith("quantiles")]
        return [{"params": parameters, "lr": rate}]

    def losses(self, x: Tensor, level: Tensor, phase: str, half: bool) -> Coded:
        out = self.model.train()(x)
        return Coded.of(self._rate(out, x), out["x_hat"], x, similarity=self.distortion == MS_SSIM)

    def coded(self, x: Tensor, level: Tensor) -> Coded:
        out = self.model.eval()(x)
        return Coded.of(self._rate(out, x), out["x_hat"].clamp(0, 1), x, similarity=True)

    def export(self, path: Path, training: dict[str, Any], crops: Tensor) -> None:
        """A checkpoint in float16, with tables for the range coder."""
        model: Any = copy.deepcopy(self.model).cpu().eval()
        for parameter in model.parameters():
            parameter.data = parameter.data.half().float()
        model.update(force=True, update_quantiles=True)
        # Parameters, and no buffers: bounds of 1e-9 would become zero.
        halves = {name for name, _ in model.named_parameters()}
        state = {
            name: value.half() if name in halves else value for name, value in model.state_dict().items()
        }
        content = {"state_dict": state, "training": training | {"model": asdict(self.config)}}
        torch_file.write(path, content)

    def load(self, path: Path) -> None:
        self.model = load_checkpoint(self.config.architecture, path)

    def describe(self) -> dict[str, Any]:
        return {"config": asdict(self.config)}

    def restore(self, described: dict[str, Any], state: dict[str, Tensor]) -> None:
        config = described["config"]
        self._begin(ZooConfig(**config | {"widths": tuple(config["widths"])}))
        self.model.load_state_dict(state)

    def _begin(self, config: ZooConfig) -> None:
        self.config = config
        self.model = network(config.architecture, config.widths)

    def _rate(self, out: dict[str, Any], x: Tensor) -> Tensor:
        return bits(out["likelihoods"].values()) / (x.shape[2] * x.shape[3])
