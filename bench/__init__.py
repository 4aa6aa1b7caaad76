"""codec-bench: an image codec benchmark whose figures others can reproduce."""

__version__ = "0.1.0"
