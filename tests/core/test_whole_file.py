"""Files written whole or not at all, whatever happens meanwhile; and that nothing is written otherwise."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from full_disk import full_disk

import bench
from bench.core.whole_file import sweep, write_whole, writing_whole


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_what_replaces_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "one\n")
    (tmp_path / "a").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    write_whole(tmp_path / "link", b"two")
    assert (tmp_path / "a").read_bytes() == b"two" and (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["a", "link"]
    write_whole(Path("/dev/null"), b"anything")  # no file to be replaced
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt(), ValueError("a bug")], ids=repr)
def test_what_fails_on_the_way_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a").write_text("before")
    with pytest.raises(type(error)), writing_whole(tmp_path / "a") as part:
        part.write_text("half")
        raise error
    assert (tmp_path / "a").read_text() == "before" and names_in(tmp_path) == ["a"]


def test_what_a_killed_writer_leaves_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from bench.core.whole_file import writing_whole\n"
        "with writing_whole(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); print('there', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout and writer.stdout.readline() == b"there\n"
        sweep(tmp_path)
        assert len(names_in(tmp_path)) == 1
        writer.send_signal(signal.SIGKILL)
    (tmp_path / ".bench-notes").write_text("somebody's own")
    with writing_whole(tmp_path / "b") as part:  # the first that this process writes there
        sweep(tmp_path)
        part.write_text("b")
    assert names_in(tmp_path) == [".bench-notes", "b"]


def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from bench.core import torch_file

    with full_disk(1000):
        with pytest.raises(OSError, match="too large"):
            write_whole(tmp_path / "a", bytes(2000))
        with pytest.raises(OSError, match="too large"):
            torch_file.write(tmp_path / "a.pt", {"a": torch.zeros(2000)})
    assert names_in(tmp_path) == []


# Ways of writing a file in place. What they may be used for is named, with the reason.
WRITES = re.compile(
    r"\.write_(?:text|bytes)\(|open\([^)\n]*\"[wax]b?\+?\"|(?<!self)(?<!pillow)(?<!_kept)\.save\(|to_csv\("
)
MAY = {
    "bench/core/whole_file.py": "the one place",
    "bench/core/archive.py": "in a scratch folder",
    "bench/core/torch_file.py": "into memory",
    "bench/metrics/ffmpeg.py": "in a temporary folder",
    "bench/process/namespaces.py": "files of the kernel",
    "bench/process/worker.py": "in a temporary folder",
    "bench/report/notebook_figure.py": "into memory",
    "bench/report/page/originals.py": "into memory",
    "bench/report/page/pictures.py": "into memory",
    "bench/report/plots/files.py": "into memory",
    "bench/report/exports/rows_csv.py": "to the part that writing_whole gave",
    "bench/run/cluster/codec_files.py": "in a worker's folder",
    "bench/run/cluster/local.py": "in a worker's folder",
    "bench/run/cluster/station.py": "in a worker's folder",
    "bench/run/cluster/final_checks.py": "through the store",
    "bench/run/cluster/team.py": "through the store",
    "bench/results/kept_pictures.py": "to the part that writing_whole gave",
    "bench/run/quiet.py": "locks",
    "bench/core/png_rows.py": "into memory, in its example",
    "bench/training/log.py": "appends rows, all of each or nothing",
    "bench/results/store.py": "appends lines, all of each or nothing",
    "codecs/command.py": "in a temporary folder",
    "codecs/pillow.py": "into memory",
    "codecs/program.py": "in a temporary folder",
}


def test_files_are_written_in_one_place() -> None:
    root = Path(bench.__file__).parents[1]
    files = [*(root / "bench").rglob("*.py"), *(root / "codecs").rglob("*.py")]
    writers = {
        str(path.relative_to(root))
        for path in files
        if "bench/codecs" not in str(path) and WRITES.search(path.read_text("utf-8"))
    }
    assert writers <= MAY.keys(), f"use bench.core.whole_file: {writers - MAY.keys()}"
