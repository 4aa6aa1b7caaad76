"""Lossless codecs: every sample of every picture comes back, and a run checks that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from broken_codecs import install
from PIL import Image
from shell import bench, results_of
from tiny import photo

from bench.codecs import get, get_class, name_of, names
from bench.core.errors import BenchError

EITHER = [name for name in names() if "lossless" in getattr(get_class(name), "parameters", {})]
LOSSLESS = [f"{name}:lossless=1" for name in EITHER] + ["png", "jpegls"]


def pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {
        "photo": photo(65, 130),
        "noise": rng.integers(0, 256, (33, 47, 3), dtype=np.uint8),
        "one pixel": np.array([[[1, 254, 7]]], np.uint8),
        "a line": rng.integers(0, 256, (1, 200, 3), dtype=np.uint8),
        "ends": np.tile(np.array([[[0, 255, 0], [255, 0, 255]]], np.uint8), (16, 8, 1)),
    }


def test_there_are_four_codecs_that_can_be_either() -> None:
    assert EITHER == ["avif", "jpeg2000", "jpegxl", "webp"]


@pytest.mark.parametrize("spec", LOSSLESS)
def test_every_sample_comes_back(spec: str) -> None:
    codec = get(spec)
    assert codec.lossless and codec.qualities == (100,) and codec.sampling() is None
    for what, picture in pictures().items():
        assert np.array_equal(codec.decode(codec.encode(picture, 100)), picture), what
    with pytest.raises(BenchError, match="from 100 to 100, not 99"):
        codec.check_quality(99)


@pytest.mark.parametrize("spec", LOSSLESS)
def test_a_bitstream_that_was_cut_off_is_refused(spec: str) -> None:
    codec = get(spec)
    whole = codec.encode(photo(65, 130), 100)
    for length in (0, 1, len(whole) // 2, len(whole) * 9 // 10):
        with pytest.raises(BenchError, match=r"whole|cut off|damaged|short"):
            codec.decode(whole[:length])


def test_a_jpegls_stream_without_its_end_never_reaches_charls(monkeypatch: pytest.MonkeyPatch) -> None:
    """CharLS works for 5 seconds before it sees that the stream is over."""
    codec = get("jpegls")
    whole = codec.encode(photo(24, 40), 100)
    monkeypatch.setattr("imagecodecs.jpegls_decode", lambda stream: pytest.fail("CharLS was called"))
    for length in (len(whole) - 1, len(whole) - 10, len(whole) // 2):
        with pytest.raises(BenchError, match="its end is missing"):
            codec.decode(whole[:length])


@pytest.mark.parametrize("name", EITHER)
def test_results_from_before_the_parameter_was_there_still_count(name: str) -> None:
    """The version of the lossy codec doesn't name it, that of the lossless one does, or says so otherwise."""
    lossy, lossless = get(name), get(f"{name}:lossless=1")
    assert "lossless" not in lossy.version() and "lossless" not in str(lossy.provenance())
    assert lossless.version() != lossy.version() and lossless.name == f"{name}:lossless=1"
    assert not lossy.lossless and len(lossy.qualities) > 4 and name_of(f"{name}:lossless=0") == name
    picture = photo(40, 40)
    assert not np.array_equal(lossy.decode(lossy.encode(picture, lossy.qualities[-1])), picture)


def test_what_can_not_be_lossless_is_refused() -> None:
    with pytest.raises(BenchError, match="avif:lossless=1 is 4:4:4 with 8 bits"):
        get("avif:lossless=1,chroma=420")
    with pytest.raises(BenchError, match="avif:lossless=1 is 4:4:4 with 8 bits"):
        get("avif:lossless=1,bits=10")


def test_a_run_fails_the_cells_of_a_codec_that_loses_samples(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    picture = photo(64, 64) // 2
    Image.fromarray(picture).save(pictures / "dark.png")  # which comes back whole
    picture[5:7, 3, 0] = 255
    Image.fromarray(picture).save(pictures / "two-bright-samples.png")
    done = bench(
        "run", "--codec", "nearly-lossless", "--dataset", pictures, "--results", tmp_path / "r",
        "--metric", "psnr", "--jobs", "2", **install(tmp_path / "packages"),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    contents = results_of(tmp_path / "r", "nearly-lossless")
    assert [row.image for row in contents.rows.values()] == ["dark.png"]
    (failure,) = contents.failures.values()
    assert failure.side == "decode"
    assert failure.reason == f"it should be lossless, and 2 of {64 * 64 * 3} samples are others"
