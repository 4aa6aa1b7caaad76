"""Judges fresh results by a baseline: the same pictures, cell by cell.

On the very pictures of the baseline a change is exact. A rule fails when the change reaches its threshold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.check.cells import Pair, Pairing, moved, paired
from bench.check.figures import (
    Figure,
    NotJudged,
    at_each_quality,
    curves_of,
    of_curves,
    of_single_images,
)
from bench.check.rules import DEFAULT, EXACT, LOSSLESS, Rule
from bench.check.verdicts import CodecReport, Report, RuleVerdict, State
from bench.compare.curves import Curve, cell_of
from bench.compare.savings import is_lossless
from bench.core.collector import collector_at_rest
from bench.core.errors import BenchError
from bench.results import Contents, Store
from bench.results.names import name_of_codec, name_of_dataset

MIN_SHARE = 0.75  # of the baseline's images that must have all cells


@collector_at_rest()
def check(
    results: Path, baseline: Path, codecs: Sequence[str], dataset: str, rules: Sequence[Rule] = ()
) -> Report:
    """Compare what was measured last with a baseline, codec by codec.

    Pictures are matched by SHA-256. Where cells of the baseline weren't measured again, or failed, or where
    its pictures were replaced, the check can't end well; rules are judged on the cells that are there.

    Args:
        results: folder of fresh results.
        baseline: folder of a store like it, ``<dataset>/<codec>.jsonl``.
        codecs: names; if empty, all that have a baseline on the dataset.
        rules: if empty, `bench.check.rules.DEFAULT`, as far as the baseline has their metrics.

    Raises:
        BenchError: no codec is named and there is no baseline, or a file is of another codec-bench.
    """
    fresh, old = Store(results), Store(baseline)
    dataset = name_of_dataset(dataset, fresh)
    named = [name_of_codec(codec, [fresh, old], dataset) for codec in codecs]
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
            f"{100 * MIN_SHARE:.0f} % are needed"
        )
        verdicts = _none(rules)
    else:
        curves = curves_of(rules, codec, pairing)
        verdicts = [_verdict(rule, codec, pairing, curves) for rule in rules]
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

    if is_lossless(map(cell_of, before.rows.values())):
        return list(LOSSLESS), []

    def has(metric: str | None) -> bool:
        return all(row.metrics.get(metric or "") is not None for row in before.rows.values())

    there = [rule for rule in DEFAULT if has(rule.metric)] or list(DEFAULT)
    return there, [
        f"{rule.text} is left out, for the baseline has images without {rule.metric}"
        for rule in DEFAULT
        if rule not in there
    ]


def _verdict(rule: Rule, codec: str, pairing: Pairing, curves: tuple[Curve, ...]) -> RuleVerdict:
    if rule.kind in EXACT:
        return _exact(rule, pairing.pairs)
    pairs = pairing.pairs if rule.of_images else pairing.whole
    for side, name in ((0, "the baseline"), (1, codec)):
        if rule.metric and any(pair[side].metrics.get(rule.metric) is None for pair in pairs):
            return RuleVerdict(rule.text, State.unjudged, f"{name} has images without {rule.metric}")
    try:
        if rule.of_curves:
            figures = [of_curves(rule, *curves)]
        elif rule.of_images:
            figures = [of_single_images(rule, pairing)]
        else:
            figures = at_each_quality(rule, pairing)
    except NotJudged as error:
        return RuleVerdict(rule.text, State.unjudged, str(error))
    figure = _telling(figures, rule)
    state = figure.state(rule)
    sentence = figure.sentence(rule, state)
    return RuleVerdict(rule.text, state, sentence, figure.change, figure.interval, rule.unit)


def _telling(figures: Sequence[Figure], rule: Rule) -> Figure:
    """The worst of those that regressed, else the best of those that improved, else the worst."""
    by_loss = sorted(figures, key=lambda figure: figure.loss(rule))
    for state, order in ((State.regressed, by_loss[::-1]), (State.improved, by_loss)):
        for figure in order:
            if figure.state(rule) is state:
                return figure
    return by_loss[-1]


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
