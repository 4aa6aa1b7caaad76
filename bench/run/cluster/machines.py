"""Workers that a run can use: found at a scheduler, or started here or by Slurm."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import bench
from bench.core.errors import BenchError
from bench.core.words import first_few
from bench.run.cluster import station
from bench.run.cluster.address import Address, Kind, parse
from bench.run.cluster.codec_files import CarriedCodec, pack
from bench.run.cluster.station import Description

if TYPE_CHECKING:
    from distributed import Client

    from bench.run.cluster.local import LocalWorkers
    from bench.run.cluster.team import Team
    from bench.run.runner import Run

# Of Dask. What users set themselves stays.
SETTINGS = {
    "distributed": {
        "scheduler": {
            "allowed-failures": 0,  # we give a cell out again, and know how often its workers died
            "worker-ttl": "60s",
            "work-stealing": False,
            "http": {"routes": []},
            "active-memory-manager": {"start": False},
        },
        "worker": {
            "http": {"routes": []},
            "profile": {"enabled": False},  # takes time from what is measured
        },
        "admin": {"large-graph-warning-threshold": "1GB"},  # pictures travel with their first cell
    }
}
_FIRST_WORKER_S = 60.0  # to wait for the first worker of a scheduler that somebody else started


class Machines:
    """Workers of one scheduler.

    Args:
        local: those that were started here.
        patience_s: seconds without any worker, after which a run ends.
        say: prints a remark.
    """

    def __init__(
        self,
        client: Client,
        local: LocalWorkers | None,
        patience_s: float,
        say: Callable[[str], None],
    ) -> None:
        self.client, self.patience_s, self.say = client, patience_s, say
        self._local = local
        self._codecs: dict[str, RemoteCodec] = {}

    def codec(self, spec: str, metrics: Sequence[str]) -> RemoteCodec:
        """A codec as the workers have it.

        Raises:
            BenchError: it can't run on one of them, or they have two versions.
        """
        self._codecs[spec] = RemoteCodec(self, spec, metrics)
        return self._codecs[spec]

    @contextmanager
    def team(self, run: Run) -> Iterator[Team]:
        """The workers, at work for a run."""
        from bench.run.cluster.team import Team

        team = Team(self, self._codecs[run.spec], run)
        try:
            yield team
        finally:
            team.stop()

    def keep_up(self) -> None:
        """Start local workers again that died."""
        if self._local is not None:
            self._local.keep_up()


class RemoteCodec:
    """A codec on workers: what a run asks of a `Codec` before it measures."""

    def __init__(self, machines: Machines, spec: str, metrics: Sequence[str]) -> None:
        from bench.run.cluster.calls import Calls

        packed = pack(spec)
        self.carried: CarriedCodec = packed.without_contents()
        self._calls = Calls(machines.client)
        self.described: dict[str, Description] = {}
        for address in self._calls.present():
            self._calls.put(address, "describe", station.describe, packed, metrics)
        lost = []
        for answer in self._calls.all():
            if answer.error is None:
                self.described[answer.address] = answer.value
            else:
                lost.append(f"{answer.address} ({type(answer.error).__name__}: {answer.error})")
        if not self.described:
            raise BenchError(f"no worker answers; {first_few(lost)} did not")
        for address, description in self.described.items():
            if reason := _unfit(description):
                raise BenchError(f"{address}: {reason}")
        self._refuse_two_versions(spec)
        first = next(iter(self.described.values()))
        self.name, self.qualities, self.slow = first.name, first.qualities, first.slow
        self.quality_range, self.whole_qualities = first.quality_range, first.whole_qualities

    def version(self) -> str:
        return next(iter(self.described.values())).version

    def check_quality(self, quality: float) -> float:
        (address, *_) = self.described
        checked: list[float] = self._ask([address], station.check_qualities, [quality])
        return checked[0]

    def prepare(self, qualities: Sequence[float]) -> None:
        """Fetch weights and the like, once on each machine."""
        first_of_node = {described.node: address for address, described in self.described.items()}
        self._ask(list(first_of_node.values()), station.prepare, qualities)

    def objection(self, description: Description) -> str | None:
        """Why a worker that came later can't take part; None: it can."""
        if reason := _unfit(description):
            return reason
        if description.version != self.version():
            return f"its {self.name} is another version ({description.version})"
        return None

    def _ask(self, addresses: Sequence[str], function: Callable[..., object], *arguments: object) -> Any:
        """Call a function on workers, and give one of the values."""
        value = None
        for address in addresses:
            self._calls.put(address, "ask", function, self.carried, *arguments)
        for answer in self._calls.all():
            if isinstance(answer.error, BenchError):
                raise answer.error
            if answer.error is not None:
                raise BenchError(f"{answer.address} doesn't answer ({answer.error})") from answer.error
            value = answer.value
        return value

    def _refuse_two_versions(self, spec: str) -> None:
        by_version: dict[str, list[str]] = {}
        for address, description in self.described.items():
            by_version.setdefault(description.version, []).append(address)
        if len(by_version) > 1:
            parts = [f"{version} on {first_few(where)}" for version, where in by_version.items()]
            raise BenchError(
                f"{spec} has {len(parts)} versions among the workers: {'; '.join(parts)}; "
                "figures of two versions don't mix: install one, or end some of the workers"
            )


def set_up_dask(who: str) -> None:
    """Import Dask, with the settings that measuring needs and without its log.

    Args:
        who: needs Dask, as the error says it: "--cluster".

    Raises:
        BenchError: Dask isn't installed.
    """
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError:
        raise BenchError(
            f"{who} needs Dask, which isn't installed; install it with: pip install 'codec-bench[cluster]'"
        ) from None
    dask.config.update_defaults(SETTINGS)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


@contextmanager
def gather(cluster: str, say: Callable[[str], None]) -> Iterator[Machines]:
    """The workers of `--cluster`, for as long as this lasts.

    Args:
        cluster: "local:4", "slurm:8", the address of a scheduler, or a file that holds the address.
        say: prints a remark.

    Raises:
        BenchError: no such cluster, no worker, or Dask isn't installed.
    """
    address = parse(cluster)
    set_up_dask("--cluster")
    from distributed import Client

    # Dask leaves errors of waits that nobody is interested in any more, as of a worker that was lost.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="distributed")
    with ExitStack() as stack:
        local = None
        if address.kind is Kind.local:
            from bench.run.cluster.local import LocalWorkers

            local = stack.enter_context(LocalWorkers(address.count))
            client = Client(local.scheduler, security=local.security, set_as_default=False)
        elif address.kind is Kind.slurm:
            from bench.run.cluster.slurm import slurm_jobs

            client = Client(stack.enter_context(slurm_jobs(address.count)), set_as_default=False)
        else:
            client = _client_of(address, say)
        stack.callback(client.close, timeout=5)
        patience = 600.0 if address.kind is Kind.slurm else 60.0
        machines = Machines(client, local, patience, say)
        _wait_for_workers(machines, address)
        yield machines


def _client_of(address: Address, say: Callable[[str], None]) -> Client:
    from distributed import Client

    if not address.safe:
        say(f"{address.text} is neither local nor encrypted: whoever reaches it can run programs there")
    try:
        return Client(address.text, timeout=10, set_as_default=False)
    except Exception as error:  # Dask raises many kinds: no route, no TLS, another protocol, wrong keys
        raise BenchError(
            f"no scheduler answers at {address.text} ({type(error).__name__}); "
            "start one with: dask scheduler, and workers with: bench worker"
        ) from None


def _wait_for_workers(machines: Machines, address: Address) -> None:
    from bench.run.cluster.calls import Calls

    calls = Calls(machines.client)
    wanted = address.count if address.kind is Kind.local else 1
    began, said = time.monotonic(), False
    while len(calls.present()) < wanted:
        waited = time.monotonic() - began
        if address.kind is not Kind.slurm and waited > _FIRST_WORKER_S:
            raise BenchError(f"no worker came to {address.text}; start some with: bench worker ADDRESS")
        if waited > 3 and not said:
            machines.say("waiting for workers")
            said = True
        machines.keep_up()
        time.sleep(0.1)
        calls.look_again()


def _unfit(description: Description) -> str | None:
    """Why a worker can't take part, whatever others are."""
    if description.error:
        return description.error
    if not description.by_bench:
        return "this worker wasn't started by `bench worker`, so its times would be others; start it so"
    if description.bench != bench.__version__:
        return (
            f"it runs codec-bench {description.bench}, and this is {bench.__version__}; install one of them"
        )
    return None
