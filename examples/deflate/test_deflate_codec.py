"""Run with pytest, with this package and codec-bench installed."""

from __future__ import annotations

import numpy as np

from bench.codecs import get
from bench.run.conformance import conformance


def test_it_keeps_the_contract() -> None:
    assert [verdict for verdict in conformance("deflate") if verdict.reason is not None] == []


def test_with_all_bits_it_is_lossless() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    codec = get("deflate:effort=1")
    assert np.array_equal(codec.decode(codec.encode(image, 8)), image)
