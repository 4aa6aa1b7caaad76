"""Codecs over datasets: which cells, how each is measured, and with what. Called, it is `bench.api.run`."""

from bench.core.lazy import make_callable

make_callable(__name__, "bench.api", "run")
