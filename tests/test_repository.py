"""Files around the code agree with the code: versions, names of files, the workflow, the changelog."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from places import ROOT

import bench
from bench.results import COMMITTED

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PINS = dict(re.findall(r"^([\w-]+)==(.*)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))


def test_one_version_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    versions = re.findall(r"^## \[(\d.*?)\]", CHANGELOG, re.MULTILINE)
    action = set(re.findall(r"codec-bench@v(\S+)", (ROOT / "docs/tasks/github-action.md").read_text()))
    assert citation["version"] == versions[0] == bench.__version__
    assert action == {bench.__version__}


def test_the_changelog_names_modules_that_are_there() -> None:
    renamed = re.findall(r"^\| `(bench\.[\w.]+)`.*? \| (.*) \|$", CHANGELOG, re.MULTILINE)
    assert len(renamed) > 25
    modules = [name for _, now in renamed for name in re.findall(r"`(bench\.[\w.]+)`", now)]
    assert [name for name in modules if find_spec(name) is None] == []


def test_every_folder_of_the_package_stands_in_contributing() -> None:
    packages = [path.parent.name for path in (ROOT / "bench").glob("*/__init__.py")]
    expected = [f"`bench/{name}/`" for name in packages if name != "codecs"]
    assert [name for name in expected if name not in CONTRIBUTING] == []


def test_contributing_names_files_that_are_there() -> None:
    folders = "bench|codecs|examples|experiments|results|tests|docs"
    named = re.findall(rf"`((?:{folders})/[\w./-]*)`", CONTRIBUTING)
    assert len(named) > 30
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_supported_pythons_are_tested_and_declared() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    job = workflow["jobs"]["ci"]
    assert any(step.get("run") == ".ci/run" for step in job["steps"])
    declared = [
        text.rpartition(" ")[2] for text in PYPROJECT["project"]["classifiers"] if ":: Python :: 3." in text
    ]
    supported = re.search(r"^SUPPORTED = \((.*?)\)  #", (ROOT / "tasks.py").read_text(), re.MULTILINE)
    assert supported is not None
    in_tasks = [".".join(pair) for pair in re.findall(r"\((\d), (\d+)\)", supported[1])]
    assert job["strategy"]["matrix"]["python"] == declared == in_tasks


def test_hooks_run_tools_that_are_pinned() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    tools = [hook["entry"].split()[0] for hook in repository["hooks"]]
    assert set(tools) == {".venv/bin/ruff", ".venv/bin/mypy"}
    assert all(Path(tool).name in PINS for tool in tools)


def test_everything_that_an_install_needs_is_pinned() -> None:
    groups = PYPROJECT["project"]["optional-dependencies"]
    extras = [name for group, listed in groups.items() if group != "cvvdp" for name in listed]  # not set up
    names = [re.split(r"[>=<,]", text)[0] for text in PYPROJECT["project"]["dependencies"] + extras]
    pinned = {name.lower() for name in PINS}
    assert [name for name in names if name.lower() not in pinned] == []


@pytest.mark.parametrize("name", ["bug", "addition"])
def test_templates_of_issues_ask_for_something(name: str) -> None:
    template = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{name}.yml").read_text())
    assert template["name"] and template["description"]
    kinds = {"textarea", "checkboxes", "input", "dropdown", "markdown"}
    assert all(field["type"] in kinds and field["attributes"] for field in template["body"])
    assert any(field.get("validations", {}).get("required") for field in template["body"])


def test_plots_that_are_committed_are_shown_by_a_page() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "results/compare"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    if not listed:
        pytest.skip("not a checkout")
    assert {Path(name).suffix for name in listed} == {".md", ".png"}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    texts = "\n".join(page.read_text() for page in pages)
    assert [name for name in listed if name.endswith(".png") and name not in texts] == []


def test_which_folder_results_are_of_is_never_committed() -> None:
    """It says something of the machine, and another's folder of that name would count as a second one."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    for folder in (path for path in COMMITTED.glob("*-folder") if path.is_dir()):
        ignored = ["git", "check-ignore", "--quiet", str(folder / ".place")]
        assert subprocess.run(ignored, cwd=ROOT).returncode == 0, folder
