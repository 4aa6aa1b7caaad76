"""Threads of OpenMP wait asleep wherever PyTorch runs here: asked of OpenMP's library itself.

Codecs run in workers, whose environment `tests/process/test_worker.py` looks at.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

AINN = "import bench.codecs; bench.codecs.get('ainn'); import torch"
ZOO = "import bench.codecs; bench.codecs.get('mbt2018-mean'); import torch"


def spins(*command: str, **environment: str) -> int:
    """How often a waiting thread looks before it sleeps, as GNU's OpenMP prints when torch is imported."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    shown = {"OMP_DISPLAY_ENV": "VERBOSE"}
    done = subprocess.run(command, env=inherited | shown | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counts = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    if not counts:
        pytest.skip("this build of torch has an OpenMP that doesn't show how it waits")
    return int(counts[0])


@pytest.mark.parametrize("code", [AINN, ZOO, "import bench.training.trainer"])
def test_threads_wait_asleep(code: str) -> None:
    assert spins(sys.executable, "-c", code) == 0


def test_without_asking_they_spin() -> None:
    assert spins(sys.executable, "-c", "import torch") > 0


def test_the_setting_of_a_user_stays() -> None:
    assert spins(sys.executable, "-c", AINN, OMP_WAIT_POLICY="ACTIVE") > 0
