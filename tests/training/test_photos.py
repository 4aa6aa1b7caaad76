"""Photos to train on: folders and shards, what is held out, and crops."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import photo

from bench.core.errors import BenchError
from bench.training.photos import Cropper, load_photos, load_validation, spread_crops


def shard(path: Path, files: list[Path]) -> None:
    with tarfile.open(path, "w") as tar:
        for file in files:
            tar.add(file, f"deep/{file.name}")
        note = tarfile.TarInfo("README.txt")
        note.size = 5
        tar.addfile(note, io.BytesIO(b"hello"))


def assert_same_photos(a: list[Any], b: list[Any]) -> None:
    assert len(a) == len(b)
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_folder_shard_and_folder_of_shards_give_the_same_photos(photos: Path, tmp_path: Path) -> None:
    files = sorted(photos.iterdir())
    shard(tmp_path / "0.tar", files[:1])
    (tmp_path / "more").mkdir()
    shard(tmp_path / "more" / "1.tar", files[1:])
    shard(tmp_path.parent / "whole.tar", files)
    expected = [np.asarray(Image.open(file)) for file in files]
    assert_same_photos(load_photos(photos, 64), expected)
    assert_same_photos(load_photos(tmp_path, 64), expected)
    assert_same_photos(load_photos(tmp_path.parent / "whole.tar", 64), expected)


def test_photos_of_every_mode_are_taken_as_rgb(tmp_path: Path) -> None:
    picture = Image.fromarray(photo(64, 64))
    for mode in ("L", "RGBA", "P", "1"):
        picture.convert(mode).save(tmp_path / f"{mode}.png")
    picture.save(tmp_path / "upper.JPG", quality=90)
    (tmp_path / "notes.txt").write_text("no photo")
    loaded = load_photos(tmp_path, 64)
    assert len(loaded) == 5 and all(kept.shape == (64, 64, 3) and kept.dtype == np.uint8 for kept in loaded)


def test_small_photos_are_passed_over(photos: Path) -> None:
    sizes = [(kept.shape[0], kept.shape[1]) for kept in load_photos(photos, 64)]
    assert sizes == [(96, 128), (112, 128), (128, 128)]
    assert [kept.shape[0] for kept in load_photos(photos, 112)] == [112, 128]
    with pytest.raises(BenchError, match="no photo with sides of at least 129 pixels"):
        load_photos(photos, 129)


def test_valid_photos_are_held_out_and_cropped_about_their_centre(
    photos: Path, photos_and_valid: Path, tmp_path: Path
) -> None:
    assert_same_photos(load_photos(photos_and_valid, 64), load_photos(photos, 64))
    held_out = load_validation(photos_and_valid, 256)
    assert held_out.dtype == torch.uint8
    assert np.array_equal(held_out[0].permute(1, 2, 0).numpy(), photo(256, 300, seed=7)[:, 22:278])
    assert load_validation(photos, 256).shape == (0, 3, 256, 256)
    shard(tmp_path / "valid-0.tar", [photos_and_valid / "valid-0.png", photos_and_valid / "0.png"])
    assert torch.equal(load_validation(tmp_path, 256), held_out)  # one is too small
    with pytest.raises(BenchError, match="no photo with sides"):
        load_photos(tmp_path, 64)


def test_crops_of_training_photos_are_spread_over_all_that_are_large_enough() -> None:
    photos = [np.full((70 + 5 * (index % 3), 80, 3), index, np.uint8) for index in range(12)]
    values = [int(crop[0, 0, 0]) for crop in spread_crops(photos, 72, 4)]
    assert values == [1, 4, 7, 10]  # of 1, 2, 4, 5, 7, 8, 10 and 11
    assert spread_crops(photos, 72, 4).shape == (4, 3, 72, 72)
    assert len(spread_crops(photos, 72, 99)) == 8 and spread_crops(photos, 72, 0).shape == (0, 3, 72, 72)
    assert spread_crops(photos, 100, 4).shape == (0, 3, 100, 100)


def cut_shard(path: Path) -> None:
    Image.fromarray(photo(64, 64)).save(path.parent / "photo.bmp")
    shard(path, [path.parent / "photo.bmp"])
    (path.parent / "photo.bmp").unlink()
    path.write_bytes(path.read_bytes()[:5000])


def cut_photo(path: Path) -> None:
    Image.fromarray(photo(64, 64)).save(path)
    path.write_bytes(path.read_bytes()[:900])


@pytest.mark.parametrize(
    ("name", "damage", "words"),
    [
        ("a.png", cut_photo, r"a\.png cannot be read as an image"),
        ("a.jpg", lambda path: path.write_text("no photo"), r"a\.jpg cannot be read as an image"),
        ("a.tar", lambda path: path.write_text("no shard"), r"a\.tar is not a readable \.tar shard"),
        ("a.tar", cut_shard, r"a\.tar"),
    ],
)
def test_a_photo_or_shard_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, damage: Callable[[Path], Any], words: str
) -> None:
    damage(tmp_path / name)
    with pytest.raises(BenchError, match=words):
        load_photos(tmp_path, 64)


def test_crops_are_parts_of_photos_and_depend_on_seed_and_step_alone() -> None:
    ramp = np.full((100, 90, 3), 7, np.uint8)
    ramp[:, :, 0], ramp[:, :, 1] = np.arange(100)[:, None], np.arange(90)
    crops = Cropper([ramp], 64, 5, torch.device("cpu"))
    batch = crops.batch(3, 32)
    assert batch.shape == (32, 3, 64, 64) and batch.dtype == torch.float32
    again = Cropper([ramp], 64, 5, torch.device("cpu"))
    again.batch(0, 2)
    assert torch.equal(again.batch(3, 32), batch)
    assert not torch.equal(crops.batch(4, 32), batch)
    assert not torch.equal(Cropper([ramp], 64, 6, torch.device("cpu")).batch(3, 32), batch)

    values = (batch * 255).round()
    assert torch.all(values[:, 2] == 7)
    tops, lefts, ways = set(), set(), set()
    for rows, columns, _ in values:
        straight = bool(rows[1, 0] != rows[0, 0])
        along = columns[0] if straight else columns[:, 0]
        ways.add((straight, bool(along[1] < along[0])))
        tops.add(float(rows.min()))
        lefts.add(float(columns.min()))
        assert rows.max() - rows.min() == columns.max() - columns.min() == 63
    assert len(ways) == 4  # mirrored or not, transposed or not
    assert len(tops) > 10 and len(lefts) > 10
    assert min(tops) >= 0 and max(tops) <= 36 and max(lefts) <= 26

    exact = Cropper([photo(64, 64)], 64, 0, torch.device("cpu")).batch(0, 1)
    assert exact.shape == (1, 3, 64, 64)


@pytest.mark.parametrize(
    ("name", "save", "words"),
    [
        ("a.png", lambda path: Image.fromarray(np.full((80, 80), 40000, np.uint16)).save(path), "8 bits"),
        ("a.png", lambda path: Image.new("RGBA", (80, 80), (9, 9, 9, 9)).save(path), "transparent"),
        ("a.jpg", lambda path: Image.new("CMYK", (80, 80)).save(path), "CMYK"),
        ("a.png", lambda path: path.symlink_to("nowhere.png"), "No such file"),
    ],
)
def test_training_takes_no_picture_that_scoring_refuses(
    tmp_path: Path, name: str, save: Callable[[Path], Any], words: str
) -> None:
    Image.fromarray(photo(96, 96)).save(tmp_path / "good.png")
    save(tmp_path / name)
    with pytest.raises(BenchError, match=words):
        load_photos(tmp_path, 64)


def test_folders_and_hidden_files_are_no_photos(tmp_path: Path) -> None:
    Image.fromarray(photo(96, 96)).save(tmp_path / "good.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "._good.png").write_bytes(b"what macOS leaves")
    assert len(load_photos(tmp_path, 64)) == 1


def test_links_in_a_shard_are_passed_over(tmp_path: Path) -> None:
    Image.fromarray(photo(96, 96)).save(tmp_path / "good.png")
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        shard.add(tmp_path / "good.png", "good.png")
        for name, target in (("a.png", "/etc/passwd"), ("b.png", "c.png"), ("c.png", "b.png")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            shard.addfile(link)
    assert len(load_photos(tmp_path / "shard.tar", 64)) == 1


def claim(size: int, **changes: Any) -> bytes:
    """The header of a member that is said to be so large."""
    member = tarfile.TarInfo("a.png")
    member.size = size
    for name, value in changes.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.PAX_FORMAT) + bytes(10240)


TIB = 1 << 40
SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(TIB)}
FORGED = {
    "a tebibyte": claim(TIB),
    "a tebibyte by PAX": claim(100, pax_headers={"size": str(TIB)}),
    "less than nothing": tarfile.TarInfo("a.png").tobuf().replace(b"00000000000", b"-0000000005", 1),
    "a name of a tebibyte": claim(TIB, type=tarfile.GNUTYPE_LONGNAME),
    "a PAX header of a tebibyte": claim(TIB, type=tarfile.XHDTYPE),
    "sparse": claim(512, pax_headers=SPARSE),
    "packed zeros": gzip.compress(bytes(1 << 20)),
}


@pytest.mark.parametrize("content", FORGED.values(), ids=FORGED.keys())
def test_a_shard_that_claims_more_than_it_has_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(BenchError, match=r"a\.tar") as caught:
        load_photos(tmp_path / "a.tar", 64)
    assert "\n" not in str(caught.value)
