"""Names of datasets and codecs in results: each command takes what `bench run` took."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from bench.core.errors import BenchError
from bench.results.store import Store
from bench.results.targets import matched_store


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

    Raises:
        BenchError: there is no such codec, and no results of one.
    """
    for store in stores:
        if store.path(dataset, spec).is_file() if dataset else store.datasets(spec):
            return spec
    from bench import codecs

    try:
        return codecs.name_of(spec)
    except BenchError as error:
        folders = [folder for store in stores for folder in (store, matched_store(store.folder))]
        measured = {codec for folder in folders for codec in folder.codecs()}
        if spec in measured:
            return spec
        where = f"{f' on {dataset}' if dataset else ''} in {stores[0].folder}"
        close = get_close_matches(spec, measured, n=1)
        hint = f"did you mean '{close[0]}'?" if close else str(error)
        raise BenchError(f"no results of '{spec}'{where}; {hint}") from None
