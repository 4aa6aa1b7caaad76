"""Datasets by name or folder: where their images lie, and that they are the right ones.

`datasets.yaml` says which datasets are known, with the SHA-256 of every file that was seen.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.core import yaml_file
from bench.core.archive import read_manifest
from bench.core.download import DownloadError, fetch_archive, fetch_file, verified
from bench.core.errors import BenchError
from bench.core.files import IMAGE_SUFFIXES, is_image_name, printable, sha256_of

_RESULTS = b'{"schema": '  # that their lines begin with
_DATA, _CACHE, _PACKAGE = "data folder", "cache", "package"


@dataclass(frozen=True)
class Image:
    """One image file. `name`: its path below the dataset's folder, parted by "/". `sha256`: of the file as it
    lies on the disk."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """Images in the order of their file names.

    `complete`: these are all the images of the full published set, each one verified against a
    known checksum. Figures of a set that is not complete must not be reported under its name.
    """

    name: str
    split: str | None
    images: tuple[Image, ...]
    complete: bool
    other_images: tuple[str, ...] = ()  # names of those that a limit left out
    place: str = ""  # of a folder: a hash of where it is, as two folders may have one name
    notes: tuple[str, ...] = ()  # what somebody who reads figures should know

    @property
    def pictures(self) -> dict[str, str | None]:
        """SHA-256 by name of all images; None for those that a limit left out."""
        return {image.name: image.sha256 for image in self.images} | dict.fromkeys(self.other_images)

    @property
    def label(self) -> str:
        """The dataset for humans, with what may and may not be claimed about it."""
        images = "1 image" if len(self.images) == 1 else f"{len(self.images)} images"
        return f"{self.name} ({f'all {images}' if self.complete else f'{images}, not a full set'})"


def known(*, catalogue: Path | None = None) -> list[str]:
    """Names of the known datasets, in the order of the catalogue."""
    return list(_catalogue(catalogue))


def load(
    name_or_folder: str,
    data: Path | None = None,
    limit: int | None = None,
    *,
    catalogue: Path | None = None,
) -> Dataset:
    """A known dataset, or the images that lie in a folder and in folders below it.

    Images go by their path below the dataset's folder, as "trees/1.png".

    A known dataset is looked for in `data`, else in the folder that the environment variable
    BENCH_DATA names (there in a folder of the dataset's name, or directly), then in the user's
    cache; what is missing is downloaded to the cache. A name with a path separator is always a
    folder; one that is called like a known dataset is named NAME-folder. `limit` keeps the first
    images by name. `catalogue` replaces `datasets.yaml`.

    Raises BenchError for an unknown name, an empty folder, a file that is missing and cannot be
    downloaded, and a file with a wrong SHA-256.
    """
    if limit is not None and limit < 1:
        raise BenchError(f"the limit must be at least 1 image, not {limit}.")
    entries = _catalogue(catalogue)
    is_path = any(separator in name_or_folder for separator in ("/", os.sep))
    if name_or_folder in entries:
        return _load_known(entries[name_or_folder], data, limit)
    folder = Path(name_or_folder).expanduser()
    if name_or_folder and folder.is_dir():
        return _load_folder(folder, limit, taken=entries)
    if is_path:
        raise BenchError(f"{name_or_folder} is no folder; give a folder of images or a dataset.")
    raise BenchError(_unknown(name_or_folder, list(entries)))


def name_and_place(folder: Path, *, catalogue: Path | None = None) -> tuple[str, str]:
    """`Dataset.name` and `Dataset.place` of a folder of images, which is not looked into."""
    return _name_and_place(folder.expanduser(), _catalogue(catalogue))


def describe(
    data: Path | None = None, *, catalogue: Path | None = None
) -> list[dict[str, str | int | bool | None]]:
    """What is known and what is at hand of each dataset; nothing is downloaded or hashed.

    Each item can be written as JSON: name, title, split, count (of the full set, None: unknown),
    present (files at hand), where ("data folder", "cache", "package", two joined by "and", or
    None), usable (without a download), licence, home, note (what to do if not usable).
    """
    items: list[dict[str, str | int | bool | None]] = []
    for entry in _catalogue(catalogue).values():
        at_hand = _search(entry, _places(entry, data))
        missing = _missing(entry, at_hand, None)
        where = " and ".join(sorted({place for place, _ in at_hand.values()})) or None
        items.append(
            {
                "name": entry.name,
                "title": entry.title,
                "split": entry.split,
                "count": entry.count,
                "present": len(at_hand),
                "where": where,
                "usable": not missing,
                "licence": entry.licence,
                "home": entry.home,
                "note": _note(entry, at_hand) if missing else "",
            }
        )
    return items


@dataclass(frozen=True)
class _Entry:
    """One dataset of the catalogue; `datasets.yaml` explains the fields."""

    name: str
    title: str
    split: str | None = None
    home: str | None = None
    licence: str | None = None
    count: int | None = None
    url: str | None = None
    archive: str | None = None
    archive_sha256: str | None = None
    archive_folder: str | None = None
    package: str | None = None
    folder: str = ""
    files: dict[str, str | None] = field(default_factory=dict)

    @property
    def listed(self) -> bool:
        """Whether `files` names the whole set, not only those of its files that were seen."""
        return bool(self.files) and self.count in (None, len(self.files))

    @property
    def deep(self) -> bool:
        """Whether its images lie in folders below its own."""
        return any("/" in name for name in self.files)


_AtHand = dict[str, tuple[str, Path]]  # file name -> where it was found, its path


def _catalogue(path: Path | None) -> dict[str, _Entry]:
    source = Path(__file__).parent / "datasets.yaml" if path is None else path
    content: dict[str, dict[str, Any]] = yaml_file.read(source)
    entries = {}
    for name, fields in content.items():
        fields["files"] = fields.get("files") or {}
        entries[name] = _Entry(name=name, **fields)
    return entries


def _unknown(name: str, names: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), names, n=3)
    hint = f" (did you mean {' or '.join(close)}?)" if close else ""
    return f"there is no dataset or folder {name!r}{hint}; known are {', '.join(names)}."


def _load_folder(folder: Path, limit: int | None, taken: Iterable[str]) -> Dataset:
    names = _images_in(folder, deep=True)
    if not names:
        raise BenchError(
            f"there is no image in the folder {folder} or below it; "
            f"images are {' '.join(IMAGE_SUFFIXES)} files."
        )
    images = [Image(printable(name), folder / name, sha256_of(folder / name)) for name in names[:limit]]
    others = tuple(map(printable, names[len(images) :]))
    images, notes = _without_copies(images)
    name, place = _name_and_place(folder, taken)
    return Dataset(name, None, tuple(images), False, others, place, tuple(notes))


def _name_and_place(folder: Path, taken: Iterable[str]) -> tuple[str, str]:
    name = printable(folder.resolve().name)
    if name in taken:  # its results must not pass for those of the set
        name += "-folder"
    return name, hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]


def _without_copies(images: Iterable[Image]) -> tuple[list[Image], list[str]]:
    """The images without those whose file is there already under another name, and a note for each."""
    first: dict[str, Image] = {}
    notes = []
    for image in images:
        if (same := first.setdefault(image.sha256, image)) is not image:
            notes.append(f"{image.name} is the same file as {same.name}, and is left out")
    return list(first.values()), notes


def _load_known(entry: _Entry, data: Path | None, limit: int | None) -> Dataset:
    places = _places(entry, data)
    at_hand = _search(entry, places)
    if missing := _missing(entry, at_hand, limit):
        try:
            _download(entry, missing)
        except DownloadError as error:
            raise BenchError(_not_at_hand(entry, places, at_hand, len(missing), str(error))) from error
        at_hand = _search(entry, places)
        if missing := _missing(entry, at_hand, limit):
            reason = f"{entry.archive} holds only {len(at_hand)}"
            raise BenchError(_not_at_hand(entry, places, at_hand, len(missing), reason))
    if not entry.listed and entry.count is not None and len(at_hand) > entry.count:
        folder = _root(*next((name, path) for name, (_, path) in at_hand.items()))
        raise BenchError(
            f"{folder} holds {len(at_hand)} images but {entry.name} has {entry.count}; take the "
            "others out or pass the folder itself as the dataset."
        )
    sums = dict(entry.files)
    trusted = {name for name, sha in sums.items() if sha}
    for name, sha in read_manifest(_cache(entry)).items():
        if at_hand.get(name, ("",))[0] == _CACHE and not sums.get(name):
            sums[name] = sha
            if entry.archive_sha256:
                trusted.add(name)
    names = sorted(at_hand)[:limit]
    images = tuple(
        Image(name, at_hand[name][1], verified(at_hand[name][1], sums.get(name))) for name in names
    )
    complete = len(names) == entry.count and trusted.issuperset(names)
    others = tuple(sorted(at_hand)[len(names) :])
    return Dataset(entry.name, entry.split, images, complete, others)


def _cache(entry: _Entry) -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("codec-bench") / "datasets" / entry.name


def _places(entry: _Entry, data: Path | None) -> list[tuple[str, Path]]:
    """Where to look for a dataset's files, first place first."""
    if entry.package is not None:
        from importlib.util import find_spec

        spec = find_spec(entry.package)
        roots = spec.submodule_search_locations if spec else None
        return [(_PACKAGE, Path(root, entry.folder)) for root in roots or ()]
    places = [(_CACHE, _cache(entry))]
    given = os.environ.get("BENCH_DATA", "") if data is None else str(data)
    if given:
        root = Path(given).expanduser()
        if not root.is_dir():
            origin = "BENCH_DATA" if data is None else "--data"
            raise BenchError(f"{origin} names {given}, which is no folder; correct or omit it.")
        places[:0] = [(_DATA, root / entry.name), (_DATA, root)]
    return places


def _search(entry: _Entry, places: list[tuple[str, Path]]) -> _AtHand:
    """The dataset's files at hand: each from the first place that has it.

    Where not every file name is known, nothing says that files from several places are one set:
    the first place with the right count is taken, else the one with the most images.
    """
    at_hand: _AtHand = {}
    if entry.listed:
        for where, folder in reversed(places):
            at_hand |= {n: (where, folder / n) for n in entry.files if (folder / n).is_file()}
        return at_hand
    for where, folder in places:
        if where == _CACHE:  # a folder without a manifest is one whose unpacking was cut off
            names = [name for name in read_manifest(folder) if (folder / name).is_file()]
        else:
            names = _images_in(folder, deep=entry.deep)
            if folder.name != entry.name and not (entry.files and entry.files.keys() <= set(names)):
                continue  # any folder of images; nothing says they are of this dataset
        if len(names) > len(at_hand) or len(names) == entry.count:
            at_hand = {name: (where, folder / name) for name in names}
        if at_hand and entry.count in (None, len(at_hand)):
            break
    return at_hand


def _missing(entry: _Entry, at_hand: _AtHand, limit: int | None) -> list[str]:
    """Names of the missing files; where the set's names are not known, one "?" for each."""
    if entry.listed:
        return [name for name in sorted(entry.files)[:limit] if name not in at_hand]
    return ["?"] * ((entry.count or 1) - len(at_hand))


def _images_in(folder: Path, deep: bool = False) -> list[str]:
    """Paths of the images in a folder, and if `deep` in those below it, sorted as text.

    Hidden folders and folders of results (whose pictures are plots, and what codecs made) are passed over.
    """
    if not folder.is_dir():
        return []
    return sorted(path.relative_to(folder).as_posix() for path in _image_paths(folder, deep, set()))


def _image_paths(folder: Path, deep: bool, seen: set[Path]) -> Iterator[Path]:
    seen.add(folder.resolve())
    for path in folder.iterdir():
        if not path.is_dir():
            if not is_image_name(path.name):
                continue
            if not path.is_file():  # a run over fewer images than there seem to be would mislead
                raise BenchError(f"{path} is a broken link, or no file; mend or remove it.")
            yield path
        elif deep and not (path.name.startswith(".") or path.resolve() in seen or _holds_results(path)):
            yield from _image_paths(path, deep, seen)  # but once, as links may go round


def _holds_results(folder: Path) -> bool:
    """Whether a folder is one of results, as `bench run` writes them."""
    for path in folder.glob("*/*.jsonl"):
        with suppress(OSError), path.open("rb") as file:
            if file.read(len(_RESULTS)) == _RESULTS:
                return True
    return False


def _download(entry: _Entry, missing: list[str]) -> None:
    folder = _cache(entry)
    if entry.url is not None:
        for name in missing:
            fetch_file(entry.url.format(name=name), folder / name, entry.files[name])
    elif entry.archive is not None:
        fetch_archive(entry.archive, entry.archive_sha256, entry.archive_folder, folder, entry.files)
    elif entry.package is not None:
        raise DownloadError(f"the installed package {entry.package} does not hold them")
    else:
        raise DownloadError("no address to download it from is known")


def _not_at_hand(
    entry: _Entry, places: list[tuple[str, Path]], at_hand: _AtHand, missing: int, reason: str
) -> str:
    """One sentence: what is missing, where it was looked for, why it did not come, what to do."""
    if entry.package is not None:
        return (
            f"{entry.name} is part of the package {entry.package}, and {missing} of its files are "
            f"not there; install scikit-image again."
        )
    total = entry.count or len(entry.files)
    part = f"{missing} of the" if missing < total else "the"
    what = f"{part} {total or ''} images of {entry.name}".replace("  ", " ")
    if entry.listed:
        first = next(name for name in sorted(entry.files) if name not in at_hand)
        what = f"{first} of {entry.name}" if missing == 1 else f"{what} (first {first})"
    looked = ", ".join(str(folder) for _, folder in places)
    return f"{what} not found in {looked}, and {reason}; {_by_hand(entry, at_hand)}."


def _note(entry: _Entry, at_hand: _AtHand) -> str:
    """What to do about a dataset that isn't at hand, short enough for a table."""
    if entry.package is not None:
        return "install scikit-image"
    fetched = "downloaded when first used, or " if entry.url or entry.archive else ""
    text = f"{fetched}put it in {entry.name}/ under --data or BENCH_DATA"
    if parts := _folders(at_hand):
        text += f"; what is there runs as --dataset {parts[0]}"
    return text


def _by_hand(entry: _Entry, at_hand: _AtHand) -> str:
    text = f"get what is missing by hand from {entry.home} and point --data or BENCH_DATA at the "
    text += f"folder that holds {entry.name}/"
    if parts := _folders(at_hand):
        only = "image that is" if len(parts) == 1 else f"{len(parts)} images that are"
        text += f", or use only the {only} there with --dataset {parts[0]}"
    return text


def _folders(at_hand: _AtHand) -> list[str]:
    """For each image in a data folder, its folder, written so that --dataset takes it for one."""
    folders = [str(_root(name, path)) for name, (where, path) in at_hand.items() if where == _DATA]
    return [folder if os.sep in folder else f".{os.sep}{folder}" for folder in folders]


def _root(name: str, path: Path) -> Path:
    """The folder that an image's name is a path below."""
    return path.parents[name.count("/")]
