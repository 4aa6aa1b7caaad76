"""What rules look at: by how much a figure changed, on the very pictures of the baseline.

The pictures are the same, so a change is exact and nothing about it is by chance. The interval tells how far
it would move on other pictures of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import metrics
from bench.check.cells import Pair, Pairing, gain_in
from bench.check.equal_bits import gains_at_equal_bits
from bench.check.rules import Rule
from bench.check.verdicts import State
from bench.compare.bd import bjontegaard
from bench.compare.curves import Curve, cell_of, curve
from bench.compare.intervals import MIN_IMAGES, ends, interval, means_leaving_one_out
from bench.compare.savings import is_lossless
from bench.core.words import first_few

if TYPE_CHECKING:
    from bench.compare.interpolation import Array

MIN_SHARE = 0.75  # of the baseline's range of quality that both curves must cover

# Streams are whole bytes: one percent more of them is measured as a little less than one percent.
_REACHED = 0.995

Ends = tuple[float, float]


class NotJudged(Exception):
    """Why a rule can't be judged."""


@dataclass(frozen=True)
class Figure:
    """A change of one figure: fresh less baseline, in percent for rates, else in the metric's unit.

    change: infinite where pictures stopped being lossless, or became so. Positive is better, but for rates
        and for metrics of which less is better.
    interval: of the change on other pictures, 95 %; None: not known.
    images: that it is over.
    remark: what more there is to say.
    """

    what: str
    change: float
    interval: Ends | None
    images: int
    remark: str = ""

    def loss(self, rule: Rule) -> float:
        return self.change if rule.lower_is_better else -self.change

    def state(self, rule: Rule) -> State:
        if abs(self.change) < _REACHED * rule.threshold:
            return State.passed
        return State.regressed if self.loss(rule) > 0 else State.improved

    def sentence(self, rule: Rule, state: State) -> str:
        digits = 2 if rule.of_rate else 3
        unit = f" {rule.unit}" if rule.unit else ""
        text = self.what
        if math.isfinite(self.change):
            text += f" {self.change + 0.0:+.{digits}f}{unit}"
        if self.remark:
            text += f"{' ' if math.isinf(self.change) else ', '}{self.remark}"
        if state is State.improved:
            text += "; keep the better one with --update"
        else:
            text += f"; it fails at {'+' if rule.lower_is_better else '-'}{rule.threshold:g}{unit}"
        if self.interval is not None:
            low, high = (f"{end + 0.0:+.{digits}f}" for end in self.interval)
            text += f"; other pictures of this kind: {low} to {high}{unit} (95 %, from {self.images} images)"
        return text


def curves_of(rules: Sequence[Rule], codec: str, pairing: Pairing) -> tuple[Curve, ...]:
    """The baseline's curve and the fresh one, by the metrics of those rules that are about curves; none if no
    rule is."""
    wanted = {rule.metric for rule in rules if rule.of_curves and rule.metric}
    if not wanted:
        return ()
    return tuple(
        curve(name, [cell_of(pair[side], wanted) for pair in pairing.whole])
        for side, name in ((0, "the baseline"), (1, codec))
    )


def of_curves(rule: Rule, before: Curve, now: Curve) -> Figure:
    """The Bjontegaard delta of the mean curves.

    Raises:
        NotJudged: there is none, or the curves have too little in common.
    """
    assert rule.metric is not None
    if is_lossless((*before.cells, *now.cells), rule.metric):
        raise NotJudged("all pictures are lossless; judge their bytes, with bpp:1%")
    names = (now.codec, before.codec)
    turned = not metrics.get(rule.metric).higher_is_better
    delta = bjontegaard(*now.axes(rule.metric), *before.axes(rule.metric), names=names, turned=turned)
    value = delta.bd_rate if rule.of_rate else delta.bd_metric
    if value is None:
        raise NotJudged(delta.reason or "there is no value")
    if delta.overlap < MIN_SHARE:
        raise NotJudged(
            f"the curves share {100 * delta.overlap:.0f} % of their range of {rule.metric}, "
            f"{100 * MIN_SHARE:.0f} % are needed"
        )
    spread = interval(now, before, rule.metric)
    what = f"{'BD-rate' if rule.of_rate else 'BD-metric'} by {metrics.get(rule.metric).title}"
    return Figure(what, value, spread.bd_rate if rule.of_rate else spread.bd_metric, spread.images)


def at_each_quality(rule: Rule, pairing: Pairing) -> list[Figure]:
    """Change of the mean rate in percent, or mean change of the metric, at each quality setting."""
    figures = []
    for quality in pairing.qualities:
        pairs = [pair for pair in pairing.whole if pair[0].quality == quality]
        where = f"at quality {quality:g}"
        figures.append(_mean_rate(pairs, where) if rule.metric is None else _mean(rule.metric, pairs, where))
    return figures


def of_single_images(rule: Rule, pairing: Pairing) -> Figure:
    """The worst change of the metric of any picture at any quality setting, at equal bits.

    A cell that takes other bits than it took is compared with the baseline's curve of the picture there, so
    that a codec may spend its bits otherwise. How many pictures lose so much is the remark.
    """
    assert rule.metric is not None
    rows = [before for before, _ in pairing.pairs]
    gains = list(zip(gains_at_equal_bits(rule.metric, pairing.pairs), rows, strict=True))
    images = len({row.image_sha256 for row in rows})
    worst, cell = min(gains, key=lambda gain: gain[0])
    scale = metrics.get(rule.metric)
    title = scale.title
    if worst == 0:
        what = f"{title} of the worst of {images} images"
        return Figure(what, 0.0, None, images, "at equal bits")
    remark = "is lossless no more" if worst == -math.inf else "at equal bits"
    if hit := sorted({row.image for gain, row in gains if -gain >= _REACHED * rule.threshold}):
        remark += f" ({len(hit)} of {images} images lose so much: {first_few(hit)})"
    what = f"{title} of {cell.image} at quality {cell.quality:g}"
    return Figure(what, scale.turned(worst), None, images, remark)


def _mean_rate(pairs: Sequence[Pair], where: str) -> Figure:
    import numpy as np

    rates = np.array([[row.bpp for row in pair] for pair in pairs])
    means = means_leaving_one_out(rates) if len(pairs) > 1 else rates
    ratios = np.log(means[:, 1] / means[:, 0])
    percent = [100 * math.expm1(value) for value in (ratios[0], *_spread(ratios))]
    return Figure(f"mean bpp {where}", percent[0], _pair(percent[1:]), len(pairs))


def _mean(metric: str, pairs: Sequence[Pair], where: str) -> Figure:
    import numpy as np

    scale = metrics.get(metric)
    what = f"mean {scale.title} {where}"
    gains = [gain_in(metric, *pair) for pair in pairs]
    for infinite, words in ((-math.inf, "is lossless no more"), (math.inf, "is lossless now")):
        images = [row.image for gain, (row, _) in zip(gains, pairs, strict=True) if gain == infinite]
        if images:
            remark = f"{words} on {len(images)} of {len(pairs)} images ({first_few(images)})"
            return Figure(what, scale.turned(infinite), None, len(pairs), remark)
    values = np.array([scale.turned(gain) for gain in gains])[:, None]
    means = (means_leaving_one_out(values) if len(pairs) > 1 else values)[:, 0]
    return Figure(what, float(means[0]), _pair(_spread(means)), len(pairs))


def _spread(values: Array) -> list[float]:
    """Ends of the interval of the first value, from the others, which are over all images but one; none for
    few images."""
    if len(values) - 1 < MIN_IMAGES:
        return []
    return [float(end) for end in ends(values[0], values[1:])]


def _pair(values: Iterable[float]) -> Ends | None:
    both = list(values)
    return (both[0], both[1]) if both else None
