"""The GitHub Action: every step of action.yml that has a script, run as GitHub's runner would run it."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import ROOT
from shell import bench, without_data
from source_tree import copy_source
from tiny import photo, save_photos

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
QUALITIES = ("20", "40", "60", "80")

# A codec as a repository has one: a program, and a YAML file that says how to call it.
CODEC = f"""\
encode: "{sys.executable} {{folder}}/mine.py encode {{input}} {{output}} {{quality}}"
decode: "{sys.executable} {{folder}}/mine.py decode {{input}} {{output}}"
qualities: [{", ".join(QUALITIES)}]
quality_range: [1, 95]
version: "{sys.executable} {{folder}}/mine.py version"
"""
PROGRAM = """\
import sys
from PIL import Image

WASTE = {waste}  # bytes behind each bitstream

match sys.argv[1:]:
    case ["version"]:
        print("mine", WASTE)
    case ["encode", source, target, quality]:
        Image.open(source).save(target, "jpeg", quality=int(quality))
        open(target, "ab").write(bytes(WASTE))
    case ["decode", source, target]:
        Image.open(source).save(target, "png")
"""


@dataclass
class Job:
    """A job on a runner: its temporary folder, the repository that it checked out, and what steps put out."""

    temp: Path
    repository: Path
    outputs: dict[str, str] = field(default_factory=dict)

    def run(self, step: Mapping[str, Any], inputs: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """One step, in GitHub's way: expressions are put into its environment, and bash runs the file."""
        assert step["shell"] == "bash"
        script, put_out = self.temp / "step.sh", self.temp / "put_out"
        script.write_text(step["run"])
        put_out.write_text("")
        environment = {name: self.filled(text, inputs) for name, text in step["env"].items()}
        # No index: what is pinned is installed already.
        pip = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
        runner = {"RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(put_out), "GITHUB_ACTIONS": "true"}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.repository,
            env=without_data() | pip | runner | environment,
            capture_output=True,
            text=True,
        )
        lines = (line.partition("=") for line in put_out.read_text().splitlines())
        self.outputs |= {f"steps.{step.get('id')}.outputs.{name}": value for name, _, value in lines}
        return done

    def filled(self, text: str, inputs: dict[str, str]) -> str:
        """A text of action.yml with its expressions replaced."""
        values = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()} | inputs
        context = {f"inputs.{name}": value for name, value in values.items()}
        context |= {"runner.temp": str(self.temp), "github.action_path": str(self.temp / "source")}
        context |= {"steps.python.outputs.python-path": sys.executable} | self.outputs
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: context[match[1]], text)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's temporary folder after the action's own installation."""
    job = Job(tmp_path_factory.mktemp("runner"), tmp_path_factory.mktemp("empty"))
    (job.temp / "source").mkdir()
    copy_source(job.temp / "source")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", job.temp / "codec-bench"], check=True)
    # What is pinned lies in this environment, so nothing is downloaded. It comes before the venv's own.
    (library,) = (job.temp / "codec-bench/lib").glob("python*/site-packages")
    pinned = sysconfig.get_path("purelib")
    (library / "pinned.pth").write_text(f"import sys; sys.path.insert(0, {pinned!r})\n")
    done = job.run(step("Install codec-bench"), {"codec": "mine.yaml"})
    assert done.returncode == 0, done.stderr
    assert (library / "bench/codecs/ainn/compact.pt").is_file()
    return job.temp


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's repository: a codec, two pictures, and the baseline that they committed."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "tests/pictures").mkdir(parents=True)
    save_photos(folder / "tests/pictures", (photo(64, 80, 1), photo(72, 64, 2)))
    (folder / "mine.yaml").write_text(CODEC)
    write_program(folder, waste=0)
    names = ("--codec", folder / "mine.yaml", "--dataset", folder / "tests/pictures")
    results = ("--results", folder / "first")
    assert bench("run", *names, *results, "--metric", "psnr").returncode == 0
    baseline = ("--baseline", folder / "results/baseline")
    assert bench("check", "--update", *names, *results, *baseline).returncode == 0
    return folder


def write_program(folder: Path, waste: int) -> None:
    (folder / "mine.py").write_text(PROGRAM.format(waste=waste))


def step(name: str) -> dict[str, Any]:
    return next(step for step in STEPS if step.get("name") == name)


GATE = {
    "codec": "./mine.yaml",
    "dataset": "tests/pictures",
    "metric": "psnr",
    "fail-on": "bd-rate:psnr:1%\nbpp:2%",
}


def test_a_codec_as_good_as_its_baseline_passes(installed: Path, repository: Path) -> None:
    write_program(repository, waste=0)
    job = Job(installed, repository)
    measured = job.run(step("Measure"), GATE)
    assert measured.returncode == 0 and "8 measured" in measured.stderr, measured
    checked = job.run(step("Check"), GATE)
    assert checked.returncode == 0 and "::notice" in checked.stdout, checked


def test_a_codec_that_wastes_bytes_fails_and_the_report_says_by_which_rule(
    installed: Path, repository: Path
) -> None:
    write_program(repository, waste=100)
    job = Job(installed, repository)
    assert job.run(step("Measure"), GATE).returncode == 0
    checked = job.run(step("Check"), GATE)
    assert checked.returncode == 1 and "::error" in checked.stdout, checked
    report = ElementTree.parse(Path(job.outputs["steps.measure.outputs.results"]) / "junit.xml")
    failed = [case.get("name") for case in report.iter("testcase") if case.find("failure") is not None]
    assert failed == ["bd-rate:psnr:1%", "bpp:2%"]


def test_qualities_images_and_a_data_folder_reach_the_run(installed: Path, repository: Path) -> None:
    job = Job(installed, repository)
    inputs = GATE | {"codec": "jpeg webp", "quality": "30\n60", "images": "1", "data": "tests"}
    measured = job.run(step("Measure"), inputs)
    assert measured.returncode == 0, measured
    assert measured.stderr.count("2 measured") == 2
    checked = job.run(step("Check"), inputs)
    assert checked.returncode == 2 and "no baseline of jpeg" in checked.stdout, checked


@pytest.mark.parametrize("name", ["codec", "dataset", "fail-on", "quality", "baseline", "install", "images"])
def test_no_input_is_run_as_a_command(installed: Path, repository: Path, name: str) -> None:
    job = Job(installed, repository)
    job.outputs["steps.measure.outputs.results"] = str(repository / "first")
    hostile = GATE | {name: "$(touch\tcaught) `touch caught`; touch caught\n'; touch caught; \"* --none-such"}
    readers = [step for step in STEPS if f"inputs.{name} " in str(step.get("env"))]
    assert readers
    for reader in readers:
        done = job.run(reader, hostile)
        assert done.returncode != 0, done
    assert not (repository / "caught").exists()


def test_inputs_are_declared_used_and_never_the_text_of_a_script() -> None:
    scripts = [step["run"] for step in STEPS if "run" in step]
    assert len(scripts) == 3 and not any("${{" in script for script in scripts)
    used = set(re.findall(r"inputs\.([\w-]+)", str(STEPS)))
    assert used == set(ACTION["inputs"])
    assert all(entry.get("required") or "default" in entry for entry in ACTION["inputs"].values())


def test_the_page_shows_inputs_that_the_action_has() -> None:
    page = (ROOT / "docs/tasks/github-action.md").read_text()
    examples = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    uses = [
        step for example in examples for step in steps_of(example) if "codec-bench" in step.get("uses", "")
    ]
    assert len(uses) == len(examples) == 2
    assert all({"codec"} <= set(step["with"]) <= set(ACTION["inputs"]) for step in uses)
    named = set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE))
    assert named == set(ACTION["inputs"])


def steps_of(example: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a whole workflow, or of a part of a job."""
    jobs = example["jobs"].values() if "jobs" in example else [example]
    return [step for job in jobs for step in job["steps"]]
