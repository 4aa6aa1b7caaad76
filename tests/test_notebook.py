"""The notebook among the examples: its cells run, from top to bottom, in an empty folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from places import EXAMPLES

NOTEBOOK = json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))


def test_all_cells_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    cells = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    for number, source in enumerate(cells):
        exec(compile(source, f"cell {number}", "exec"), names)
    assert len(names["rows"]) == 30  # type: ignore[arg-type]
    assert names["value"] == pytest.approx(
        names["comparison"].frame().set_index("metric")["bd_rate"]["psnr"]  # type: ignore[attr-defined]
    )


def test_it_shows_what_the_cells_gave() -> None:
    """Whoever reads the notebook on a page sees tables and a plot."""
    outputs = [cell["outputs"] for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert all(outputs)
    assert any("image/png" in output.get("data", {}) for cell in outputs for output in cell)
