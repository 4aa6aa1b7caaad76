"""Folders that tests read from."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests/support"
DATA = ROOT / "tests/data"
EXAMPLES = ROOT / "examples"
