"""What the names in `bench compare` stand for: curves measured here, in a file, or published.

A codec's name stands for its results, `file:PATH` for a CSV or another's file (`bench.compare.curve_csv`),
`published:NAME` for a curve that others published (`bench.compare.published`), `hull:NAME` for the upper hull
of such curves (`bench.compare.hulls`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path

from bench.compare import curve_csv, published
from bench.compare.curves import Curve, MeasuredCell, Point, cell_of, curve, on_hulls
from bench.compare.hulls import PREFIX as HULL
from bench.compare.hulls import names_in
from bench.core.errors import BenchError
from bench.metrics import USUAL
from bench.results import Contents, Row, Setup, Store, crosschecks
from bench.results.names import name_of_codec
from bench.results.targets import matched_store

FILE = "file:"
_FILES = (".csv", ".json", ".txt")


@dataclass(frozen=True)
class Source:
    """A curve and where it comes from."""

    curve: Curve
    contents: Contents | None = None  # of the results it was measured in; None: from elsewhere
    committed: bool = False
    parts: tuple[Source, ...] = ()  # of an upper hull, the curves that it is of
    decodes_elsewhere: str = ""  # in words; empty: not checked

    @property
    def rows(self) -> list[Row]:
        if self.parts:
            return [row for part in self.parts for row in part.rows]
        return list(self.contents.rows.values()) if self.contents else []

    @property
    def setups(self) -> list[Setup]:
        """Those that its rows name."""
        if self.parts:
            return [setup for part in self.parts for setup in part.setups]
        return self.contents.used_setups if self.contents else []

    @property
    def version(self) -> str | None:
        """Of the codec, if the curve was measured here."""
        return self.contents.version if self.contents else None

    @property
    def sampling(self) -> str | None:
        """How the codec samples chroma, such as "4:2:0", if not in full."""
        samplings = (setup.details.get("chroma") for setup in self.setups)
        return next((str(chroma) for chroma in samplings if chroma), None)


def gather(names: Sequence[str], dataset: str, stores: Sequence[Store], average: str = USUAL) -> list[Source]:
    """What names stand for on a dataset, in their order: curves that can be compared.

    Args:
        names: as `find` takes them, no two of which would be called the same.

    Raises:
        BenchError: there is no such curve, or curves are of different pictures.
    """
    labelled = zip(names, labels(names), strict=True)
    sources = [find(name, dataset, stores, label, average) for name, label in labelled]
    refuse_different_images(sources)
    return matched(sources)


def is_codec(name: str) -> bool:
    """Whether a curve's name is a codec's own: not "file:PATH", "published:NAME" or "hull:NAME".

    >>> is_codec("jpeg:chroma=444"), is_codec("published:vtm")
    (True, False)
    """
    return not name.startswith((FILE, published.PREFIX, HULL))


def find(name: str, dataset: str, stores: Sequence[Store], label: str, average: str = USUAL) -> Source:
    """The curve that a name stands for.

    Args:
        name: of a codec, `file:PATH`, `published:NAME`, or `hull:` before one of these.
        dataset: its name.
        stores: results to look in, one after the other; those after the first are the committed ones.
        label: what the curve is called.
        average: of `bench.metrics.AVERAGES`.

    Raises:
        BenchError: there is no such curve; the message says what would have worked.
    """
    if name.startswith(HULL):
        return _hull(name, dataset, stores, label, average)
    if name.startswith(FILE):
        path, codec = _file_and_codec(name)
        return Source(_averaged(curve_csv.load(path, label, codec=codec), average))
    if name.startswith(published.PREFIX):
        return Source(replace(published.load(name.removeprefix(published.PREFIX), dataset), codec=label))
    for store in stores:
        contents = store.load(dataset, name)
        if contents.rows:
            measured = curve(label, map(cell_of, contents.rows.values()), average)
            checks = crosschecks.load(store, dataset, name, contents.version)
            return Source(
                measured, contents, committed=store is not stores[0],
                decodes_elsewhere=crosschecks.summary(checks),
            )  # fmt: skip
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
    bare = [_label(name) for name in names]
    for one, other in combinations(range(len(names)), 2):
        if bare[one] == bare[other]:
            raise BenchError(
                f"{names[one]} and {names[other]} would both be called '{bare[one]}'; rename the file"
            )
    return bare


def _file_and_codec(name: str) -> tuple[Path, str | None]:
    """The file that `file:PATH` or `file:PATH#CODEC` names, and the codec."""
    text = name.removeprefix(FILE)
    if Path(text).is_file():  # a file's name may hold a "#"
        return Path(text), None
    path, mark, codec = text.partition("#")
    return Path(path), codec if mark else None


def _label(name: str) -> str:
    if name.startswith(HULL):
        return HULL + _label(name.removeprefix(HULL))
    if not name.startswith(FILE):
        return name
    path, codec = _file_and_codec(name)
    return path.stem if codec is None else f"{path.stem}#{codec}"


def name_of_curve(name: str, stores: Sequence[Store], dataset: str | None) -> str:
    """The name that results of a codec go by; that of another curve as it is.

    Raises:
        BenchError: it is no codec and no curve, and there are no results of that name.
    """
    if not is_codec(name):
        return name
    try:
        return name_of_codec(name, stores, dataset)
    except BenchError as error:
        if Path(name).suffix in _FILES:
            raise BenchError(_no_results(name, dataset, stores)) from None
        if name in published.names():
            raise BenchError(f"{error}; for what others published, write {published.PREFIX}{name}") from None
        raise


def shared_datasets(names: Sequence[str], stores: Sequence[Store]) -> list[str]:
    """The datasets on which all names stand for a curve; files fit any.

    Raises:
        BenchError: there is none.
    """
    datasets = {name: _datasets(name, stores) for name in names if not name.startswith((FILE, HULL + FILE))}
    if not datasets:
        raise BenchError("files don't say what they were measured on; name the dataset: --dataset kodak")
    if shared := sorted(set.intersection(*datasets.values())):
        return shared
    for name, own in datasets.items():
        if not own:
            raise BenchError(_no_results(name, None, stores))
    raise BenchError(
        "there is no dataset on which all of these have results: "
        + "; ".join(f"{name} on {', '.join(sorted(own))}" for name, own in datasets.items())
    )


def refuse_different_images(sources: Sequence[Source]) -> None:
    """Raise BenchError where results that bear one dataset's name are of different pictures or splits."""
    for one, other in combinations([source for source in sources if source.rows], 2):
        hashes, other_hashes = _hashes(one), _hashes(other)
        for image in sorted(hashes.keys() & other_hashes.keys()):
            if not hashes[image] & other_hashes[image]:
                first, second = min(hashes[image])[:8], min(other_hashes[image])[:8]
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
    """The same sources; cells of files get SHA-256 and size of the measured picture of that name.

    A file may leave out the suffix of a picture's name, and its folders where no other picture is called so.

    Raises:
        BenchError: a file has a picture twice, with and without suffix.
    """
    if all(source.rows for source in sources):
        return list(sources)
    rows = [row for source in sources for row in source.rows]
    sizes = {row.image_sha256: row.width * row.height for row in rows}
    names = {row.image: row.image_sha256 for row in rows}
    known: dict[str, str] = {}
    # Names that say more count more.
    for shortened in (lambda name: Path(name).stem, lambda name: Path(name).name, _bare, str):
        meant: dict[str, set[str]] = {}
        for name, image in names.items():
            meant.setdefault(shortened(name), set()).add(image)
        known |= {name: images.pop() for name, images in meant.items() if len(images) == 1}
    return [source if source.rows else _renamed(source, known, sizes) for source in sources]


def _hull(name: str, dataset: str, stores: Sequence[Store], label: str, average: str) -> Source:
    spec = name.removeprefix(HULL)
    known = dict.fromkeys(codec for store in stores for codec in store.codecs_on(dataset))
    names = names_in(spec, known)
    if not names:
        bare = spec.partition(":")[0]
        there = [codec for codec in known if codec.partition(":")[0] == bare]
        if not there:
            name_of_codec(bare, stores)
        raise BenchError(
            f"no results on {dataset} are of '{spec}'; there are {', '.join(there) or f'none of {bare}'}; "
            f"measure settings with: bench run --codec {spec.replace('*', 'VALUE')} --dataset {dataset}"
        )
    parts = tuple(find(part, dataset, stores, part, average) for part in names)
    members: dict[float, tuple[str, float]] = {}
    points: list[Point] = []
    cells: list[MeasuredCell] = []
    for part in parts:
        for point in part.curve.points:
            number = float(len(members) + 1)
            members[number] = part.curve.codec, point.quality
            points.append(replace(point, quality=number))
            own = (cell for cell in part.curve.cells if cell.quality == point.quality)
            cells += [replace(cell, quality=number) for cell in own]
    committed = any(part.committed for part in parts)
    if all(part.curve.cells for part in parts):
        return Source(curve(label, cells, average, members), committed=committed, parts=parts)
    points.sort(key=lambda point: point.bpp)
    return Source(Curve(label, tuple(on_hulls(points)), (), average, members), parts=parts)


def _averaged(whole: Curve, average: str) -> Curve:
    return curve(whole.codec, whole.cells, average) if whole.cells else whole


def _datasets(name: str, stores: Sequence[Store]) -> set[str]:
    if name.startswith(HULL):
        codecs = {codec for store in stores for codec in store.codecs()}
        parts = names_in(name.removeprefix(HULL), sorted(codecs))
        return {dataset for part in parts for dataset in _datasets(part, stores)}
    if name.startswith(published.PREFIX):
        bare = name.removeprefix(published.PREFIX)
        return {str(line["dataset"]) for line in published.describe() if line["name"] == bare}
    return {dataset for store in stores for dataset in store.datasets(name)}


def _no_results(name: str, dataset: str | None, stores: Sequence[Store]) -> str:
    where = f" on {dataset}" if dataset else ""
    if name.startswith(published.PREFIX):
        bare = name.removeprefix(published.PREFIX)
        close = get_close_matches(bare, published.names(), n=1)
        hint = "`bench list published` shows all"
        if close:
            hint = f"did you mean '{published.PREFIX}{close[0]}'?"
        return f"no published curve '{bare}'{where}; {hint}"
    codecs = {codec for store in stores for codec in store.codecs()}
    datasets = {dataset for store in stores for dataset in store.datasets(name)}
    if name in codecs:
        close = get_close_matches(dataset or "", datasets, n=1)
    else:
        close = get_close_matches(name, codecs, n=1)
    if close:
        way_out = f"did you mean '{close[0]}'?"
    elif Path(name).suffix in _FILES:
        way_out = f"for a file, write {FILE}{name}"
    else:
        way_out = f"measure it with: bench run --codec {name} --dataset {dataset or 'kodak'}"
        if any(name in matched_store(store.folder).codecs() for store in stores):
            way_out += ", or compare at the targets that it was coded for: --target-bpp"
        if name in published.names():
            way_out += f", or take {published.PREFIX}{name}"
    return f"no results of '{name}'{where} in {stores[0].folder}; {way_out}"


def _hashes(source: Source) -> dict[str, set[str]]:
    """SHA-256 of images, by file name."""
    hashes: dict[str, set[str]] = {}
    for row in source.rows:
        hashes.setdefault(row.image, set()).add(row.image_sha256)
    return hashes


def _bare(name: str) -> str:
    """An image's name without its suffix: "trees/1" for "trees/1.png"."""
    return str(Path(name).with_suffix(""))


def _renamed(source: Source, known: Mapping[str, str], sizes: Mapping[str, int]) -> Source:
    if not source.curve.cells:
        return source
    cells: dict[tuple[str, float], MeasuredCell] = {}
    for cell in source.curve.cells:
        bare = _bare(cell.name)
        image = known.get(cell.name) or known.get(bare) or bare
        renamed = replace(cell, image=image, pixels=cell.pixels or sizes.get(image))
        twin = cells.setdefault((renamed.image, renamed.quality), renamed)
        if twin is not renamed:
            raise BenchError(
                f"the file of {source.curve.codec} has one picture twice at quality {cell.quality:g}, as "
                f"{twin.name} and {cell.name}; keep one"
            )
    whole = source.curve
    return replace(source, curve=curve(whole.codec, cells.values(), whole.average, whole.members))
