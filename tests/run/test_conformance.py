"""The conformance suite: our own codecs hold in all of it, and each way to break the contract is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from broken_codecs import install
from places import SUPPORT
from shell import assert_one_sentence, bench

from bench.codecs import get_class, names
from bench.codecs.compressai_zoo import ZooModel
from bench.core.errors import BenchError
from bench.run.conformance import CHECKS, conformance, made_up

# What of our codecs is tried here: those of pip, at settings that don't take long, and with weights.
QUICK = {"av1": "av1:speed=8", "vvenc": "vvenc:preset=faster", "hevc": "hevc:preset=ultrafast"}
OURS = [
    QUICK.get(name, name)
    for name in names()
    if get_class(name).missing() is None
    and not hasattr(get_class(name), "suite")
    and not issubclass(get_class(name), ZooModel)  # see test_compressai_zoo.py
]

TIMEOUT = 8  # seconds; other tests run beside these, so that calls that end take a while, too

# The one check that each breaks, and why.
BROKEN = {
    "bare": ("It describes itself", "it has no summary"),
    "short-curve": ("It describes itself", "its curve has 2 qualities; a BD-rate needs 4"),
    "any-quality": ("It describes itself", "it takes quality 0, which lies outside of its quality_range"),
    "restless-version": ("It describes itself", "its version is empty, or another each time"),
    "tells-folder": ("It describes itself", "its provenance holds a folder of this machine"),
    "no-odd-sizes": ("It codes pictures of all sizes", "of 1x1 pixels comes back with 2x2"),
    "upside-down": ("It gives back what", "at quality 8, the best of its curve, a picture comes back with"),
    "nearly-lossless": ("It gives back what", "it says that it is lossless, and not every sample comes back"),
    "blue-for-red": ("It gives back what", "at quality 8, the best of its curve, a picture comes back with"),
    "wrong-way": ("Along its curve", "quality 5 takes"),
    "at-random": ("The same picture", "a picture that is encoded twice gives two bitstreams"),
    "by-process": ("The same picture", "in another process a picture gives another bitstream"),
    "remembers": ("It keeps nothing", "after another picture, a picture gives another bitstream"),
    "decoder-remembers": ("It keeps nothing", "after another bitstream, a bitstream gives another picture"),
    "trips": ("A damaged bitstream", "an empty bitstream: decode: IndexError: list index out of range"),
    "falls-over": ("A damaged bitstream", "an empty bitstream: decode: its process was killed by signal 11"),
    "loops": ("A damaged bitstream", f"an empty bitstream: decode: it took over {TIMEOUT} s"),
}
# Broken in one way, they may break more than one check.
ALSO = {
    "at-random": {"It keeps nothing"},
    "upside-down": {"Along its curve"},
    "blue-for-red": {"Along its curve"},
    "remembers": {"The same picture"},
    "wrong-way": {"It gives back what"},
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str | None]]:
    """Reasons by check, of all broken codecs and the fine one."""
    environment = install(tmp_path_factory.mktemp("packages"))
    done = bench("conformance", "fine", *BROKEN, "--timeout", str(TIMEOUT), "--json", **environment)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    return {name: {each["check"]: each["reason"] for each in checks} for name, checks in found.items()}


def test_a_codec_that_keeps_the_contract_holds_in_all(verdicts: dict[str, dict[str, str | None]]) -> None:
    assert set(verdicts["fine"].values()) == {None} and len(verdicts["fine"]) == len(CHECKS)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(verdicts: dict[str, dict[str, str | None]], name: str) -> None:
    title, reason = BROKEN[name]
    broken = {check: why for check, why in verdicts[name].items() if why is not None}
    (mine,) = (why for check, why in broken.items() if check.startswith(title))
    assert reason in mine
    assert len(broken) <= 1 + len(ALSO.get(name, ())), broken


@pytest.mark.parametrize("name", OURS)
def test_our_codecs_keep_the_contract(name: str) -> None:
    assert [verdict for verdict in conformance(name) if verdict.reason is not None] == []


def test_from_a_shell(tmp_path: Path) -> None:
    environment = install(tmp_path / "packages")
    done = bench("conformance", "fine", **environment)
    assert done.returncode == 0 and done.stdout.splitlines()[0] == "fine"
    assert f"{len(CHECKS)} of {len(CHECKS)} hold" in done.stdout and "BROKEN" not in done.stdout
    done = bench("conformance", "fine", "bare", **environment)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout and "it has no summary" in done.stdout
    assert_one_sentence(bench("conformance", "fine", "fnie", **environment), "did you mean 'fine'?")


def test_a_yaml_codec_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SUPPORT / "fake_codec.py"
    (tmp_path / "mine.yaml").write_text(
        f"summary: a stand-in\nqualities: [10, 40, 70, 95]\n"
        f"encode: {sys.executable} {fake} encode {{input}} {{output}} {{quality}}\n"
        f"decode: {sys.executable} {fake} decode {{input}} {{output}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert [verdict.reason for verdict in conformance("mine.yaml")][:3] == [None] * 3


def test_pictures_are_the_same_each_time() -> None:
    made_up.cache_clear()
    one = made_up(20, 30)
    made_up.cache_clear()
    assert np.array_equal(made_up(20, 30), one) and one.std() > 20
    with pytest.raises(BenchError, match="no codec 'nothing'"):
        conformance("nothing")
