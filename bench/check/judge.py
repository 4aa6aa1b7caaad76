"""Judges fresh results by a baseline: paired by image, and by intervals rather than bare thresholds.

A rule fails when the change reaches its threshold and the 95 % interval of the paired bootstrap over images
excludes no change at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench import metrics
from bench.check.cells import Pair, Pairing, change_in, moved, paired
from bench.check.rules import DEFAULT, EXACT, Rule
from bench.check.verdicts import CodecReport, Report, RuleVerdict, State
from bench.compare.bd import bjontegaard
from bench.compare.bootstrap import MIN_IMAGES, bootstrap, draws, percentiles
from bench.compare.curves import MeasuredCell, cell_of, curve
from bench.core.errors import BenchError
from bench.results import Contents, Row, Store
from bench.results.names import name_of_codec, name_of_dataset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_SHARE = 0.75  # of the baseline's images, and of the range of quality, that both must cover

# Streams are whole bytes: one percent more of them is measured as a little less than one percent.
_REACHED = 0.995


def check(
    results: Path, baseline: Path, codecs: Sequence[str], dataset: str, rules: Sequence[Rule] = ()
) -> Report:
    """Compare what was measured last with a baseline, codec by codec.

    Args:
        results: folder of fresh results.
        baseline: folder of a store like it, ``<dataset>/<codec>.jsonl``.
        codecs: names; if empty, all that have a baseline on the dataset.
        rules: if empty, BD-rates 1 % worse by PSNR or MS-SSIM, as far as the baseline has these metrics.

    Raises:
        BenchError: no codec is named and there is no baseline, or a file is of another codec-bench.
    """
    fresh, old = Store(results), Store(baseline)
    dataset = name_of_dataset(dataset, fresh)
    named = [name_of_codec(codec, old, dataset) for codec in codecs]
    names = list(dict.fromkeys(named)) or old.codecs_on(dataset)
    if not names:
        raise BenchError(
            f"there is no baseline for {dataset} in {baseline}; name codecs and make it with --update"
        )
    reports = []
    for name in names:
        now, before = fresh.load(dataset, name), old.load(dataset, name)
        if not before.rows:
            missing = f"there is no baseline of {name} on {dataset} in {baseline}; make it with --update"
        elif not now.rows and not now.failures:
            missing = (
                f"there are no fresh results of {name} on {dataset} in {results}; "
                f"measure them with: bench run --codec {name} --dataset {dataset}"
            )
        else:
            reports.append(_judge(name, now, before, rules))
            continue
        verdicts = [RuleVerdict("cells", State.unjudged, missing), *_none(rules or DEFAULT)]
        reports.append(CodecReport(name, now.version, before.version, 0, tuple(verdicts)))
    return Report(dataset, tuple(reports))


def _judge(codec: str, now: Contents, before: Contents, rules: Sequence[Rule]) -> CodecReport:
    pairing = paired(now, before)
    rules, notes = (rules, []) if rules else _default_rules(before)
    problems = list(pairing.problems)
    known = len({row.image_sha256 for row in before.rows.values()})
    if len(pairing.images) < MIN_SHARE * known:
        problems.append(
            f"only {len(pairing.images)} of {known} images have all cells of the baseline, "
            f"{_percent(MIN_SHARE)} are needed"
        )
        verdicts = _none(rules)
    else:
        verdicts = [_verdict(rule, codec, pairing) for rule in rules]
    if problems:
        cells = RuleVerdict("cells", State.unjudged, "; ".join(problems))
    else:
        cells = RuleVerdict(
            "cells", State.passed, f"all {len(pairing.pairs)} cells of the baseline are there"
        )
    return CodecReport(
        codec, now.version, before.version, len(pairing.images), (cells, *verdicts), moved(pairing.pairs),
        (*notes, *pairing.notes),
    )  # fmt: skip


def _none(rules: Iterable[Rule]) -> list[RuleVerdict]:
    return [
        RuleVerdict(rule.text, State.unjudged, "there is too little to judge by, see cells") for rule in rules
    ]


def _default_rules(before: Contents) -> tuple[list[Rule], list[str]]:
    """The default rules whose metric all of the baseline has, if there are any, and remarks on the others."""

    def has(metric: str | None) -> bool:
        return all(row.metrics.get(metric or "") is not None for row in before.rows.values())

    there = [rule for rule in DEFAULT if has(rule.metric)] or list(DEFAULT)
    return there, [
        f"{rule.text} is left out, for the baseline has images without {rule.metric}"
        for rule in DEFAULT
        if rule not in there
    ]


def _verdict(rule: Rule, codec: str, pairing: Pairing) -> RuleVerdict:
    if rule.kind in EXACT:
        return _exact(rule, pairing.pairs)
    for side, name in ((0, "the baseline"), (1, codec)):
        pairs = pairing.whole
        if rule.metric and any(pair[side].metrics.get(rule.metric) is None for pair in pairs):
            return RuleVerdict(rule.text, State.unjudged, f"{name} has images without {rule.metric}")
    try:
        figures = [_bd(rule, codec, pairing)] if rule.of_curves else _at_each_quality(rule, pairing)
    except _NotJudged as error:
        return RuleVerdict(rule.text, State.unjudged, str(error))
    figure = _telling(figures, rule)
    state = figure.state(rule)
    return RuleVerdict(
        rule.text, state, figure.sentence(rule, state), figure.change, figure.interval, rule.unit
    )


def _telling(figures: Sequence[_Figure], rule: Rule) -> _Figure:
    """The worst of those that regressed, else the best of those that improved, else the worst."""
    by_loss = sorted(figures, key=lambda figure: figure.loss(rule))
    for state, order in ((State.regressed, by_loss[::-1]), (State.improved, by_loss)):
        for figure in order:
            if figure.state(rule) is state:
                return figure
    return by_loss[-1]


class _NotJudged(Exception):
    """Why a rule can't be judged."""


@dataclass(frozen=True)
class _Figure:
    """A change of one figure, and how sure it is."""

    what: str
    change: float
    interval: tuple[float, float] | None
    images: int
    why_none: str | None = None  # why there is no interval

    def loss(self, rule: Rule) -> float:
        return self.change if rule.of_rate else -self.change

    def reached(self, rule: Rule) -> bool:
        return abs(self.change) >= _REACHED * rule.threshold

    def certain(self) -> bool:
        return self.interval is None or not self.interval[0] <= 0 <= self.interval[1]

    def state(self, rule: Rule) -> State:
        if not (self.reached(rule) and self.certain()):
            return State.passed
        return State.regressed if self.loss(rule) > 0 else State.improved

    def sentence(self, rule: Rule, state: State) -> str:
        digits = 2 if rule.of_rate else 3
        unit = f" {rule.unit}" if rule.unit else ""
        text = f"{self.what} {self.change + 0.0:+.{digits}f}{unit}"
        if self.interval is not None:
            low, high = self.interval
            text += f", 95 % interval {low:+.{digits}f} to {high:+.{digits}f} over {self.images} images"
        sign = "+" if rule.of_rate else "-"
        if state is State.improved:
            text += "; keep the better one with --update"
        else:
            text += f"; it fails at {sign}{rule.threshold:g}{unit}"
        if state is State.passed and self.reached(rule):
            text += " and an interval without 0"
        if self.interval is None:
            text += f"; the figure alone decided, for {self.why_none}"
        return text


def _bd(rule: Rule, codec: str, pairing: Pairing) -> _Figure:
    assert rule.metric is not None
    before, now = (
        curve(name, [_cell(pair[side], rule.metric) for pair in pairing.whole])
        for side, name in ((0, "the baseline"), (1, codec))
    )
    names = (now.codec, before.codec)
    delta = bjontegaard(*now.axes(rule.metric), *before.axes(rule.metric), names=names)
    value = delta.bd_rate if rule.of_rate else delta.bd_metric
    if value is None:
        raise _NotJudged(delta.reason or "there is no value")
    if delta.overlap < MIN_SHARE:
        raise _NotJudged(
            f"the curves share {_percent(delta.overlap)} of their range of {rule.metric}, "
            f"{_percent(MIN_SHARE)} are needed"
        )
    interval = bootstrap(now, before, rule.metric)
    what = f"{'BD-rate' if rule.of_rate else 'BD-metric'} by {metrics.get(rule.metric).title}"
    ends = interval.bd_rate if rule.of_rate else interval.bd_metric
    return _Figure(what, value, ends, interval.images, interval.reason)


def _cell(row: Row, metric: str) -> MeasuredCell:
    """With one metric only, for others need not be installed here."""
    return replace(cell_of(row), values={metric: row.metrics[metric]})


def _at_each_quality(rule: Rule, pairing: Pairing) -> list[_Figure]:
    """Change of the mean rate in percent, or mean change of the metric, at each quality."""
    import numpy as np

    figures = []
    for quality in pairing.qualities:
        pairs = [pair for pair in pairing.whole if pair[0].quality == quality]
        if rule.metric is None:
            what = "mean bpp"
            values = np.array([[before.bpp, now.bpp] for before, now in pairs])
            change_of = _percent_of_means
        else:
            what = f"mean {metrics.get(rule.metric).title}"
            values = np.array([[change_in(rule.metric, *pair)] for pair in pairs])
            change_of = _mean
        interval, why = None, f"an interval takes {MIN_IMAGES} images or more"
        if len(pairs) >= MIN_IMAGES:
            interval = percentiles(change_of(values[draws(len(pairs))]))
        change = float(change_of(values[None])[0])
        figures.append(_Figure(f"{what} at quality {quality:g}", change, interval, len(pairs), why))
    return figures


def _percent_of_means(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """From (draws, images, [before, now])."""
    means = drawn.mean(axis=1)
    percent: NDArray[np.float64] = 100 * (means[:, 1] / means[:, 0] - 1)
    return percent


def _mean(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """From (draws, images, [change])."""
    means: NDArray[np.float64] = drawn[:, :, 0].mean(axis=1)
    return means


def _exact(rule: Rule, pairs: Sequence[Pair]) -> RuleVerdict:
    field, what = {
        "bytes": ("bitstream_sha256", "bitstreams"),
        "decoded": ("decoded_sha256", "decoded pictures"),
    }[rule.kind]
    if any(not getattr(row, field) for pair in pairs for row in pair):
        return RuleVerdict(rule.text, State.unjudged, f"there are rows without a SHA-256 of {what}")
    other = [before for before, now in pairs if getattr(before, field) != getattr(now, field)]
    if not other:
        return RuleVerdict(rule.text, State.passed, f"all {len(pairs)} {what} are those of the baseline")
    first = f"{other[0].image} at quality {other[0].quality:g}"
    return RuleVerdict(
        rule.text, State.regressed, f"{len(other)} of {len(pairs)} {what} differ, the first of {first}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
