"""Parts of a cluster without one: addresses, files that travel, a worker's work, and many losses."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from PIL import Image as Pillow
from shell import assert_one_sentence, bench
from tiny import photo

from bench import codecs, datasets
from bench.core.errors import BenchError
from bench.datasets import Dataset
from bench.results import Failure, Row, Store, crosschecks
from bench.results.targets import parse_targets
from bench.run.cluster import station
from bench.run.cluster.address import parse
from bench.run.cluster.codec_files import pack, unpack
from bench.run.measurer import Cell, Sample
from bench.run.runner import Group, Run
from bench.run.settings import Settings
from bench.run.target_run import TargetRun

YAML = """
qualities: [1]
version: cp --version
encode: cp {input} {output}
decode: cp {input} {output}
"""


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(6):
        Pillow.fromarray(photo(48, 64, seed)).save(folder / f"{seed}.png")
    return datasets.load(str(folder))


# Addresses


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("local:4", True), ("slurm:8", True), ("tcp://127.0.0.1:8786", True), ("tcp://localhost:8786", True),
        ("tls://node7:8786", True), ("tcp://node7:8786", False), ("tcp://127.0.0.1.evil.org:8786", False),
        ("tcp://0.0.0.0:8786", False),
    ],
)  # fmt: skip
def test_only_what_stays_here_or_is_encrypted_is_safe(text: str, safe: bool) -> None:
    assert parse(text).safe is safe


@pytest.mark.parametrize(
    "text", ["", "local", "local:0", "local:-1", "host:8786", "tcp://host", "pbs:3", "x.json"]
)
def test_what_is_no_cluster_is_one_sentence(text: str) -> None:
    with pytest.raises(BenchError, match=r"--cluster is|a scheduler is at|can't read"):
        parse(text)


def test_a_worker_opens_no_door_to_a_network_unasked() -> None:
    pytest.importorskip("distributed")
    assert_one_sentence(bench("worker", "tcp://192.0.2.1:8786"), "neither local nor encrypted", "--insecure")


def test_jobs_are_for_one_machine(dataset: Dataset, tmp_path: Path) -> None:
    folder = dataset.images[0].path.parent
    done = bench("run", "--codec", "jpeg", "--dataset", folder, "--jobs", 2, "--cluster", "local:2")
    assert_one_sentence(done, "--jobs is for this machine alone")


# Files that travel


def test_files_that_a_codec_names_come_along_and_it_is_the_same_codec(tmp_path: Path) -> None:
    mine = tmp_path / "client" / "mine.yaml"
    mine.parent.mkdir()
    mine.write_text(YAML)
    packed = pack(str(mine))
    assert unpack(packed, tmp_path / "worker") == str(mine)  # where it is there, nothing is copied
    before = codecs.get(str(mine)).version()
    mine.unlink()
    there = unpack(packed, tmp_path / "worker")
    assert there.startswith(str(tmp_path / "worker")) and codecs.get(there).version() == before
    assert unpack(packed.without_contents(), tmp_path / "worker") == there


def test_a_file_of_the_same_path_with_other_content_is_not_taken_for_it(
    tmp_path: Path, tiny_weights: Path
) -> None:
    weights = tmp_path / "tiny.pt"
    weights.write_bytes(tiny_weights.read_bytes())
    packed = pack(f"ainn:weights={weights}")
    version = codecs.get(f"ainn:weights={weights}").version()
    weights.write_bytes(b"another file")
    there = codecs.get(unpack(packed, tmp_path / "worker"))
    assert there.version() == version and there.name == "ainn:weights=tiny.pt"


# A worker's work, in this process


def test_a_worker_without_the_pictures_measures_what_a_local_run_does(
    dataset: Dataset, tmp_path: Path
) -> None:
    store = Store(tmp_path / "results")
    run = Run("jpeg", dataset, store, (30, 80), ("psnr",), Settings(keep=True))
    list(run.execute())
    expected = {row.cell: row for row in run.outcome.rows}
    contents = {image.sha256: image.path.read_bytes() for image in dataset.images}
    for image in dataset.images:
        image.path.unlink()
    results, settings = tmp_path / "elsewhere", Settings(keep=True)
    job = station.Job("run", pack("jpeg"), run.dataset, ("psnr",), settings, results, ("client", 1))
    lease, missing = station.begin(job)
    try:
        assert sorted(missing) == sorted(contents)
        for cell in [Cell(image, quality) for image in dataset.images for quality in (30, 80)]:
            sha256 = cell.image.sha256
            measured = station.measure("run", cell, contents[sha256] if sha256 in missing else None)
            missing = [other for other in missing if other != sha256]
            row = measured.record
            assert isinstance(row, Row) and measured.setup is not None and measured.kept is not None
            local = expected[row.cell]
            assert row.setup == measured.setup.id and len(measured.setup.machine["node"]) == 12
            assert row.bitstream_sha256 == local.bitstream_sha256
            assert row.decoded_sha256 == local.decoded_sha256 and row.metrics == local.metrics
            assert len(measured.kept.stream) == row.bytes
            if measured.sample is not None:
                sample = measured.sample
        assert station.decode_afresh("run", sample.bitstream) == sample.picture
        assert station.check_canaries("run") == []
        assert not results.exists()  # only the client writes results
    finally:
        station.end_all()
        del lease
    with pytest.raises(station.NoStation):
        station.measure("run", Cell(dataset.images[0], 30), None)


def test_a_lease_that_is_gone_ends_the_processes(dataset: Dataset, tmp_path: Path) -> None:
    job = station.Job("other", pack("jpeg"), dataset, ("psnr",), Settings(), tmp_path, ("client", 1))
    before = set(psutil.Process().children())
    lease, _ = station.begin(job)
    try:
        station.measure("other", Cell(dataset.images[0], 30), None)
        started = set(psutil.Process().children()) - before
        assert len(started) == 3  # guards of encoder, decoder and scorer
        del lease
        _, left = psutil.wait_procs(started, timeout=20)
        assert left == []
    finally:
        station.end_all()


# Losses


class Workers:
    """Stands for `Calls`: workers that answer in any order, die at random, and are replaced."""

    def __init__(self, seed: int, dying: float) -> None:
        self.random, self.dying = random.Random(seed), dying
        self.alive = [f"tcp://worker:{number}" for number in range(4)]
        self.born = len(self.alive)
        self.open: list[tuple[str, Any, Callable[..., Any], tuple[Any, ...]]] = []
        self.measured: list[Cell] = []
        self.by_address: list[tuple[str, Cell]] = []
        self.elsewhere: bytes | str = PICTURE  # what comes of a bitstream at another worker
        self.void: list[station.Measured] = []  # what canaries say

    @property
    def used(self) -> set[str]:
        return {address for address, _ in self.by_address}

    def hold(self, address: str, function: Callable[..., Any], *arguments: Any) -> Any:
        return self

    def release(self) -> None:
        pass

    def put(self, address: str, about: Any, function: Callable[..., Any], *arguments: Any) -> None:
        waiting = sum(other == address and isinstance(cell, Cell) for other, cell, *_ in self.open)
        assert waiting < 2, "one cell, and one that waits"
        self.open.append((address, about, function, arguments))

    @property
    def busy(self) -> bool:
        return bool(self.open)

    def present(self) -> tuple[str, ...]:
        return tuple(self.alive)

    def next(self, longest: float | None = None) -> Any:
        from bench.run.cluster.calls import Answer, WorkerLost

        if not self.open:
            return None
        chosen = self.random.choice(self.open)[0]
        place = next(place for place, (address, *_) in enumerate(self.open) if address == chosen)
        address, about, function, arguments = self.open.pop(place)
        if address not in self.alive or self.random.random() < self.dying:
            if address in self.alive:
                self.alive.remove(address)
                self.alive.append(f"tcp://worker:{self.born}")
                self.born += 1
            return Answer(address, about, None, WorkerLost())
        if isinstance(about, Cell):
            self.by_address.append((address, about))
        return Answer(address, about, self.value(function, arguments), None)

    def value(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if function is station.describe:
            return DESCRIPTION
        if function is station.measure:
            cell = arguments[1]
            self.measured.append(cell)
            return station.Measured(made_up_row(cell), None, sample=Sample(cell, b"stream", PICTURE))
        if function is station.check_canaries:
            return self.void
        if function is station.decode_afresh:
            return self.elsewhere
        return []

    def all(self) -> list[Any]:
        return [self.next() for _ in range(len(self.open))]

    def forget(self, address: str | None = None) -> None:
        self.open = [call for call in self.open if address not in (None, call[0])]


PICTURE = bytes(range(48))
DESCRIPTION = station.Description("node", "0", True, None, "jpeg", "1", (10, 50, 90))


def made_up_row(cell: Cell) -> Row:
    return Row(
        "pictures", cell.image.name, cell.image.sha256, 64, 48, "jpeg", "1", cell.quality, 100,
        cell.quality / 50, {"psnr": 30.0}, 0.1, 0.1,
    )  # fmt: skip


def team_of(workers: Workers, run: Run, described: dict[str, station.Description]) -> Any:
    pytest.importorskip("distributed")
    from bench.run.cluster.team import Team

    said: list[str] = []
    machines: Any = SimpleNamespace(
        client=None, patience_s=1.0, say=said.append, said=said, keep_up=lambda: None
    )
    codec: Any = SimpleNamespace(carried=pack("jpeg"), objection=lambda _: None, described=described)
    team = Team(machines, codec, run)
    team._calls = team._checks._calls = workers  # type: ignore[assignment]
    return team


@pytest.mark.parametrize("dying", [0.0, 0.2, 0.7])
def test_whoever_dies_each_cell_has_one_record(dataset: Dataset, tmp_path: Path, dying: float) -> None:
    run = Run("jpeg", dataset, Store(tmp_path / "results"), (10, 50, 90), ("psnr",))
    failed = 0
    for seed in range(20):
        workers = Workers(seed, dying)
        team = team_of(workers, run, dict.fromkeys(workers.alive, DESCRIPTION))
        records = {cell: record for cell, record, _ in team.measure([Group(run.cells)])}
        assert records.keys() == set(run.cells)
        assert len(set(workers.measured)) == len(workers.measured)  # what came back isn't measured again
        failures = [record for record in records.values() if isinstance(record, Failure)]
        assert all("3 workers were lost" in failure.reason for failure in failures)
        failed += len(failures)
    if dying != 0.2:  # at 0.2 chance decides
        assert (failed > 0) == (dying == 0.7)


@pytest.mark.parametrize("dying", [0.0, 0.2])
def test_workers_search_for_targets_as_one_machine_does(
    dataset: Dataset, tmp_path: Path, dying: float
) -> None:
    """Rates that a quality gives are made up: the search must end at the quality that gives the target."""
    for seed in range(10):
        targets = parse_targets(["0.5", "1.3"])
        run = TargetRun("jpeg", dataset, Store(tmp_path / f"results-{seed}"), targets, ("psnr",))
        workers = Workers(seed, dying)
        team = team_of(workers, run, dict.fromkeys(workers.alive, DESCRIPTION))
        records = [record for _, record, _ in team.measure(run._groups())]
        assert len(records) == len({record.cell for record in records}) < len(dataset.images) * 20
        qualities = [match.row.quality if match.row else None for match in run.matches]
        lost = any(isinstance(record, Failure) for record in records)
        assert lost or qualities == [25] * len(dataset.images) + [65] * len(dataset.images)
        assert not (lost and dying == 0)


def test_timing_has_one_worker_a_machine(dataset: Dataset, tmp_path: Path) -> None:
    settings = Settings(timing=True)
    run = Run("jpeg", dataset, Store(tmp_path / "results"), (10, 50), ("psnr",), settings)
    workers = Workers(0, dying=0.0)
    nodes = ("a", "b", "a", "a")
    described = {
        address: DESCRIPTION._replace(node=node) for address, node in zip(workers.alive, nodes, strict=True)
    }
    team = team_of(workers, run, described)
    assert len(list(team.measure([Group(run.cells)]))) == len(run.cells)
    assert workers.used == set(workers.alive[:2])
    assert [text for text in team._machines.said if "one worker on a machine" in text] != []


def test_a_worker_begins_nothing_that_it_would_not_finish(dataset: Dataset, tmp_path: Path) -> None:
    run = Run("jpeg", dataset, Store(tmp_path / "results"), (10, 50), ("psnr",))
    run.outcome.rows.append(replace(made_up_row(Cell(dataset.images[0], 50)), encode_s=70.0))
    workers = Workers(0, dying=0.0)
    short = workers.alive[0]
    described = dict.fromkeys(workers.alive, DESCRIPTION) | {short: DESCRIPTION._replace(seconds_left=60.0)}
    team = team_of(workers, run, described)
    assert len(list(team.measure([Group(run.cells)]))) == len(run.cells)
    assert {cell.quality for address, cell in workers.by_address if address == short} == {10}
    workers = Workers(0, dying=0.0)
    workers.alive = [short]
    team = team_of(workers, run, {short: described[short]})
    with pytest.raises(BenchError, match="the workers end before any cell that is left would"):
        list(team.measure([Group(run.cells)]))


@pytest.mark.parametrize(
    ("elsewhere", "verdict"),
    [(PICTURE, "bit for bit"), (bytes(reversed(PICTURE * 5))[:48], "derailed"), ("it died", "derailed")],
    ids=["same", "noise", "error"],
)
def test_spot_checks_go_to_another_worker_and_are_kept(
    dataset: Dataset, tmp_path: Path, elsewhere: bytes | str, verdict: str
) -> None:
    run = Run("jpeg", dataset, Store(tmp_path / "results"), (10, 50), ("psnr",))
    workers = Workers(0, dying=0.0)
    workers.elsewhere = elsewhere
    described = {address: DESCRIPTION._replace(node=address[-1]) for address in workers.alive}
    team = team_of(workers, run, described)
    list(team.measure([Group(run.cells)]))
    checks = crosschecks.load(run.store, run.dataset.name, "jpeg", run.version)
    assert checks != [] and {str(check.verdict) for check in checks} == {verdict}
    assert all(check.written_by not in check.read_by for check in checks)
    assert any("decodes elsewhere" in text for text in team._machines.said) == (verdict == "derailed")


def test_bitstreams_of_a_lost_worker_are_decoded_by_another(dataset: Dataset, tmp_path: Path) -> None:
    run = Run("jpeg", dataset, Store(tmp_path / "results"), (10, 50), ("psnr",))
    workers = Workers(0, dying=0.0)
    described = {address: DESCRIPTION._replace(node=address[-1]) for address in workers.alive}
    team = team_of(workers, run, described)
    measured = team.measure([Group(run.cells)])
    for _ in run.cells:  # all are measured, and no check is made yet
        next(measured)
    for lost in workers.alive[1:]:
        team._dismiss(lost)
    assert list(measured) == []
    checks = crosschecks.load(run.store, run.dataset.name, "jpeg", run.version)
    assert {check.written_by for check in checks} == {"node 1", "node 2", "node 3"}
    assert {check.read_by for check in checks} == {"another worker, node 0"}


def test_canaries_that_void_a_codec_void_the_cells_of_lost_workers(dataset: Dataset, tmp_path: Path) -> None:
    run = Run("jpeg", dataset, Store(tmp_path / "results"), (10, 50), ("psnr",))
    workers = Workers(0, dying=0.0)
    team = team_of(workers, run, dict.fromkeys(workers.alive, DESCRIPTION))
    measured = team.measure([Group(run.cells)])
    for _ in run.cells:
        next(measured)
    stays, *lost = workers.alive
    for address in lost:
        team._dismiss(address)
    cells = {address: [cell for by, cell in workers.by_address if by == address] for address in workers.used}
    failure = replace(team._failure(cells[stays][0], "it knows the pictures"), voids=True)
    workers.void = [station.Measured(failure, None)]
    records = {cell: record for cell, record, _ in measured}
    assert records.keys() == {cells[stays][0]} | {cell for address in lost for cell in cells[address]}
    assert all(isinstance(record, Failure) and record.voids for record in records.values())
    assert all(record.quality == cell.quality for cell, record in records.items())
