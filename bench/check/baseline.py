"""Makes fresh results the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.core.errors import BenchError
from bench.core.words import first_few
from bench.results import Contents, Store
from bench.results.names import name_of_codec, name_of_dataset


def update(results: Path, baseline: Path, codecs: Sequence[str], dataset: str) -> list[Path]:
    """Put the newest row of each cell, of the version measured last, in the place of the baseline.

    All codecs are looked at before the first file is written, and a file is replaced at once or not at all.

    Returns:
        The files written, one per codec.

    Raises:
        BenchError: no codec named, no results, cells that failed or that only the baseline has, or a folder
            that can't be written to.
    """
    if not codecs:
        raise BenchError("name the codecs whose results shall be the baseline")
    store = Store(results)
    dataset = name_of_dataset(dataset, store)
    codecs = [name_of_codec(codec, [store, Store(baseline)], dataset) for codec in codecs]
    fresh = {codec: store.load(dataset, codec) for codec in codecs}
    for codec, contents in fresh.items():
        _refuse(codec, dataset, contents, results, Store(baseline))
    return [_replace(contents, dataset, codec, baseline) for codec, contents in fresh.items()]


def _refuse(codec: str, dataset: str, now: Contents, results: Path, baseline: Store) -> None:
    if failed := list(now.failures.values()):
        cells = [f"{cell.image} at quality {cell.quality:g}: {cell.reason}" for cell in failed]
        raise BenchError(
            f"{len(failed)} of {len(failed) + len(now.rows)} cells of {codec} failed ({first_few(cells)}); "
            "a baseline has no such cells, so run them again first"
        )
    if not now.rows:
        raise BenchError(
            f"no results of {codec} on {dataset} in {results} to make a baseline of; "
            f"measure them with: bench run --codec {codec} --dataset {dataset}"
        )
    measured = {(row.image_sha256, row.quality) for row in now.rows.values()}
    lost = [
        f"{row.image} at quality {row.quality:g}"
        for row in baseline.rows(dataset, codec)
        if (row.image_sha256, row.quality) not in measured
    ]
    if lost:
        raise BenchError(
            f"the results of {codec} lack cells that the baseline has ({first_few(lost)}); "
            f"measure them, or delete {baseline.path(dataset, codec)} to start a new one"
        )


def _replace(contents: Contents, dataset: str, codec: str, baseline: Path) -> Path:
    store = Store(baseline)
    try:
        return store.replace(dataset, codec, contents)
    except OSError as error:
        raise BenchError(
            f"can't write the baseline {store.path(dataset, codec)} ({error.strerror}); "
            "the old one is as it was"
        ) from error
