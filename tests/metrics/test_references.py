"""Metrics against the figures of their reference implementations (tests/data/metric_references.json)."""

from __future__ import annotations

import pytest
from scored import largest_difference, references

# By how much a metric may differ from its reference; every how many pairs are tried, as some take seconds.
TOLERANCES = {
    "ssim": (1e-9, 5),
    "iw_ssim": (1e-5, 17),
    "fsim": (1e-4, 17),
    "gmsd": (1e-5, 3),
    "haarpsi": (3e-4, 3),
    "nlpd": (1e-10, 3),
    "flip": (1e-6, 5),
    "cvvdp": (1e-4, 9),
    "psnr_hvs": (2e-6, 1),
    "psnr_hvs_m": (2e-6, 1),
}


@pytest.mark.parametrize("metric", TOLERANCES)
def test_scores_are_those_of_the_reference(metric: str) -> None:
    tolerance, step = TOLERANCES[metric]
    recipes = references(metric)
    assert len(recipes) >= 11
    assert largest_difference(metric, recipes[::step]) < tolerance


@pytest.mark.parametrize("metric", ["ssim", "iw_ssim", "fsim", "gmsd", "haarpsi", "nlpd", "flip", "cvvdp"])
def test_scores_are_those_of_the_reference_on_kodak(metric: str) -> None:
    recipes = references(metric, kodak=True)
    assert len(recipes) >= 18
    assert largest_difference(metric, recipes[:: min(9, 2 * TOLERANCES[metric][1])]) < TOLERANCES[metric][0]
