"""Training of A-INN and of baselines: `command` is what `bench train` calls, `trainer` the loop."""

from bench.core import openmp

openmp.wait_passively()  # before any module here imports torch
