"""Codecs that come inside packages of Python: whether these are installed."""

from __future__ import annotations

from importlib.metadata import version as _version
from importlib.util import find_spec


def missing(*modules: str) -> str | None:
    """What to install, as a sentence; None if all these modules are there."""
    absent = [module.replace("_", "-") for module in modules if find_spec(module) is None]
    if not absent:
        return None
    return f"it needs {' and '.join(absent)}; pip install 'codec-bench[codecs]', or only that"


def version(distribution: str) -> str:
    """Name and version of an installed package: "imagecodecs 2026.1.14"."""
    return f"{distribution} {_version(distribution)}"
