"""`bench worker`: a worker of Dask's with the settings that measuring needs.

One thread, no nanny, no profiler: a nanny would change the environment that codecs inherit, and a profiler
would take time from what is measured.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

from bench.core.errors import BenchError
from bench.run.cluster import station
from bench.run.cluster.address import Address, parse_scheduler
from bench.run.cluster.machines import set_up_dask

_CONNECT_S = 30.0  # to reach the scheduler


def serve(
    scheduler: str, name: str | None = None, lifetime: float | None = None, insecure: bool = False
) -> None:
    """Work for a scheduler until it ends, or until SIGTERM or Ctrl-C.

    Args:
        scheduler: "tls://host:8786", "tcp://127.0.0.1:8786", or a file that holds such an address.
        lifetime: seconds after which this process will be ended by others, if it is known: no cell is
            taken that takes longer than what is left.
        insecure: take an address that is neither on this machine nor encrypted.

    Raises:
        BenchError: Dask isn't installed, the address isn't safe, or nobody answers there.
    """
    address = parse_scheduler(scheduler)
    if not address.safe and not insecure:
        raise BenchError(
            f"{address.text} is neither local nor encrypted, so whoever reaches this worker could run "
            "programs on it; use tls://, or --insecure in a network that you trust"
        )
    set_up_dask("a worker")
    for key in [key for key in os.environ if key.startswith("DASK_")]:
        del os.environ[key]  # read by now, and no business of codecs: it may name keys
    station.started_by_bench(lifetime)
    code = 0
    try:
        asyncio.run(_serve(address, name))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr, flush=True)
        code = 2
    finally:
        station.end_all()
    # A thread may still wait for a codec that has just been ended.
    sys.stdout.flush()
    os._exit(code)


async def _serve(address: Address, name: str | None) -> None:
    from distributed import Worker
    from distributed.diagnostics.plugin import WorkerPlugin

    class EndCodecs(WorkerPlugin):  # type: ignore[misc]
        """Ends codecs before Dask waits for the cell that runs."""

        name = "codec-bench"

        async def teardown(self, worker: Worker) -> None:
            await asyncio.to_thread(station.end_all)

    worker = Worker(
        address.text,
        nthreads=1,
        name=name,
        host="127.0.0.1" if address.loopback else None,
        dashboard_address="127.0.0.1:0",
        memory_limit=0,
        plugins=(EndCodecs(),),
        death_timeout=_CONNECT_S,
    )
    try:
        await asyncio.wait_for(worker.start(), _CONNECT_S)
    except Exception as error:  # Dask raises many kinds: no route, no TLS, another protocol, wrong keys
        raise BenchError(
            f"no scheduler answers at {address.text} ({type(error).__name__}); "
            "start one with: dask scheduler --host 127.0.0.1"
        ) from None
    print(f"{worker.address} works for {address.text}; Ctrl-C ends it", file=sys.stderr, flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked_to_end() -> None:
        station.is_ending()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked_to_end)
    waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(worker.finished())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(station.end_all)
    with suppress(Exception):
        await asyncio.wait_for(worker.close(timeout=2, executor_wait=False), 5)
