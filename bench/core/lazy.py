"""Names of a package that are imported when they are used, as each child process pays for imports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package that has names of its modules.

    Args:
        package: its `__name__`.
        modules: the module of each name.

    Example, in a package's `__init__.py`:
        __getattr__ = lazy_names(__name__, {"load": "bench.datasets.catalogue"})
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)  # the next use finds the name at once
        return value

    return get


def make_callable(package: str, module: str, function: str) -> None:
    """Let a package be called like one of its functions.

    `bench.compare` is the folder behind `from bench.compare import compare`, and
    `bench.compare("ainn", "vtm")` is what a notebook writes. Python binds the folder to the name
    once anything in it is imported, so the folder itself must take the call.

    Args:
        package: `__name__` of the package.
        module: that the function is in.
    """

    class CallablePackage(ModuleType):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(module), function)(*args, **kwargs)

    sys.modules[package].__class__ = CallablePackage
