"""Locks: who holds one keeps others out, and a filesystem that has none is an error with a way out."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
from made_up import row

from bench.core.errors import BenchError
from bench.core.locks import lock
from bench.process.folders import Folder
from bench.results import Store
from bench.run.quiet import presence


def test_a_lock_keeps_others_out_until_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as one, path.open("w") as other:
        assert lock(one, path, "") and not lock(other, path, "") and not lock(other, path, "", shared=True)
    with path.open("w") as one, path.open("w") as other:
        assert lock(one, path, "", shared=True) and lock(other, path, "", shared=True)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_filesystem_that_refuses_locks_is_an_error_with_a_way_out(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Any, kind: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(BenchError, match=r"refuses locks .*; .*give --results"):
        Store(tmp_path).append(row("a", "a", 1))
    assert [path for path in tmp_path.rglob("*.jsonl") if path.stat().st_size] == []
    with pytest.raises(BenchError, match=r"refuses locks .*; .*set TMPDIR"), presence(jobs=1):
        pass
    with pytest.raises(BenchError, match=r"refuses locks .*; .*set TMPDIR"):
        Folder()
