"""Scoring apart from coding: metrics anew from kept pictures, without encoding again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bench import metrics
from bench.core.errors import BenchError
from bench.datasets.catalogue import Dataset
from bench.process import Limits, Worker, WorkerError
from bench.process.limits import fair_share
from bench.results import Row, Setup, Store
from bench.results.kept_pictures import Kept


@dataclass
class Scored:
    """What scoring did."""

    rows: list[Row] = field(default_factory=list)
    not_kept: list[Row] = field(default_factory=list)  # rows whose picture isn't there or isn't theirs
    failures: list[str] = field(default_factory=list)


def rows_to_score(store: Store, dataset: Dataset, codec: str) -> list[Row]:
    """The rows of a codec's newest version on the images of a dataset.

    Raises:
        BenchError: there are none.
    """
    images = {image.sha256 for image in dataset.images}
    rows = [row for row in store.rows(dataset.name, codec) if row.image_sha256 in images]
    if not rows:
        raise BenchError(
            f"no results of '{codec}' on {dataset.name} in {store.folder}; "
            f"make some with: bench run --keep --codec {codec} --dataset {dataset.name}"
        )
    return rows


def rescore(
    store: Store, dataset: Dataset, rows: Sequence[Row], names: Sequence[str], done: Scored
) -> Iterator[Row]:
    """Score kept pictures with metrics, add what comes out to the rows, and yield each row that was tried.

    Args:
        done: what came out is added to it.
    """
    metrics.check_ready(names)
    kept = Kept(store.folder)
    paths = {image.sha256: image.path for image in dataset.images}
    setups = store.load(dataset.name, rows[0].codec).setups if rows else {}
    scorer = Worker("score", ",".join(names), Limits(memory=fair_share(1)), threads=os.cpu_count() or 1)
    original = None
    try:
        for row in rows:
            picture = kept.picture(row)
            if picture is None:
                done.not_kept.append(row)
                yield row
                continue
            try:
                if not scorer.running:
                    scorer.start()
                    original = None
                if original != row.image_sha256:
                    scorer.ask("read", path=str(paths[row.image_sha256].absolute()))
                    original = row.image_sha256
                pixels, shape = picture
                values = scorer.ask("score", pixels, shape=shape).header["values"]
            except WorkerError as error:
                done.failures.append(f"{row.image} at quality {row.quality:g}: {error}")
                yield row
                continue
            new, made_with = _with_values(row, values, setups.get(row.setup), scorer)
            store.append(new, made_with)
            done.rows.append(new)
            yield row
    finally:
        scorer.close()


def _with_values(
    row: Row, values: dict[str, float | str | None], made_with: Setup | None, scorer: Worker
) -> tuple[Row, Setup | None]:
    scores = {name: None if value is None else float(value) for name, value in values.items()}
    if made_with is not None:
        made_with = replace(
            made_with,
            metrics={**made_with.metrics, **scorer.loaded["metrics"]},
            libraries={**made_with.libraries, **scorer.loaded["libraries"]},
        )
    setup_id = made_with.id if made_with else row.setup
    return replace(row, metrics={**row.metrics, **scores}, setup=setup_id), made_with
