"""Datasets: the real catalogue, and small ones served by a real local HTTP server."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import yaml
from places import ROOT

from bench.core.errors import BenchError
from bench.core.images import read_rgb
from bench.datasets.catalogue import describe, known, load

CATALOGUE = yaml.safe_load((ROOT / "datasets.yaml").read_text("utf-8"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache and no BENCH_DATA; where the cached datasets will lie."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    return tmp_path / "cache" / "codec-bench" / "datasets"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder tiny/ of three different small PNG files."""
    folder = tmp_path / "served" / "tiny"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name in ("a.png", "b.png", "c.png"):
        PIL.Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8)).save(folder / name)
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


class _CutOff(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"\x89PNG" + bytes(400))

    def log_message(self, *args: object) -> None:
        pass


def _serve(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def server(photos: Path) -> Iterator[str]:
    yield from _serve(partial(_Quiet, directory=photos.parent))


@pytest.fixture
def cut_off_server() -> Iterator[str]:
    yield from _serve(_CutOff)


@pytest.fixture
def dead_server() -> str:
    """An address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def _sums(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.png")}


def _catalogue(folder: Path, **fields: Any) -> Path:
    entry = {"title": "Tiny", "home": "http://tiny.example/", "count": 3} | fields
    path = folder / "catalogue.yaml"
    path.write_text(yaml.safe_dump({"tiny": entry}), "utf-8")
    return path


def _files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def _error(*args: Any, **kwargs: Any) -> str:
    """The message of the BenchError that load() raises, one line of one sentence."""
    with pytest.raises(BenchError) as caught:
        load(*args, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


# The real catalogue


def test_catalogue_checksums_are_sha256_and_counts_hold() -> None:
    for name, entry in CATALOGUE.items():
        files = entry["files"] or {}
        for sha in filter(None, [*files.values(), entry.get("archive_sha256")]):
            assert isinstance(sha, str) and re.fullmatch("[0-9a-f]{64}", sha), (name, sha)
        assert entry["count"] is None or len(files) <= entry["count"], name
        assert "files" in entry and "licence" in entry and entry["home"].startswith("https://")
        shas = [sha for sha in files.values() if sha]
        assert len(set(shas)) == len(shas), name
    assert sorted(CATALOGUE["kodak"]["files"]) == [f"kodim{n:02}.png" for n in range(1, 25)]
    assert None not in CATALOGUE["kodak"]["files"].values()
    assert len(CATALOGUE["tecnick"]["files"]) == 100


def test_catalogue_is_read_from_the_package() -> None:
    assert known() == list(CATALOGUE)
    assert {"sample", "kodak", "tecnick", "clic2025-valid", "cid22-valid"} <= set(known())


def test_sample_needs_no_data_and_is_complete() -> None:
    sample = load("sample")
    assert sample.complete and len(sample.images) == CATALOGUE["sample"]["count"]
    assert [image.name for image in sample.images] == sorted(CATALOGUE["sample"]["files"])
    assert {read_rgb(image.path).shape[2] for image in sample.images} == {3}
    assert sample.label == f"sample (all {len(sample.images)} images)"
    first = load("sample", limit=1)
    assert not first.complete and first.images == sample.images[:1]


def test_kodak(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kodak = load("kodak", data_dir)
    assert kodak.complete and len(kodak.images) == 24
    assert {image.name: image.sha256 for image in kodak.images} == CATALOGUE["kodak"]["files"]
    assert read_rgb(kodak.images[0].path).shape == (512, 768, 3)
    monkeypatch.setenv("BENCH_DATA", str(data_dir / "kodak"))  # the folder itself
    assert load("kodak") == kodak


# Looking for files


def test_data_folder_holds_the_set_in_a_subfolder_or_directly(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = _catalogue(tmp_path, files=_sums(photos), split="test")
    inside = load("tiny", photos.parent, catalogue=catalogue)
    assert inside.complete and inside.split == "test"
    assert [image.path for image in inside.images] == sorted(photos.glob("*.png"))
    assert load("tiny", photos, catalogue=catalogue) == inside
    monkeypatch.setenv("BENCH_DATA", str(photos.parent))
    assert load("tiny", catalogue=catalogue) == inside
    empty = tmp_path / "empty"
    empty.mkdir()
    assert str(empty) in _error("tiny", empty, catalogue=catalogue)  # data goes before BENCH_DATA
    assert "no folder" in _error("tiny", tmp_path / "nowhere", catalogue=catalogue)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda content: content[:-20], "cut off"),
        (lambda content: b"", "is empty"),
        (lambda content: content[:-30] + bytes(4) + content[-26:], "not the file it should be"),
    ],
)
def test_damaged_file_is_found(damage: Any, word: str, photos: Path, tmp_path: Path) -> None:
    catalogue = _catalogue(tmp_path, files=(sums := _sums(photos)))
    (photos / "b.png").write_bytes(damage((photos / "b.png").read_bytes()))
    message = _error("tiny", photos, catalogue=catalogue)
    found = _sums(photos)["b.png"]
    for part in (word, "b.png", str(photos), sums["b.png"][:8], found[:8], "delete it", "--data"):
        assert part in message
    assert load("tiny", photos, limit=1, catalogue=catalogue).images[0].name == "a.png"


def test_unchecked_file_keeps_the_set_from_being_complete(photos: Path, tmp_path: Path) -> None:
    catalogue = _catalogue(tmp_path, files=_sums(photos) | {"b.png": None})
    dataset = load("tiny", photos, catalogue=catalogue)
    assert len(dataset.images) == 3 and not dataset.complete
    assert "not a full set" in dataset.label
    open_count = _catalogue(tmp_path, files=_sums(photos), count=None)
    assert not load("tiny", photos, catalogue=open_count).complete


@pytest.mark.parametrize("listed", [True, False])
def test_part_of_a_set_is_never_used_silently(
    listed: bool,
    photos: Path,
    tmp_path: Path,
    dead_server: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = _sums(photos)
    if not listed:
        del files["b.png"], files["c.png"]  # as for CLIC 2025: only some names are known
    catalogue = _catalogue(tmp_path, files=files, archive=f"{dead_server}/tiny.zip")
    (photos / "b.png").unlink()
    (photos / "c.png").unlink()
    message = _error("tiny", photos.parent, catalogue=catalogue)
    assert "2 of the 3 images of tiny" in message and f"--dataset {photos}" in message
    assert str(photos) in message and "http://tiny.example/" in message
    monkeypatch.chdir(photos.parent)  # a bare name would be taken for the known dataset
    assert f"--dataset .{os.sep}tiny." in _error("tiny", Path("."), catalogue=catalogue)
    part = load(str(photos))
    assert len(part.images) == 1 and not part.complete
    if listed:
        assert len(load("tiny", photos, limit=1, catalogue=catalogue).images) == 1
    else:  # which image comes first in the full set cannot be told
        assert "2 of the 3" in _error("tiny", photos, limit=1, catalogue=catalogue)


def test_folder_with_more_images_than_the_set(photos: Path, tmp_path: Path) -> None:
    catalogue = _catalogue(tmp_path, files=None, count=2)
    assert "holds 3 images but tiny has 2" in _error("tiny", photos.parent, catalogue=catalogue)


def test_any_folder_is_not_taken_for_a_set_without_a_file_list(
    photos: Path, tmp_path: Path, dead_server: str
) -> None:
    catalogue = _catalogue(tmp_path, files=None, archive=f"{dead_server}/tiny.zip")
    assert len(load("tiny", photos.parent, catalogue=catalogue).images) == 3
    other = photos.rename(photos.with_name("holidays"))
    assert "not found" in _error("tiny", other, catalogue=catalogue)


# Folders and names


def test_folder_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("b.PNG", "a.bmp"):
        PIL.Image.new("RGB", (4, 4)).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    mine = load(str(folder))
    assert [image.name for image in mine.images] == ["a.bmp", "b.PNG"]
    assert mine.images[1].sha256 == hashlib.sha256((folder / "b.PNG").read_bytes()).hexdigest()
    assert mine.name == "mine" and mine.split is None and not mine.complete
    assert len(load(str(folder), limit=1).images) == 1
    (folder / "b.PNG").unlink()
    (folder / "a.bmp").unlink()
    assert "no image in the folder" in _error(str(folder))


def test_known_name_wins_over_a_folder_unless_written_as_a_path(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    sums = {"x.png": hashlib.sha256(b"x").hexdigest()}
    catalogue = _catalogue(tmp_path, files=sums, count=1)
    assert "x.png of tiny not found" in _error("tiny", catalogue=catalogue)
    assert len(load("./tiny", catalogue=catalogue).images) == 3
    monkeypatch.chdir(photos)
    assert load(".").name == "tiny"
    monkeypatch.chdir(photos.parent)
    assert load("tiny").name == "tiny"  # not a known name of the real catalogue


def test_unknown_names_and_bad_limits() -> None:
    message = _error("kodac")
    assert "did you mean kodak?" in message and "clic2020-professional-valid" in message
    assert "did you mean kodak?" in _error("Kodak")
    message = _error("zzzzzz")
    assert "did you mean" not in message and "kodak" in message
    assert "no folder" in _error("./nowhere")
    assert "there is no dataset" in _error("")
    for limit in (0, -3):
        assert "at least 1" in _error("sample", limit=limit)


# Downloading


def test_download_only_what_is_missing(photos: Path, tmp_path: Path, cache: Path, server: str) -> None:
    catalogue = _catalogue(tmp_path, files=_sums(photos), url=f"{server}/tiny/{{name}}")
    first = load("tiny", limit=1, catalogue=catalogue)
    assert _files_in(cache) == ["a.png"] and first.images[0].path == cache / "tiny" / "a.png"
    data = tmp_path / "data"
    data.mkdir()
    (data / "b.png").write_bytes((photos / "b.png").read_bytes())
    dataset = load("tiny", data, catalogue=catalogue)
    assert dataset.complete and _files_in(cache) == ["a.png", "c.png"]
    assert [image.path.parent.name for image in dataset.images] == ["tiny", "data", "tiny"]


def test_no_network(photos: Path, tmp_path: Path, cache: Path, dead_server: str) -> None:
    catalogue = _catalogue(tmp_path, files=_sums(photos), url=f"{dead_server}/tiny/{{name}}")
    message = _error("tiny", tmp_path, catalogue=catalogue, limit=1)
    looked = (str(tmp_path / "tiny"), str(cache / "tiny"))
    for part in ("a.png", f"{dead_server}/tiny/a.png", "no connection", "http://tiny.example/"):
        assert part in message
    assert all(place in message for place in looked)
    assert "--data or BENCH_DATA" in message
    assert _files_in(cache) == []


def test_missing_on_the_server_and_wrong_checksum(
    photos: Path, tmp_path: Path, cache: Path, server: str
) -> None:
    sums = _sums(photos)
    catalogue = _catalogue(tmp_path, files=sums, url=f"{server}/gone/{{name}}")
    assert "HTTP status 404" in _error("tiny", catalogue=catalogue)
    sums["a.png"] = sums["b.png"]
    catalogue = _catalogue(tmp_path, files=sums, url=f"{server}/tiny/{{name}}")
    message = _error("tiny", catalogue=catalogue)
    assert "a.png" in message and sums["b.png"][:8] in message and "by hand" in message
    assert _files_in(cache) == []


@pytest.mark.parametrize("checked", [True, False])
def test_server_that_cuts_off(
    checked: bool, photos: Path, tmp_path: Path, cache: Path, cut_off_server: str
) -> None:
    files = _sums(photos) if checked else dict.fromkeys(_sums(photos))
    catalogue = _catalogue(tmp_path, files=files, url=f"{cut_off_server}/{{name}}")
    assert "cut off" in _error("tiny", catalogue=catalogue)
    assert _files_in(cache) == []


def _zip(target: Path, photos: Path, folder: str = "Set/RGB", extra: str | None = None) -> str:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(photos.glob("*.png")):
            archive.write(path, f"{folder}/{path.name}")
            archive.write(path, f"Set/GREY/{path.name}")
            archive.writestr(f"__MACOSX/{folder}/._{path.name}", b"junk")
        archive.writestr("README.txt", "hello")
        if extra is not None:
            archive.writestr(extra, b"evil")
    return hashlib.sha256(target.read_bytes()).hexdigest()


@pytest.mark.parametrize("listed", [True, False])
def test_archive(
    listed: bool, photos: Path, tmp_path: Path, cache: Path, server: str, dead_server: str
) -> None:
    sha = _zip(photos.parent / "tiny.zip", photos)
    fields: dict[str, Any] = {"archive_sha256": sha, "archive_folder": "RGB"}
    fields["files"] = _sums(photos) if listed else None
    there = _catalogue(tmp_path, archive=f"{server}/tiny.zip", **fields)
    dataset = load("tiny", catalogue=there)
    assert dataset.complete and len(dataset.images) == 3
    assert {image.name: image.sha256 for image in dataset.images} == _sums(photos)
    assert _files_in(cache) == ["SHA256SUMS", "a.png", "b.png", "c.png"]  # the archive is gone

    gone = _catalogue(tmp_path, archive=f"{dead_server}/tiny.zip", **fields)
    assert load("tiny", catalogue=gone) == dataset  # from the cache
    (cache / "tiny" / "b.png").write_bytes(b"")
    assert "b.png" in _error("tiny", catalogue=gone)  # its checksum is remembered
    (cache / "tiny" / "b.png").unlink()
    assert "not found" in _error("tiny", catalogue=gone)


def test_archive_without_a_checksum_is_not_complete(photos: Path, tmp_path: Path, server: str) -> None:
    _zip(photos.parent / "tiny.zip", photos)
    archive = f"{server}/tiny.zip"
    catalogue = _catalogue(tmp_path, archive=archive, archive_folder="Set/RGB", files=None)
    dataset = load("tiny", catalogue=catalogue)
    assert len(dataset.images) == 3 and not dataset.complete


def test_unpacking_that_was_cut_off_does_not_look_whole(
    photos: Path, tmp_path: Path, cache: Path, dead_server: str
) -> None:
    (cache / "tiny").mkdir(parents=True)
    (photos / "a.png").rename(cache / "tiny" / "a.png")  # unpacked, but no manifest was written
    archive = f"{dead_server}/tiny.zip"
    catalogue = _catalogue(tmp_path, archive=archive, count=None, files=None)
    assert "not found" in _error("tiny", catalogue=catalogue)
    assert not describe(catalogue=catalogue)[0]["usable"]


@pytest.mark.parametrize("entry", ["../evil.png", "Set/RGB/../../../evil.png", "/tmp/evil.png"])
def test_unsafe_archive_is_refused(
    entry: str, photos: Path, tmp_path: Path, cache: Path, server: str
) -> None:
    sha = _zip(photos.parent / "tiny.zip", photos, extra=entry)
    fields = {"archive_sha256": sha, "archive_folder": "RGB", "files": None}
    catalogue = _catalogue(tmp_path, archive=f"{server}/tiny.zip", **fields)
    message = _error("tiny", catalogue=catalogue)
    assert "unsafe path" in message and entry in message
    assert _files_in(cache) == [] and not list(tmp_path.rglob("evil.png"))


def test_archives_that_do_not_hold_the_set(photos: Path, tmp_path: Path, cache: Path, server: str) -> None:
    archive = photos.parent / "tiny.zip"
    _zip(archive, photos)
    fields: dict[str, Any] = {"archive": f"{server}/tiny.zip", "archive_folder": "RGB"}
    sums = _sums(photos)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"files": sums | {"d.png": sums["a.png"]}, "count": 4}, "lacks d.png"),
        ({"files": sums | {"a.png": sums["b.png"]}}, "another a.png"),
        ({"files": None, "archive_folder": "BLUE"}, "no image in BLUE"),
        ({"files": None, "archive_folder": None}, "two files named a.png"),
    ]
    for change, word in cases:
        assert word in _error("tiny", catalogue=_catalogue(tmp_path, **(fields | change)))
        assert _files_in(cache) == []
    archive.write_text("<html>choose a mirror</html>")
    message = _error("tiny", catalogue=_catalogue(tmp_path, files=None, **fields))
    assert "not a zip archive" in message and _files_in(cache) == []


# Describing


def test_describe(photos: Path, tmp_path: Path, server: str) -> None:
    catalogue = _catalogue(tmp_path, files=_sums(photos), url=f"{server}/tiny/{{name}}")

    def tiny(data: Path | None) -> dict[str, Any]:
        return dict(describe(data, catalogue=catalogue)[0])

    nothing = tiny(None)
    assert (nothing["present"], nothing["where"], nothing["usable"]) == (0, None, False)
    assert "downloaded when first used" in nothing["note"]
    whole = tiny(photos.parent)
    assert (whole["present"], whole["where"], whole["usable"]) == (3, "data folder", True)
    assert whole["note"] == ""
    load("tiny", catalogue=catalogue)
    assert tiny(None)["where"] == "cache"
    (photos / "a.png").unlink()
    assert tiny(photos.parent)["where"] == "cache and data folder"


def test_describe_the_real_catalogue() -> None:
    items = {str(item["name"]): item for item in describe()}
    assert json.loads(json.dumps(list(items.values()))) == list(items.values())
    assert list(items) == known()
    assert items["sample"]["usable"] and items["sample"]["where"] == "package"
    assert not items["kodak"]["usable"] and items["kodak"]["count"] == 24
    assert "put it in cid22-valid/" in str(items["cid22-valid"]["note"])


def test_describe_real_data(data_dir: Path) -> None:
    items = {str(item["name"]): item for item in describe(data_dir)}
    assert items["kodak"]["usable"] and items["kodak"]["present"] == 24


def test_folder_called_like_a_known_dataset_does_not_pass_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "kodak"
    folder.mkdir()
    PIL.Image.new("RGB", (4, 4)).save(folder / "mine.png")
    assert load(str(folder)).name == "kodak-folder"
