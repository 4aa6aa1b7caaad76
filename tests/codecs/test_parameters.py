"""Parameters of codecs on the command line, and what results are called by them."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import assert_one_sentence, bench, results_of
from tiny import photo, save_photos

from bench import codecs
from bench.core.errors import BenchError


def test_parameters_reach_the_codec() -> None:
    picture = photo(64, 64)
    plain, full = codecs.get("jpeg"), codecs.get("jpeg:chroma=444")
    assert len(full.encode(picture, 50)) > len(plain.encode(picture, 50))
    progressive = codecs.get("jpeg:progressive=1").encode(picture, 50)
    assert b"\xff\xc2" in progressive and b"\xff\xc2" not in plain.encode(picture, 50)  # its frame's marker


def test_a_name_has_what_is_not_the_default_in_one_order() -> None:
    for spec, name in (
        ("jpeg", "jpeg"),
        ("jpeg:chroma=420", "jpeg"),
        ("jpeg:progressive=1,chroma=444", "jpeg:chroma=444,progressive=1"),
        ("jpeg: chroma=444 , progressive = 1", "jpeg:chroma=444,progressive=1"),
    ):
        assert codecs.get(spec).name == name
        assert codecs.get(name).name == name


def test_versions_and_provenance_tell_all_parameters() -> None:
    one, other = codecs.get("jpeg"), codecs.get("jpeg:optimize=1")
    assert one.version() != other.version() and "chroma 420" in one.version()
    assert other.provenance()["parameters"] == {"chroma": 420, "progressive": 0, "optimize": 1}
    (line,) = (line for line in codecs.describe() if line["name"] == "jpeg")
    assert line["parameters"] == ("chroma=420", "progressive=0", "optimize=0")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("jpeg:chrome=444", "jpeg has no parameter 'chrome'; did you mean 'chroma'"),
        ("jpeg:chroma=411", "jpeg's chroma is one of 420, 422, 444, not '411'"),
        ("jpeg:chroma=full", "jpeg's chroma is a whole number, not 'full'"),
        ("webp:method=7", "webp's method lies between 0 and 6; 7 doesn't"),
        ("ainn:effort=1", "ainn has no parameter 'effort'; there are weights"),
        ("jpeg:", "write parameters as jpeg:name=value"),
        ("jpeg:chroma", "write parameters as jpeg:name=value"),
        ("jpeg:chroma=444,chroma=420", "parameter chroma twice"),
        ("jepg:chroma=444", "no codec 'jepg'; did you mean 'jpeg'"),
    ],
)
def test_what_is_wrong_with_a_parameter(spec: str, said: str) -> None:
    with pytest.raises(BenchError, match=said):
        codecs.get(spec)


def test_bench_runs_and_compares_codecs_with_parameters(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    save_photos(folder, (photo(200, 200, number) for number in range(3)))
    both = ("--codec", "jpeg", "--codec", "jpeg:optimize=1,progressive=1")
    done = bench("run", *both, "--dataset", folder, "--results", tmp_path / "results")
    assert done.returncode == 0 and "jpeg:optimize=1,progressive=1 on pictures" in done.stdout, done.stderr
    (setup,) = results_of(tmp_path / "results", "jpeg:optimize=1,progressive=1").setups.values()
    assert setup.details["parameters"] == {"chroma": 420, "progressive": 1, "optimize": 1}
    done = bench("compare", "jpeg:optimize=1,progressive=1", "jpeg", "--results", tmp_path / "results")
    assert done.returncode == 0 and "jpeg:optimize=1" in done.stdout, done.stderr
    (folder_of_files,) = (tmp_path / "results" / "compare" / "pictures").iterdir()
    assert ":" not in folder_of_files.name
    done = bench("run", "--codec", "jpeg:chrome=444", "--dataset", folder, "--results", tmp_path / "results")
    assert_one_sentence(done, "did you mean 'chroma'")
