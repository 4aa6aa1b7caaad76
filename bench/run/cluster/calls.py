"""Calls of functions on workers, and one queue for what comes back, or that a worker is gone."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from bench.core.errors import BenchError

_LOOK_S = 1.0  # between looks at which workers are there
_SCHEDULER_S = 20.0  # without an answer, after which the scheduler is gone


class WorkerLost(Exception):
    """The worker was gone before it answered."""


class Answer(NamedTuple):
    address: str
    about: Any  # what the caller gave with the call
    value: Any
    error: BaseException | None


class Calls:
    """Each call goes to one worker and to no other, so Dask moves none and queues none behind another."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self._open: dict[Any, tuple[Future[Any], str, Any]] = {}
        self._count = 0
        self._looked = 0.0
        self._present: tuple[str, ...] = ()

    def put(self, address: str, about: Any, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function on a worker; its answer comes with `next`."""
        future = self.hold(address, function, *arguments)
        self._open[future.key] = future, address, about
        future.add_done_callback(self._done.put)
        return future

    def hold(self, address: str, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function whose value stays on the worker, for as long as the future is kept."""
        self._count += 1
        return self._client.submit(
            function, *arguments, workers=[address], allow_other_workers=False, pure=False, retries=0,
            priority=-self._count,  # without it, Dask takes calls of one tenth of a second in any order
        )  # fmt: skip

    @property
    def busy(self) -> bool:
        return bool(self._open)

    def next(self, longest: float | None = None) -> Answer | None:
        """The next answer; None: there was none for so many seconds.

        Raises:
            BenchError: the scheduler is gone.
        """
        deadline = None if longest is None else time.monotonic() + longest
        while True:
            future: Future[Any] | None
            try:
                future = self._done.get(timeout=_LOOK_S if longest is None else min(_LOOK_S, longest))
            except queue.Empty:
                future = self._lost()
            if future is not None and future.key in self._open:
                return self._answer(future)
            if deadline is not None and time.monotonic() >= deadline:
                return None

    def all(self) -> list[Answer]:
        """The answers of all calls that are open."""
        answers = []
        while self._open:
            answer = self.next()
            assert answer is not None
            answers.append(answer)
        return answers

    def present(self) -> tuple[str, ...]:
        """Addresses of the workers that are there, as of a second ago at most.

        Raises:
            BenchError: the scheduler is gone.
        """
        if time.monotonic() - self._looked > _LOOK_S:
            client = self._client
            try:
                if client.status != "running" or client.scheduler is None:
                    raise OSError
                identity = client.sync(client.scheduler.identity, n_workers=-1, callback_timeout=_SCHEDULER_S)
            except Exception:  # Dask raises many kinds, depending on where the connection broke
                raise BenchError(
                    "the scheduler is gone; what was measured is kept, run again for the rest"
                ) from None
            self._present = tuple(sorted(identity["workers"]))
            self._looked = time.monotonic()
        return self._present

    def look_again(self) -> None:
        """Have `present` ask the scheduler."""
        self._looked = 0.0

    def forget(self, address: str | None = None) -> None:
        """Forget the calls of a worker, or of all. What runs goes on, and its answer goes nowhere."""
        for key, (future, called, _) in list(self._open.items()):
            if address in (None, called):
                future.release()
                del self._open[key]

    def _lost(self) -> Future[Any] | None:
        """A call whose worker is gone; Dask itself would wait for the worker for ever."""
        there = set(self.present())
        return next((future for future, address, _ in self._open.values() if address not in there), None)

    def _answer(self, future: Future[Any]) -> Answer:
        _, address, about = self._open.pop(future.key)
        value: Any = None
        error: BaseException | None = None
        try:
            if not future.done():
                raise WorkerLost
            value = self._value(future, address)
        except (KilledWorker, WorkerLost):
            error = WorkerLost()
        except BaseException as raised:
            if isinstance(raised, KeyboardInterrupt | SystemExit):
                raise
            error = WorkerLost() if future.status in ("cancelled", "lost") else raised
        future.release()
        return Answer(address, about, value, error)

    def _value(self, future: Future[Any], address: str) -> Any:
        """The value of a call that is over, which is fetched from the worker; it may die meanwhile."""
        while True:
            try:
                return future.result(timeout=5)
            except TimeoutError:
                if address not in self.present():
                    raise WorkerLost from None
