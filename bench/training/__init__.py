"""Training of A-INN and of baselines: `command` is what `bench train` calls, `trainer` the loop."""
