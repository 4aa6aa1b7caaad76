"""Plugins by name, each imported when it is asked for: what codecs and metrics have in common.

Another package adds one through an entry point of the registry's group:

    [project.entry-points."codec_bench.codecs"]
    mycodec = "my_package.codec:MyCodec"
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bench.core.errors import BenchError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")

# Whether no other package has a plugin with the name of one of ours. A process of a run takes that from its
# runner, which has looked: looking through all packages is a third of what it takes to start.
names_are_checked = False


class Registry(Generic[T]):
    """Names to subclasses of one base class, ours and those of other packages.

    Args:
        kind: of plugin, for humans ("codec").
        group: of entry points.
        built_in: "module:Class" by name.
        base: "module:Class" that all of them are subclasses of.
    """

    def __init__(self, kind: str, group: str, built_in: Mapping[str, str], base: type[T]) -> None:
        self.kind, self.group, self.built_in, self.base = kind, group, built_in, base

    def names(self) -> list[str]:
        return sorted(self.targets)

    def get_class(self, name: str) -> type[T]:
        """The class of that name, imported now.

        Raises:
            BenchError: no such plugin, or its module doesn't import.
        """
        target = self.target(name)
        if target is None:
            close = get_close_matches(name, self.targets, n=1)
            hint = f"did you mean '{close[0]}'? " if close else ""
            raise BenchError(f"no {self.kind} '{name}'; {hint}there are {', '.join(self.names())}")
        try:
            if isinstance(target, str):
                module, _, attribute = target.partition(":")
                loaded = getattr(import_module(module), attribute)
            else:  # of a class that looks like EntryPoint, where a package brings a newer importlib.metadata
                loaded = target.load()
        except Exception as error:  # whatever a plugin raises, the others go on working
            raise BenchError(
                f"{self.kind} '{name}' doesn't import ({type(error).__name__}: {error})"
            ) from error
        if not (isinstance(loaded, type) and issubclass(loaded, self.base)):
            base = f"{self.base.__module__.rpartition('.')[0]}.{self.base.__name__}"
            raise BenchError(f"{self.kind} '{name}' is no subclass of {base} but {loaded!r}")
        return loaded

    def get(self, name: str, **values: Any) -> T:
        """An object of that class, ready to work.

        Args:
            values: for its constructor.

        Raises:
            BenchError: no such plugin, or what it needs isn't installed.
        """
        plugin: Any = self.get_class(name)
        if missing := plugin.missing():
            raise BenchError(f"{self.kind} '{name}' can't run here: {missing}")
        made: T = plugin(**values)
        return made

    def target(self, name: str) -> str | EntryPoint | None:
        """Where the plugin of that name is; None: there is none."""
        if names_are_checked and name in self.built_in:
            return self.built_in[name]
        return self.targets.get(name)

    @cached_property
    def targets(self) -> dict[str, str | EntryPoint]:
        from importlib.metadata import entry_points

        targets: dict[str, str | EntryPoint] = dict(self.built_in)
        for point in entry_points(group=self.group):
            if point.name in targets:
                raise BenchError(
                    f"two {self.kind}s are named '{point.name}', one of them {point.value}; "
                    "uninstall or rename one"
                )
            targets[point.name] = point
        return targets
