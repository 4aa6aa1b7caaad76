"""What ``--fail-on`` may say: how much worse than the baseline a codec may be, and by which figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bench import metrics
from bench.core.errors import BenchError
from bench.metrics.registry import REGISTRY

FORMS = (
    "bd-rate:METRIC:1%",  # bits at equal quality
    "bd-metric:METRIC:0.05",  # quality at equal bits
    "bpp:1%",  # mean rate at any one quality setting
    "metric:METRIC:0.02",  # mean metric at any one quality setting
    "image:METRIC:0.5",  # the metric of any one picture, at equal bits
    "bytes",  # any bitstream differs
    "decoded",  # any decoded picture differs
)
EXACT = ("bytes", "decoded")

_FIELDS = {form.partition(":")[0]: form.split(":")[1:] for form in FORMS}
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)\s*(.*)")


@dataclass(frozen=True)
class Rule:
    """A codec fails when it is worse than the baseline by the threshold or more.

    threshold: above 0; percent for rates, else in the metric's unit on the scale of curves (dB for PSNR and
    MS-SSIM); 0 for the exact kinds, which fail at any difference.
    """

    text: str  # as it was given
    kind: str  # first word of one of FORMS
    metric: str | None = None
    threshold: float = 0.0

    @property
    def of_rate(self) -> bool:
        """Whether the figure is a rate in percent, of which less is better."""
        return self.kind in ("bd-rate", "bpp")

    @property
    def lower_is_better(self) -> bool:
        """Whether less of the figure is better: a rate, or a metric that is such. A BD-metric is a gain."""
        if self.of_rate or self.of_curves or self.metric is None:
            return self.of_rate
        return not REGISTRY.get_class(self.metric).higher_is_better

    @property
    def of_curves(self) -> bool:
        """Whether the figure is a Bjontegaard delta."""
        return self.kind in ("bd-rate", "bd-metric")

    @property
    def of_images(self) -> bool:
        """Whether the figure is the worst of any single picture."""
        return self.kind == "image"

    @property
    def unit(self) -> str:
        """Of the threshold and of changes."""
        if self.of_rate:
            return "%"
        return REGISTRY.get_class(self.metric).unit if self.metric else ""


def parse_rules(texts: Sequence[str]) -> tuple[Rule, ...]:
    """The rules of several ``--fail-on``, each once.

    Raises:
        BenchError: one of them isn't a rule.
    """
    return tuple(dict.fromkeys(_parse(text) for text in texts))


def _parse(text: str) -> Rule:
    kind, *given = (part.strip() for part in text.split(":"))
    expected = _FIELDS.get(kind)
    if expected is None:
        close = get_close_matches(kind, _FIELDS, n=1)
        raise _bad(text, f"there is no rule '{kind}'" + (f" (did you mean '{close[0]}'?)" if close else ""))
    if len(given) != len(expected):
        wanted = {0: "nothing", 1: "a threshold", 2: "a metric and a threshold"}[len(expected)]
        raise _bad(text, f"{kind} takes {wanted} after it")
    if not expected:
        return Rule(text, kind)
    metric = given[0] if len(given) == 2 else None
    if metric is not None and metric not in metrics.names():
        close = get_close_matches(metric, metrics.names(), n=1)
        raise _bad(
            text, f"there is no metric '{metric}'" + (f" (did you mean '{close[0]}'?)" if close else "")
        )
    return _with_threshold(Rule(text, kind, metric), given[-1])


def _with_threshold(rule: Rule, given: str) -> Rule:
    match = _NUMBER.fullmatch(given)
    if match is None or float(match[1]) == 0:
        raise _bad(rule.text, f"'{given}' isn't a threshold above 0")
    unit = match[2]
    if rule.of_rate and unit != "%":
        raise _bad(rule.text, f"the threshold of {rule.kind} is in percent, as in {match[1]}%")
    if not rule.of_rate and unit.lower() not in ("", rule.unit.lower()):
        raise _bad(
            rule.text, f"the threshold for {rule.metric} is a number of {rule.unit or 'its own scale'}"
        )
    return Rule(rule.text, rule.kind, rule.metric, float(match[1]))


def _bad(text: str, trouble: str) -> BenchError:
    return BenchError(
        f"--fail-on '{text}': {trouble}; rules are {', '.join(FORMS)}, where METRIC is one of "
        f"{', '.join(metrics.names())}"
    )


LOSSLESS = (  # in the place of DEFAULT, where all of the baseline is lossless
    Rule("bpp:1%", "bpp", None, 1.0),
    Rule("decoded", "decoded"),
)
DEFAULT = (
    Rule("bd-rate:psnr:1%", "bd-rate", "psnr", 1.0),
    Rule("bd-rate:ms_ssim:1%", "bd-rate", "ms_ssim", 1.0),
    Rule("image:psnr:0.5", "image", "psnr", 0.5),
    Rule("image:ms_ssim:0.5", "image", "ms_ssim", 0.5),
)
