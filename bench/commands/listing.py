"""`bench list`: what there is, and what is usable here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from bench.commands.options import DataOption, JsonOption


class Kind(StrEnum):
    codecs = "codecs"
    datasets = "datasets"
    metrics = "metrics"
    published = "published"


def list_command(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    name: Annotated[str | None, typer.Argument(help="Show all that is known of this one.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List codecs, datasets, metrics or published curves.

    It says what is usable here, and for what isn't, what to do; with a name, all that is known of one.
    """
    from bench import codecs, console

    if kind is Kind.codecs:
        items: Sequence[Mapping[str, object]] = codecs.describe()
    elif kind is Kind.datasets:
        from bench import datasets

        items = datasets.describe(data)
    elif kind is Kind.metrics:
        from bench import metrics

        items = metrics.describe()
    else:
        from bench.compare import published

        items = published.describe()
    if name is not None:
        bare = name.partition(":")[0] if kind is Kind.codecs else name
        items = console.named(kind, items, bare)
        if kind is Kind.codecs and items[0]["usable"]:
            codec = {**items[0], "complexity": codecs.complexity(name)}
            items = [codec | ({"name": name, "version": codecs.get(name).version()} if name != bare else {})]
    if json:
        console.json_document(items)
    elif name is not None:
        console.details([console.with_complexity(item) for item in items])
    else:
        console.listing(kind, items)
