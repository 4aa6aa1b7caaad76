"""Which files there are for the process of a codec."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench.codecs import Codec, get
from bench.process.readable import reach


def has(readable: object, path: Path) -> bool:
    """Whether a file is readable, or a folder wholly."""
    assert isinstance(readable, (list, tuple))
    return any(path.resolve().is_relative_to(entry) for entry in readable)


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """Where a program is installed, with what belongs to it and what doesn't."""
    for name in ("bin/encoder", "lib/libcodec.so", "cfg/intra.cfg", "photos/1.png", "bin/2.png"):
        path = tmp_path / "opt" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
    (tmp_path / "opt/bin/encoder").chmod(0o755)
    return tmp_path / "opt"


def test_python_and_the_system_are_there_and_nothing_else(tmp_path: Path) -> None:
    readable = reach([]).readable
    for module in (bench, subprocess, pytest):
        assert has(readable, Path(str(module.__file__)))
    assert has(readable, Path(sys.executable)) and has(readable, Path("/etc/hosts"))
    for place in (tmp_path, Path.home(), Path("/"), Path(bench.__path__[0]).parent / "results"):
        assert not has(readable, place)


def test_a_program_has_what_lies_beside_it(prefix: Path) -> None:
    readable = reach([prefix / "bin/encoder"]).readable
    for name in ("bin/encoder", "bin/2.png", "lib/libcodec.so", "cfg/intra.cfg"):
        assert has(readable, prefix / name)
    assert not has(readable, prefix / "photos/1.png") and not has(readable, prefix)


def test_a_program_behind_a_link_and_an_interpreter_are_found(prefix: Path, tmp_path: Path) -> None:
    link = tmp_path / "links" / "encoder"
    link.parent.mkdir()
    link.symlink_to(prefix / "bin/encoder")
    script = tmp_path / "scripts" / "decode"
    script.parent.mkdir()
    script.write_text(f"#!{link} -x\n")
    script.chmod(0o755)
    readable = reach([script]).readable
    assert all(has(readable, path) for path in (script, link, prefix / "lib/libcodec.so"))


def test_weights_are_there_without_what_lies_beside_them(prefix: Path) -> None:
    readable = reach([prefix / "cfg/intra.cfg"]).readable
    assert has(readable, prefix / "cfg/intra.cfg") and not has(readable, prefix / "bin/encoder")


def test_pictures_and_results_are_left_out_wherever_they_lie(prefix: Path) -> None:
    hidden = [prefix / "bin/2.png", prefix / "photos"]
    found = reach([prefix], hidden)
    for name in ("bin/encoder", "lib/libcodec.so", "cfg/intra.cfg"):
        assert has(found.readable, prefix / name)
    assert not any(has(found.readable, path) for path in (prefix, *hidden, prefix / "photos/1.png"))
    assert list(found.hidden) == sorted(map(str, hidden))


def test_a_link_to_a_picture_does_not_show_it(prefix: Path) -> None:
    (prefix / "bin/innocent").symlink_to(prefix / "photos/1.png")
    (prefix / "bin/folder").symlink_to(prefix / "photos")
    readable = reach([prefix / "bin"], [prefix / "bin/2.png", prefix / "photos"]).readable
    assert not has(readable, prefix / "photos/1.png")


def test_a_program_in_the_home_folder_does_not_open_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    program = tmp_path / "encoder.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "diary.txt").touch()
    readable = reach([program, tmp_path]).readable
    assert has(readable, program) and not has(readable, tmp_path / "diary.txt")


def test_users_can_name_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("BENCH_READABLE", f"{tmp_path / 'models'}:{tmp_path / 'gone'}")
    assert has(reach([]).readable, tmp_path / "models/a.pt")


def test_codecs_name_weights_and_programs(prefix: Path, tmp_path: Path, tiny_weights: Path) -> None:
    def needs(codec: Codec) -> list[Path]:
        return [Path(path) for path in codec.reads()]

    assert needs(get(f"ainn:weights={tiny_weights}")) == [tiny_weights] and needs(get("jpeg")) == []
    file = prefix / "mine.yaml"
    file.write_text(
        f"encode: ./bin/encoder {{input}} {{output}} {{quality}} --model={prefix}/cfg/intra.cfg\n"
        "decode: cp {input} {output}\nqualities: [1, 2]\n"
    )
    named = needs(get(str(file)))
    assert {prefix, prefix / "bin/encoder", prefix / "cfg/intra.cfg"} <= set(named)


def test_without_landlock_python_itself_refuses(tmp_path: Path) -> None:
    """In another process, as nothing takes the hook away again."""
    (tmp_path / "work").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/1.png").touch()
    (tmp_path / "open.txt").touch()
    tries = (
        "import os, sys; from pathlib import Path; from bench.process.confine import _audit;"
        "folder = Path(sys.argv[1]); _audit(folder / 'work', [str(folder / 'secret')])\n"
        "def works(do, *arguments):\n"
        "    try: do(*arguments); return True\n"
        "    except PermissionError: return False\n"
        "print(works(open, folder / 'open.txt'), works(open, folder / 'work/a', 'w'),"
        " works(open, folder / 'secret/1.png'), works(os.listdir, folder / 'secret'),"
        " works(open, folder / 'b', 'w'), works(open, '/dev/shm/b', 'w'))"
    )
    done = subprocess.run([sys.executable, "-c", tries, tmp_path], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True", "False", "False", "False", "False"], done.stderr
