"""Names of datasets and codecs in results: each command takes what `bench run` took."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.core.errors import BenchError
from bench.results.store import Store


def name_of_dataset(dataset: str | Path, store: Store, data: Path | None = None) -> str:
    """The name that results of a dataset go by.

    Args:
        dataset: a known name, a folder of images as `bench run --dataset` takes it, or a name of results.

    Raises:
        BenchError: a path that is no folder of images.
    """
    from bench import datasets

    text = str(dataset)
    if text in datasets.known() or not (Path(text).expanduser().is_dir() or "/" in text):
        return text
    folder = Path(text).expanduser()
    if folder.is_dir():
        name, place = datasets.name_and_place(folder)
        if store.is_at(name, place):  # as nearly always; else its pictures must tell, which takes longer
            return name
    return store.name_for(datasets.load(text, data))


def name_of_codec(spec: str, stores: Sequence[Store], dataset: str | None = None) -> str:
    """The name that results of a codec go by: without parameters at their default, in one order.

    Args:
        spec: as `bench run --codec` takes it, the path of a YAML file too; or a name of results whose codec
            is not known any more.
        stores: results to look in.
        dataset: name of its results; None: any.
    """
    for store in stores:
        if store.path(dataset, spec).is_file() if dataset else store.datasets(spec):
            return spec
    from bench import codecs

    with suppress(BenchError):
        return codecs.name_of(spec)
    return spec
