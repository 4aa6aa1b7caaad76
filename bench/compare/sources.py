"""What the names in `bench compare` stand for: curves measured here, in a file, or published.

A codec's name stands for its results, `file:PATH` for a CSV (`bench.compare.curve_csv`),
`published:NAME` for a curve that others published (`bench.compare.published`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path

from bench.compare.curves import Curve, MeasuredCell, cell_of, curve
from bench.core.errors import BenchError
from bench.metrics import USUAL
from bench.results import Contents, Row, Setup, Store

FILE = "file:"
PUBLISHED = "published:"


@dataclass(frozen=True)
class Source:
    """A curve and where it comes from."""

    curve: Curve
    contents: Contents | None = None  # of the results it was measured in; None: from elsewhere
    committed: bool = False

    @property
    def rows(self) -> list[Row]:
        return list(self.contents.rows.values()) if self.contents else []

    @property
    def setups(self) -> list[Setup]:
        """Those that its rows name."""
        if self.contents is None:
            return []
        used = {row.setup for row in self.rows}
        return [setup for setup in self.contents.setups.values() if setup.id in used]

    @property
    def sampling(self) -> str | None:
        """How the codec samples chroma, such as "4:2:0", if not in full."""
        found = (setup.details.get("chroma") for setup in self.setups)
        return next((str(chroma) for chroma in found if chroma), None)


def find(name: str, dataset: str, stores: Sequence[Store], label: str, average: str = USUAL) -> Source:
    """The curve that a name stands for, under its label.

    Args:
        stores: results to look in, one after the other; those after the first are the committed ones.

    Raises:
        BenchError: there is none, with what would have worked.
    """
    if name.startswith(FILE):
        from bench.compare import curve_csv

        return Source(_averaged(curve_csv.load(Path(name.removeprefix(FILE)), label), average))
    if name.startswith(PUBLISHED):
        from bench.compare import published

        return Source(replace(published.load(name.removeprefix(PUBLISHED), dataset), codec=label))
    for store in stores:
        contents = store.load(dataset, name)
        if contents.rows:
            measured = curve(label, map(cell_of, contents.rows.values()), average)
            return Source(measured, contents, committed=store is not stores[0])
        if failed := [failure.reason for failure in contents.failures.values()]:
            raise BenchError(f"all {len(failed)} cells of {name} on {dataset} failed, the first: {failed[0]}")
    raise BenchError(_no_results(name, dataset, stores))


def labels(names: Sequence[str]) -> list[str]:
    """What curves are called in tables and plots: names, but files without folder and suffix.

    Raises:
        BenchError: a name is there twice, or a file is called like another curve.
    """
    if len(set(names)) < len(names):
        raise BenchError(f"a codec is named twice among {', '.join(names)}; name each once")
    found = [Path(name.removeprefix(FILE)).stem if name.startswith(FILE) else name for name in names]
    for one, other in combinations(range(len(names)), 2):
        if found[one] == found[other]:
            raise BenchError(
                f"{names[one]} and {names[other]} would both be called '{found[one]}'; rename the file"
            )
    return found


def shared_datasets(names: Sequence[str], stores: Sequence[Store]) -> list[str]:
    """The datasets on which all names stand for a curve; files fit any.

    Raises:
        BenchError: there is none.
    """
    each = {name: _datasets(name, stores) for name in names if not name.startswith(FILE)}
    if not each:
        raise BenchError("files don't say what they were measured on; name it: --dataset kodak")
    if shared := sorted(set.intersection(*each.values())):
        return shared
    for name, found in each.items():
        if not found:
            raise BenchError(_no_results(name, None, stores))
    raise BenchError(
        "there is no dataset on which all of these have results: "
        + "; ".join(f"{name} on {', '.join(sorted(found))}" for name, found in each.items())
    )


def refuse_different_images(sources: Sequence[Source]) -> None:
    """Raise BenchError where results that bear one dataset's name are of different pictures or splits."""
    for one, other in combinations([source for source in sources if source.contents], 2):
        mine, theirs = _hashes(one), _hashes(other)
        for image in sorted(mine.keys() & theirs.keys()):
            if not mine[image] & theirs[image]:
                first, second = min(mine[image])[:8], min(theirs[image])[:8]
                raise BenchError(
                    f"{one.curve.codec} and {other.curve.codec} were measured on different datasets: {image} "
                    f"has SHA-256 {first}... in one and {second}... in the other; measure both on the same"
                )
    splits = {
        split: source.curve.codec
        for source in sources
        for setup in source.setups
        if (split := setup.dataset.get("split")) is not None
    }
    if len(splits) > 1:
        raise BenchError(
            "these were measured on different splits: "
            + ", ".join(f"{codec} on {split}" for split, codec in splits.items())
            + "; measure all on the same"
        )


def matched(sources: Sequence[Source]) -> list[Source]:
    """The same, with cells of files told by the SHA-256 of the measured picture of that name.

    A file may leave out the suffix of a picture's name.

    Raises:
        BenchError: a file has a picture twice, with and without suffix.
    """
    known: dict[str, str] = {}
    for source in sources:
        for row in source.rows:
            known.setdefault(Path(row.image).stem, row.image_sha256)
    for source in sources:
        known |= {row.image: row.image_sha256 for row in source.rows}
    return [source if source.contents else _renamed(source, known) for source in sources]


def remarks(sources: Sequence[Source], dataset: str, images: int) -> list[str]:
    """What a reader of a comparison over so many images should know of where its curves come from."""
    return [
        *(
            f"results of {source.curve.codec} are the committed ones"
            for source in sources
            if source.committed
        ),
        *_subsampled(sources),
        *_mixed_versions(sources),
        *_unlike_means(sources),
        *(remark for source in sources for remark in _means_only(source, sources, dataset, images)),
    ]


def _averaged(whole: Curve, average: str) -> Curve:
    return curve(whole.codec, whole.cells, average) if whole.cells else whole


def _datasets(name: str, stores: Sequence[Store]) -> set[str]:
    if name.startswith(PUBLISHED):
        from bench.compare import published

        bare = name.removeprefix(PUBLISHED)
        return {str(line["dataset"]) for line in published.describe() if line["name"] == bare}
    return {found for store in stores for found in store.datasets(name)}


def _no_results(name: str, dataset: str | None, stores: Sequence[Store]) -> str:
    from bench.compare import published

    where = f" on {dataset}" if dataset else ""
    if name.startswith(PUBLISHED):
        bare = name.removeprefix(PUBLISHED)
        close = get_close_matches(bare, published.names(), n=1)
        hint = f"did you mean '{PUBLISHED}{close[0]}'?" if close else "`bench list published` shows all"
        return f"no published curve '{bare}'{where}; {hint}"
    codecs = {codec for store in stores for codec in store.codecs()}
    datasets = {found for store in stores for found in store.datasets(name)}
    if name in codecs:
        close = get_close_matches(dataset or "", datasets, n=1)
    else:
        close = get_close_matches(name, codecs, n=1)
    if close:
        way_out = f"did you mean '{close[0]}'?"
    elif Path(name).suffix == ".csv":
        way_out = f"for a file, write {FILE}{name}"
    else:
        way_out = f"measure it with: bench run --codec {name} --dataset {dataset or 'kodak'}"
        if name in published.names():
            way_out += f", or take {PUBLISHED}{name}"
    return f"no results of '{name}'{where} in {stores[0].folder}; {way_out}"


def _hashes(source: Source) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in source.rows:
        found.setdefault(row.image, set()).add(row.image_sha256)
    return found


def _renamed(source: Source, known: Mapping[str, str]) -> Source:
    if not source.curve.cells:
        return source
    cells: dict[tuple[str, float], MeasuredCell] = {}
    for cell in source.curve.cells:
        stem = Path(cell.name).stem
        told = replace(cell, image=known.get(cell.name) or known.get(stem) or stem)
        twin = cells.setdefault((told.image, told.quality), told)
        if twin is not told:
            raise BenchError(
                f"the file of {source.curve.codec} has one picture twice at quality {cell.quality:g}, as "
                f"{twin.name} and {cell.name}; keep one"
            )
    return replace(source, curve=curve(source.curve.codec, cells.values(), source.curve.average))


def _subsampled(sources: Sequence[Source]) -> list[str]:
    found: dict[str, list[str]] = {}
    for source in sources:
        if source.sampling:
            found.setdefault(source.sampling, []).append(source.curve.codec)
    return [f"chroma is {sampling} in {', '.join(names)}" for sampling, names in found.items()]


def _mixed_versions(sources: Sequence[Source]) -> list[str]:
    found = []
    for source in sources:
        if differing := _differing(setup.libraries for setup in source.setups):
            found.append(f"{source.curve.codec} was measured with several versions of {differing}")
    setups = [setup for source in sources for setup in source.setups]
    if differing := _differing(setup.metrics for setup in setups):
        found.append(f"metrics were scored by several versions of {differing}")
    if len({repr(sorted(setup.machine.items())) for setup in setups}) > 1:
        found.append("times were not all taken on the same machine and device, so don't compare them")
    return found


def _differing(versions: Iterable[Mapping[str, str]]) -> str:
    """What is there in several versions, with these: "torch (2.4, 2.5)"; empty if nothing is."""
    seen: dict[str, set[str]] = {}
    for each in versions:
        for name, version in each.items():
            seen.setdefault(name, set()).add(str(version))
    several = {name: found for name, found in sorted(seen.items()) if len(found) > 1}
    return ", ".join(f"{name} ({', '.join(sorted(found))})" for name, found in several.items())


def _unlike_means(sources: Sequence[Source]) -> list[str]:
    """Of curves that are means only, all of them: whether they are over as many images."""
    if any(source.curve.cells for source in sources):
        return []
    counts = {source.curve.codec: source.curve.points[0].images for source in sources}
    if len(set(counts.values())) == 1 and all(counts.values()):
        return []
    told = ", ".join(f"{codec} over {count or 'unknown'} images" for codec, count in counts.items())
    return [f"these are means, {told}: make sure that the images are the same"]


def _means_only(source: Source, sources: Sequence[Source], dataset: str, images: int) -> list[str]:
    """Of a curve without single images: whether it stands for the images of the others."""
    if source.curve.cells or not any(other.curve.cells for other in sources):
        return []
    name, theirs = source.curve.codec, source.curve.points[0].images
    found = []
    if source.curve.average != next(other.curve.average for other in sources if other.curve.cells):
        found.append(f"{name} keeps the average that it came with, for its single images aren't known")
    if not theirs:
        found.append(f"{name} is a mean over images that it doesn't name: make sure they are these {images}")
    elif theirs != images:
        found.append(
            f"{name} is a mean over {theirs} images of {dataset}, the others are over {images}: "
            "not like with like"
        )
    elif not _whole(sources, images):
        found.append(
            f"{name} is a mean over all {theirs} images of {dataset}; that the measured {images} are "
            "those isn't known"
        )
    return found


def _whole(sources: Sequence[Source], images: int) -> bool:
    """Whether so many images are known to be a full set; parts of it may have been measured apart."""
    datasets = [setup.dataset for source in sources for setup in source.setups]
    return any(dataset.get("complete") and dataset.get("images") == images for dataset in datasets)
