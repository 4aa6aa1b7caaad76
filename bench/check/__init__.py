"""The gate for continuous integration: fresh results against a baseline that is committed, image by image."""

from bench.check.baseline import update
from bench.check.judge import check
from bench.check.reports import github_annotations, screen, write_junit
from bench.check.rules import Rule, parse_rules
from bench.check.verdicts import CodecReport, Moved, Report, RuleVerdict, State

__all__ = [
    "CodecReport", "Moved", "Report", "Rule", "RuleVerdict", "State", "check", "github_annotations",
    "parse_rules", "screen", "update", "write_junit",
]  # fmt: skip
