"""The documentation says what the code does: options, command lines and links, in lines that fit a screen."""

from __future__ import annotations

import ast
import operator
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from places import ROOT

import bench
from bench import codecs, datasets, metrics
from bench.check import parse_rules
from bench.cli import app
from bench.compare import published
from bench.core.errors import BenchError
from bench.results import COMMITTED

README = ROOT / "README.md"
DOCS = ROOT / "docs"
COMMANDS = DOCS / "reference/commands.md"
EXPERIMENTS = ROOT / "experiments/README.md"
PAGES = sorted(DOCS.rglob("*.md"))
WRITTEN = [README, EXPERIMENTS, *PAGES]
ALL = WRITTEN + [path for path in [ROOT / "CONTRIBUTING.md"] if path.is_file()]

MOST_COLUMNS, MOST_LINES = 100, 120
OUTPUT = "text"  # language of code blocks that show what a program printed
# Of other programs, which pages speak of.
FOREIGN_OPTIONS = {"--depth", "--n_itr", "--help", "--strict", "--ssimulacra2"}
# Codecs in examples that stand for a reader's own.
READERS_CODECS = {"mine"}
# A word that a reader fills in, as in "git clone <this repository>"; such a command line isn't parsed.
PLACEHOLDER = re.compile(r"<[a-z ]+>")

APP: Any = typer.main.get_command(app)


def identifier(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_page = pytest.mark.parametrize("page", ALL, ids=identifier)
every_written_page = pytest.mark.parametrize("page", WRITTEN, ids=identifier)


@every_written_page
def test_lines_fit_on_a_screen(page: Path) -> None:
    assert [line for line in prose(page.read_text("utf-8")) if too_long(line)] == []


def test_readme_is_short() -> None:
    lines = README.read_text("utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    assert [line for line in lines if len(line) > MOST_COLUMNS] == []


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if broken(page, link)] == []


def test_index_leads_to_every_page() -> None:
    index = DOCS / "index.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    assert [identifier(page) for page in PAGES if page not in linked and page != index] == []


@every_page
def test_command_lines_are_ones_that_bench_takes(page: Path) -> None:
    text = page.read_text("utf-8")
    wrong = {line: reason for line in command_lines(text) if (reason := refused(line))}
    wrong |= {line: reason for line in mentions(text) if (reason := refused(line, whole=False))}
    assert wrong == {}


@every_page
def test_options_are_known(page: Path) -> None:
    known = {name for command in (APP, *APP.commands.values()) for name in options(command)}
    spans = re.findall(r"`([^`\n]+)`", without_blocks(page.read_text("utf-8")))
    spans = [span for span in spans if not span.startswith("python experiments/")]  # scripts have their own
    named = {name for span in spans for name in re.findall(r"(?<![\w-])--[a-z][\w-]*", span)}
    assert named - known - FOREIGN_OPTIONS == set()


@pytest.mark.parametrize("name", ["", *APP.commands])
def test_reference_has_all_options_with_their_defaults(name: str) -> None:
    command = APP.commands[name] if name else APP
    expected = options(command)
    described = described_options(f"bench {name}".strip())
    assert described.keys() == expected.keys()
    assert {option: default for option, default in described.items() if default != expected[option]} == {}


@every_page
def test_python_and_yaml_of_examples_are_well_formed(page: Path) -> None:
    for language, code in blocks(page.read_text("utf-8")):
        if language == "python":
            ast.parse(code)
        elif language == "yaml":
            assert isinstance(yaml.safe_load(code), dict | list)


@every_page
def test_python_uses_names_that_bench_has(page: Path) -> None:
    code = "".join(code for language, code in blocks(page.read_text("utf-8")) if language == "python")
    code = re.sub(r"^from .*$", "", code, flags=re.MULTILINE)
    for names in re.findall(r"\bbench((?:\.[A-Za-z_]\w*)+)", code):
        operator.attrgetter(names.removeprefix("."))(bench)


def test_page_on_python_has_all_settings() -> None:
    rows = table_rows((DOCS / "tasks/python.md").read_text("utf-8"))
    described = {cells[0].strip("`"): ast.literal_eval(cells[1].strip("`")) for cells in rows}
    assert described == {field.name: field.default for field in fields(bench.Settings)}


def test_reference_has_all_codecs_and_their_parameters() -> None:
    text = (DOCS / "reference/codecs.md").read_text("utf-8")
    assert [name for name in codecs.names() if f"`{name}`" not in text] == []
    classes = {name: codecs.get_class(name) for name in codecs.names()}
    zoo = {name for name, codec in classes.items() if codec.__module__.endswith("compressai_zoo")}
    rows = [cells for cells in table_rows(text) if len(cells) == 4]
    described = {(name, cells[1].strip("`")) for cells in rows for name in codecs_of(cells, zoo)}
    assert described == {(name, key) for name, codec in classes.items() for key in codec.parameters}


@pytest.mark.parametrize(("page", "names"), [("datasets", datasets.known()), ("metrics", metrics.names())])
def test_reference_has_all_names(page: str, names: list[str]) -> None:
    text = (DOCS / f"reference/{page}.md").read_text("utf-8")
    assert [name for name in names if f"`{name}`" not in text] == []


def test_bd_rates_on_pages_are_those_of_committed_results() -> None:
    classical = DOCS / "results/classical.md"
    (line,) = (line for line in command_lines(classical.read_text("utf-8")) if "compare ainn jpeg " in line)
    words = shlex.split(line)[2:]
    names = APP.commands["compare"].make_context("compare", words).params["codec"]
    comparison = bench.compare(*names, dataset="kodak", intervals=False, results=COMMITTED)
    rates = {
        name: [f"{delta.bd.bd_rate:+.2f}" for delta in comparison.deltas if delta.codec == name]
        for name in names
    }
    for page, most in ((classical, len(names) - 1), (README, len(names) - 1)):
        rows = {codec_called(cells[0]): cells[1:] for cells in kodak_rows(page)}
        shown = {name: re.findall(r"[+-][0-9.]+(?= %)", " ".join(rows[name]))[:2] for name in rows}
        assert 5 < len(shown) <= most
        assert shown == {name: rates[name] for name in shown}


def test_bd_rates_beside_kodaks_are_those_of_committed_results() -> None:
    text = (DOCS / "results/elsewhere.md").read_text("utf-8")
    (table, *_) = re.findall(r"^\| codec \|[^\n]*\n(?:\|[^\n]*\n)+", text, flags=re.MULTILINE)
    rows = {cells[0]: cells[1:] for cells in table_rows(table)}
    for column, dataset in enumerate(["kodak", "tecnick-folder", "clic2025-valid-folder", "cid22-valid"]):
        shown = {codec: cells[column].partition(" ")[0] for codec, cells in rows.items() if cells[column]}
        compared = bench.compare(
            *shown, "hevc", dataset=dataset, metrics=["psnr"], intervals=False, results=COMMITTED
        )
        assert len(shown) > 5
        assert shown == {delta.codec: f"{delta.bd.bd_rate:+.1f}" for delta in compared.deltas}


def test_points_on_page_of_ainn_are_those_of_committed_results() -> None:
    rows = bench.load_results("kodak", "ainn", results=COMMITTED)
    points = rows.groupby("quality")[["bpp", "psnr", "ms_ssim"]].mean()
    expected = [
        [f"{quality:g}", f"{bpp:.4f}", f"{psnr:.3f}", f"{ms_ssim:.5f}"]
        for quality, bpp, psnr, ms_ssim in points.itertuples()
    ]
    page = (DOCS / "results/ainn.md").read_text("utf-8")
    assert [cells[:4] for cells in table_rows(page) if cells[0].isdigit()] == expected


def test_experiments_are_all_described() -> None:
    text = EXPERIMENTS.read_text("utf-8")
    assert [path.name for path in EXPERIMENTS.parent.glob("*.py") if f"`{path.name}`" not in text] == []


@pytest.mark.parametrize(
    "line",
    [
        "bench frobnicate",
        "bench run --codec jpeg",
        "bench run --codec jpeg --dataset kodak --bogus",
        "bench run --codec jpg --dataset kodak",
        "bench run --codec jpeg:chrom=444 --dataset kodak",
        "bench run --codec jpeg --dataset kodak --jobs two",
        "bench compare ainn published:nobody --dataset kodak",
        "bench check --dataset kodak --fail-on bd-rate:1%",
    ],
)
def test_wrong_command_lines_would_be_found(line: str) -> None:
    assert refused(line)


def test_wrong_links_and_long_lines_would_be_found() -> None:
    assert broken(README, "docs/nothing.md") and broken(README, "docs/index.md#nothing")
    assert not broken(README, "docs/index.md#tasks") and not broken(README, "https://arxiv.org/")
    assert too_long("word " * 21) and not too_long("| word " * 21) and not too_long("a/" * 60)


# Text of pages


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and content of the code blocks of a page."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def prose(text: str) -> list[str]:
    """The lines of a page but for what programs printed."""
    return re.sub(rf"^```{OUTPUT}\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL).splitlines()


def too_long(line: str) -> bool:
    """Whether a line should be broken: tables and words that are long by themselves can't be."""
    longest = max(map(len, line.split()), default=0)
    return len(line) > MOST_COLUMNS and not line.startswith("|") and longest < MOST_COLUMNS - 10


def table_rows(text: str) -> Iterator[list[str]]:
    """The cells of each row below the heading of a table."""
    for table in re.findall(r"^\|[^\n]*\n\| ?-[^\n]*\n((?:\|[^\n]*\n)+)", text, flags=re.MULTILINE):
        for line in table.splitlines():
            yield [cell.strip() for cell in line.strip("|").split("|")]


def kodak_rows(page: Path) -> list[list[str]]:
    """The rows with BD-rates of the first table of a page that has any, but for the anchor's."""
    text = page.read_text("utf-8")
    (table, *_) = re.findall(r"^\| codec [^\n]*PSNR[^\n]*\n(?:\|[^\n]*\n)+", text, flags=re.MULTILINE)
    return [cells for cells in table_rows(table) if cells[0] != "vtm"]


def codec_called(title: str) -> str:
    """The codec that a table for readers calls "**A-INN**" or "WebP (4:2:0)"."""
    plain = title.partition(" (")[0].strip("*").lower()
    return {"a-inn": "ainn"}.get(plain, plain.replace(" ", ""))


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", without_blocks(page.read_text("utf-8")))


def broken(page: Path, link: str) -> bool:
    """Whether a link of a page leads nowhere; links to other sites aren't followed."""
    if re.match(r"[a-z]+:", link):
        return False
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


def anchors(page: Path) -> set[str]:
    """Of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", without_blocks(page.read_text("utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Command lines


def command_lines(text: str) -> list[str]:
    """The command lines of `bench` in code blocks, continued lines in one."""
    lines = []
    for language, code in blocks(text):
        if language != OUTPUT:
            lines += [line.strip() for line in code.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("bench ") and not PLACEHOLDER.search(line)]


def mentions(text: str) -> list[str]:
    """Command lines within sentences, which may leave out what a command requires."""
    return re.findall(r"`(bench [^`\n]+)`", without_blocks(text))


def refused(line: str, whole: bool = True) -> str | None:
    """Why `bench` would not take a command line; None: it would. Nothing is run.

    Args:
        whole: False: options that are required may be missing.
    """
    _, name, *words = shlex.split(line, comments=True)
    if name.startswith("-"):
        return None if name in {*options(APP), "-h", "--help"} else f"bench has no option {name}"
    if name not in APP.commands:
        return f"there is no command {name}"
    if {"-h", "--help"} & set(words):
        return None
    try:
        values = APP.commands[name].make_context(name, words).params
    except Exception as error:  # of click, or of typer's copy of it
        missing = type(error).__name__ == "MissingParameter"
        return None if missing and not whole else str(error) or type(error).__name__
    try:
        for codec in listed(values.get("codec")):
            refuse_unknown(codec)
        parse_rules(values.get("fail_on") or [])
    except BenchError as error:
        return str(error)
    return None


def listed(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def refuse_unknown(spec: str) -> None:
    """Raise BenchError where no codec or curve has that name, or a codec no such parameter."""
    kind, _, rest = spec.partition(":")
    if kind == "hull":
        refuse_unknown(rest)
    elif kind == "published":
        if rest not in published.names():
            raise BenchError(f"no published curve {rest}")
    elif kind not in READERS_CODECS | {"file", "...", "NAME"} and not kind.endswith(".yaml"):
        parameters = codecs.get_class(kind).parameters
        for given in rest.split(",") if rest else ():
            if given.partition("=")[0] not in parameters:
                raise BenchError(f"{kind} has no parameter {given}")


# Options


def options(command: Any) -> dict[str, str]:
    """Defaults by option of a command, as the reference has them: required, on, off, - or the value."""
    found = {}
    for parameter in command.params:
        if parameter.param_type_name == "option" and "--help" not in parameter.opts:
            found |= dict.fromkeys([*parameter.opts, *parameter.secondary_opts], default_of(parameter))
    return found


def default_of(option: Any) -> str:
    if option.required:
        return "required"
    if option.is_flag:
        return "on" if option.default is True else "off"
    return "-" if option.default is None else str(option.default)


def described_options(heading: str) -> dict[str, str]:
    """The same of the reference, below a heading."""
    sections = re.split(r"^## ", COMMANDS.read_text("utf-8"), flags=re.MULTILINE)
    (section,) = (text for text in sections if text.splitlines()[0] == heading)
    found = {}
    for first, default, *_ in table_rows(section):
        names = re.findall(r"`(--[\w-]+)`", first)
        if names and default:
            found |= dict.fromkeys(names, default)
    return found


def codecs_of(cells: list[str], zoo: set[str]) -> set[str]:
    """The codecs that a row of parameters is about."""
    return zoo if cells[0] == "models of the zoo" else set(re.findall("`(.*?)`", cells[0]))
