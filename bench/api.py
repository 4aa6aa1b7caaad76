"""What a notebook calls: `import bench`, then `bench.run(...)`, `bench.compare(...)` and the like.

The command line calls the same functions. Results are the same files, so a notebook and a shell can take
turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.errors import BenchError
from bench.results import Row, Store, stores_of
from bench.results.names import name_of_codec, name_of_dataset
from bench.results.targets import Target, parse_targets
from bench.run.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from bench.codecs import Codec
    from bench.compare.at_targets import TargetComparison
    from bench.compare.comparison import Comparison
    from bench.run.cluster.machines import Machines
    from bench.run.runner import Run
    from bench.run.shard import Shard

RESULTS = Path("results")


def run(
    codecs: str | Sequence[str],
    dataset: str | Path,
    *,
    qualities: Sequence[float] = (),
    targets: Sequence[str] = (),
    images: int | None = None,
    metrics: Sequence[str] = (),
    settings: Settings | None = None,
    results: str | Path = RESULTS,
    data: str | Path | None = None,
    progress: bool = True,
    cluster: str | None = None,
) -> pd.DataFrame:
    """Code a dataset, measure, and keep a row for each image and quality; what is there isn't measured again.

    Args:
        codecs: one name or several; with parameters as "jpeg:chroma=444", or the path of a YAML file.
        dataset: a name of `bench list datasets`, or a folder of images.
        qualities: on the codec's own scale; by default those that its curve is drawn from.
        targets: instead of qualities, what each picture is coded for: "bpp:0.25", "psnr:36", "bytes:20000".
        images: take the first so many images only.
        metrics: names; by default psnr and ms_ssim.
        settings: jobs, limits, timing and the like; by default `bench.Settings()`.
        results: folder of results.
        data: folder of datasets; by default that of the environment variable BENCH_DATA.
        progress: show a progress bar on stderr.
        cluster: workers that measure, as "local:4" or the address of a scheduler; by default this process.

    Returns:
        The columns of `load_results`, for all cells that were asked for, measured now or before. Cells that
        failed are in its `attrs["failures"]`, as dictionaries with codec, image, quality, side and reason.

    Raises:
        BenchError: no such codec, dataset, quality or metric, or results can't be written.

    >>> rows = bench.run("jpeg", "sample", qualities=[30, 70], images=1)  # doctest: +SKIP
    >>> rows[["quality", "bpp", "psnr"]]  # doctest: +SKIP
    """
    from bench import console

    names = [codecs] if isinstance(codecs, str) else list(codecs)
    with workers(cluster) as machines:
        runs = plan(
            names, dataset, qualities=qualities, targets=parse_targets((), targets), images=images,
            metrics=metrics, settings=settings, results=results, data=data, machines=machines,
        )  # fmt: skip
        for planned in runs:
            steps = planned.execute()
            if progress:
                console.progress(f"{planned.name} on {planned.dataset.name}", planned.total, steps)
            else:
                for _ in steps:
                    pass
    outcomes = [planned.outcome for planned in runs]
    table = _at_targets(runs) if targets else _frame([row for outcome in outcomes for row in outcome.rows])
    table.attrs["failures"] = [
        {"codec": failure.codec, "image": failure.image, "quality": failure.quality,
         "side": failure.side, "reason": failure.reason}
        for outcome in outcomes for failure in outcome.failures
    ]  # fmt: skip
    return table


def plan(
    codecs: Sequence[str],
    dataset: str | Path,
    *,
    qualities: Sequence[float] = (),
    targets: Sequence[Target] = (),
    images: int | None = None,
    metrics: Sequence[str] = (),
    settings: Settings | None = None,
    results: str | Path = RESULTS,
    data: str | Path | None = None,
    shard: Shard | None = None,
    machines: Machines | None = None,
) -> list[Run]:
    """The runs that `run` would execute; a typo in any of them is an error before any work.

    Args, Raises: as those of `run`, and
        targets: of `bench.results.targets.parse_targets`.
        shard: the part of the images that is measured, where several machines share the work.
        machines: workers of a cluster (`bench.run.cluster.machines.gather`), which then measure.

    Returns:
        A `bench.run.runner.Run` for each codec: its `cells` are to be measured, `execute()` measures them.
    """
    from bench import codecs as known_codecs
    from bench import datasets
    from bench.metrics import DEFAULT, check_ready, expand
    from bench.run.runner import Run

    wanted = tuple(expand(metrics)) or DEFAULT
    for name in codecs:  # so that a typo is an error before a dataset is fetched
        known_codecs.name_of(name) if machines else known_codecs.get(name)
    check_ready(wanted)
    loaded = datasets.load(str(dataset), Path(data) if data else None, images)
    store = Store(Path(results))
    if targets and qualities:
        raise BenchError("a target takes the place of a quality; ask for one of them")
    if targets:
        from bench.run.target_run import TargetRun

        return [TargetRun(name, loaded, store, targets, wanted, settings, shard, machines) for name in codecs]
    return [Run(name, loaded, store, qualities, wanted, settings, shard, machines) for name in codecs]


@contextmanager
def workers(cluster: str | None) -> Iterator[Machines | None]:
    """The workers of a cluster, for as long as this lasts; None: no cluster, so this machine measures."""
    if cluster is None:
        yield None
        return
    from bench import console
    from bench.run.cluster.machines import gather

    with gather(cluster, console.remark) as machines:
        yield machines


def load_results(
    dataset: str | Path,
    codecs: str | Sequence[str] | None = None,
    *,
    results: str | Path = RESULTS,
) -> pd.DataFrame:
    """The rows that count: of each codec's version that was run last, on the pictures of the last run.

    Args:
        dataset: a name, or a folder of images, as `run` takes it.
        codecs: one name or several; by default all that have results on the dataset. Results of a codec
            that has none in the folder are the committed ones, where there are any.

    Returns:
        A row for each image and quality. Columns: dataset, codec, codec_version, image, quality, bpp, one for
        each metric, encode_s, decode_s (seconds), alone (whether times count), bytes, width, height,
        encode_memory, decode_memory (bytes), image_sha256, bitstream_sha256, decoded_sha256, setup, note,
        encode_gpu_memory, decode_gpu_memory (bytes; None: no GPU).

    Raises:
        BenchError: a codec has no results on the dataset.

    >>> table = bench.load_results("kodak", codecs=["ainn", "vtm"])  # doctest: +SKIP
    >>> table.groupby(["codec", "quality"])[["bpp", "psnr"]].mean()  # doctest: +SKIP
    """
    stores = stores_of(Path(results))
    name = name_of_dataset(dataset, stores[0])
    wanted = [codecs] if isinstance(codecs, str) else codecs
    rows: list[Row] = []
    for codec in wanted if wanted is not None else stores[0].codecs_on(name):
        in_results = name_of_codec(codec, stores, name)
        measured = next((own for store in stores if (own := store.rows(name, in_results))), [])
        if not measured and wanted is not None:
            raise BenchError(
                f"no results of '{codec}' on {name} in {stores[0].folder}; "
                f"measure them with: bench run --codec {codec} --dataset {dataset}"
            )
        rows += measured
    return _frame(rows)


def compare(
    *codecs: str,
    dataset: str | Path | None = None,
    metrics: Sequence[str] = (),
    method: str = "pchip",
    average: str = "usual",
    intervals: bool = True,
    ranges: Sequence[str] = (),
    results: str | Path = RESULTS,
) -> Comparison:
    """Bjontegaard deltas of codecs against the last one named.

    Args:
        codecs: two names or more, "published:NAME" or "file:PATH" of a CSV; the anchor last.
        dataset: a name, or a folder of images; may be left out where all have results on one dataset only.
        metrics: names; by default all that the codecs have in common.
        method: of interpolation: "pchip", "cubic" or "akima".
        average: of the images: "usual" (as papers), "mean-of-db", "db-of-mean" or "by-pixels".
        intervals: whether to compute 95 % intervals over images.
        ranges: the part of the curves that deltas are about: "psnr:30:38", "bpp:0.1:1".
        results: folder of results.

    Returns:
        A comparison: `.frame()` is a DataFrame, `.figure("psnr")` a matplotlib figure, `.to_dict()` JSON.

    Raises:
        BenchError: fewer than two codecs, no results, or several datasets to choose from.

    >>> comparison = bench.compare("ainn", "vtm", dataset="kodak")  # doctest: +SKIP
    >>> comparison.frame()[["codec", "metric", "bd_rate"]]  # doctest: +SKIP
    """
    from bench.compare.comparison import compare as compare_on_all
    from bench.compare.part import parse_ranges

    comparisons = compare_on_all(
        codecs, dataset, Path(results),
        method=method, average=average, metrics=metrics or None, intervals=intervals,
        ranges=parse_ranges(ranges),
    )  # fmt: skip
    if len(comparisons) > 1:
        names = ", ".join(comparison.dataset for comparison in comparisons)
        raise BenchError(f"these codecs have results on several datasets; give one as dataset=: {names}")
    return comparisons[0]


def compare_at_targets(
    *codecs: str,
    dataset: str | Path,
    targets: Sequence[str],
    metrics: Sequence[str] = (),
    average: str = "usual",
    results: str | Path = RESULTS,
) -> TargetComparison:
    """Codecs against the last one named at equal rate, size or quality, each picture at its own setting.

    Args:
        codecs: two names or more, of codecs that `run` has coded for these targets; the anchor last.
        dataset: a name, or a folder of images.
        targets: "bpp:0.25", "psnr:36", "bytes:20000".
        metrics: names; by default psnr and ms_ssim.
        average: of the images, as of `compare`.
        results: folder of results.

    Returns:
        A comparison: `.frame()` is a DataFrame with a row per codec, target and figure, `.to_dict()` JSON.

    Raises:
        BenchError: fewer than two codecs, no results, or no image on which all come near a target.

    >>> at = bench.compare_at_targets("webp", "jpeg", dataset="kodak", targets=["bpp:0.25"])  # doctest: +SKIP
    >>> at.frame()[["codec", "figure", "value", "gap"]]  # doctest: +SKIP
    """
    from bench.compare.at_targets import compare_at_targets as compare_at

    return compare_at(
        codecs, str(dataset), Path(results), parse_targets((), targets), metrics or None, average
    )


def get_codec(spec: str) -> Codec:
    """A codec, ready to code pictures: `encode(image, quality)` and `decode(bitstream)`.

    Args:
        spec: its name, with parameters as "jpeg:chroma=444", or the path of its YAML file.

    Raises:
        BenchError: no such codec or parameter, or what it needs isn't installed.

    >>> import numpy as np
    >>> image = np.full((16, 24, 3), 128, np.uint8)  # height x width x 3
    >>> codec = get_codec("jpeg")
    >>> codec.decode(codec.encode(image, quality=75)).shape
    (16, 24, 3)
    """
    from bench import codecs

    return codecs.get(spec)


def _at_targets(runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each target and image, with columns `target` and `off` before all others."""
    from bench.run.target_run import TargetRun

    matches = [match for run in runs if isinstance(run, TargetRun) for match in run.matches if match.row]
    table = _frame([match.row for match in matches if match.row])
    table.insert(0, "target", [str(match.target) for match in matches])
    table.insert(1, "off", [match.off for match in matches])
    return table


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in _BEFORE}
    metrics = dict.fromkeys(name for row in rows for name in row.metrics)
    columns |= {name: [row.metrics.get(name) for row in rows] for name in metrics}
    columns |= {name: [getattr(row, name) for row in rows] for name in _BEHIND}
    return pd.DataFrame(columns)


_BEFORE = ("dataset", "codec", "codec_version", "image", "quality", "bpp")
_BEHIND = (
    "encode_s", "decode_s", "alone", "bytes", "width", "height", "encode_memory", "decode_memory",
    "image_sha256", "bitstream_sha256", "decoded_sha256", "setup", "note",
    "encode_gpu_memory", "decode_gpu_memory",
)  # fmt: skip
