"""The result of a check: a verdict for each codec and rule, and the cells that moved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    passed = "passed"
    improved = "improved"  # by the threshold of the rule or more
    regressed = "regressed"
    unjudged = "unjudged"


@dataclass(frozen=True)
class RuleVerdict:
    """What one rule says of one codec.

    change: fresh less baseline, in percent for rates and in the metric's unit otherwise, and infinite where
    pictures stopped being lossless, or became so; None if unknown, or if the rule is an exact one.
    interval: of the change on other pictures of the kind, 95 %; None: not known.
    """

    rule: str  # as given, or "cells": whether all cells of the baseline were measured again
    state: State
    message: str  # one sentence
    change: float | None = None
    interval: tuple[float, float] | None = None
    unit: str = ""


@dataclass(frozen=True)
class Moved:
    """A cell whose size or quality isn't that of the baseline; changes are fresh less baseline."""

    image: str
    quality: float
    bytes: float  # percent
    metrics: Mapping[str, float]  # by name, on the scale of curves; -inf: lossless no more
    loss: float = field(default=0.0, repr=False)  # how bad it is, for sorting


@dataclass(frozen=True)
class CodecReport:
    codec: str
    version: str | None  # of the fresh results
    baseline_version: str | None
    images: int  # that rules were judged on
    verdicts: tuple[RuleVerdict, ...]  # on the cells first, then one per rule
    moved: tuple[Moved, ...] = ()  # the worst first
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    dataset: str
    codecs: tuple[CodecReport, ...]

    @property
    def exit_code(self) -> int:
        """1: by a rule, a codec is worse; else 2: something can't be judged; else 0."""
        states = {verdict.state for codec in self.codecs for verdict in codec.verdicts}
        return 1 if State.regressed in states else 2 if State.unjudged in states else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON: infinity is "inf" or "-inf"."""
        return {
            "dataset": self.dataset,
            "exit_code": self.exit_code,
            "codecs": [_plain(asdict(codec)) for codec in self.codecs],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value
