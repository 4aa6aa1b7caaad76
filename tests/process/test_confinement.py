"""Codecs whose decoders get more than the bitstream: all real, through the command line. Each works where
codecs aren't confined, so that a test that passes says something."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from cheating_codecs import Run, clean_up
from shell import results_of

# What each needs to be held off, in the words of a row's `confined`.
SMUGGLERS = {
    "by-times": "mount",
    "by-attribute": "mount",
    "by-segment": "ipc",
    "by-queue": "ipc",
    "by-keyring": "pid",  # a user namespace has keyrings of its own, and comes with this one
    "by-socket": "landlock",
    "by-process": "pid",
}
READERS = ("by-original", "by-command-line", "by-sample", "by-early-file")


@pytest.mark.parametrize("codec", SMUGGLERS)
def test_nothing_is_handed_over_beside_the_bitstream(run: Run, tmp_path: Path, codec: str) -> None:
    if codec == "by-keyring" and platform.machine() != "x86_64":
        pytest.skip("the numbers of the keyring's system calls are those of x86_64")
    try:
        assert_cheats(run, tmp_path, codec)
    finally:
        clean_up(tmp_path)
    assert_held_off(run, tmp_path, codec, SMUGGLERS[codec])


@pytest.mark.parametrize("codec", READERS)
def test_the_original_is_not_there_to_read(run: Run, tmp_path: Path, codec: str) -> None:
    """And where it is, a canary tells that it was read, although at two of three qualities it isn't."""
    options: dict[str, object] = {"dataset": "sample"} if codec == "by-sample" else {}
    done = run(codec, "--unconfined", "--images", 1, results="free", **options)
    contents = results_of(tmp_path / "free", codec)
    assert done.returncode == 1 and not contents.rows, done.stderr
    for failure in contents.failures.values():
        assert failure.side == "canary" and "at inf dB, but cropped to" in failure.reason
        assert "knows the pictures of the dataset, or finds them on the disk" in failure.reason
    assert_held_off(run, tmp_path, codec, "landlock", **options)


def assert_cheats(run: Run, folder: Path, codec: str, **options: object) -> None:
    """Unconfined, its decoder finds what it wasn't given."""
    done = run(codec, "--unconfined", "--images", 1, results="free", **options)
    contents = results_of(folder / "free", codec)
    assert done.returncode == 0 and len(contents.rows) == 3, done.stderr
    assert {setup.run["confined"] for setup in contents.setups.values()} == {"no"}


def assert_held_off(run: Run, folder: Path, codec: str, need: str, **options: object) -> None:
    """Confined, it fails at quality 2, where it cheats."""
    done = run(codec, "--images", 1, results="held", **options)
    contents = results_of(folder / "held", codec)
    (held,) = {str(setup.run["confined"]) for setup in contents.setups.values()}
    if need not in held:
        pytest.skip(f"this kernel has no {need} for ordinary users; rows say '{held}'")
    (failure,) = contents.failures.values()
    assert done.returncode == 1 and failure.quality == 2, done.stderr
    assert [row.quality for row in contents.rows.values()] == [1, 3]
