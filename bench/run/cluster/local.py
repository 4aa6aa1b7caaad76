"""A scheduler in this process, and workers as processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from distributed import LocalCluster, Security

from bench.core.errors import BenchError

_END_S = 5.0  # that a worker may take to end
_MOST_STARTS = 3  # of workers, for each that was asked for


class LocalWorkers:
    """Workers of this machine. The scheduler listens on the loopback only, and takes nobody without its key:
    on a machine with many users, any of them could run programs as us otherwise.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._keys = tempfile.TemporaryDirectory(prefix="codec-bench-keys-")  # nobody else may read it
        self._workers: list[subprocess.Popen[bytes]] = []
        self._started = 0

    def __enter__(self) -> LocalWorkers:
        self.security = Security.temporary()
        self.scheduler = LocalCluster(
            n_workers=0,
            host="127.0.0.1",
            protocol="tls://",
            security=self.security,
            dashboard_address="127.0.0.1:0",
            silence_logs=False,
        )
        self._environment = os.environ | self._key_files()
        for _ in range(self._count):
            self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(_END_S)
            worker.kill()
            worker.wait()
        with suppress(Exception):
            self.scheduler.close(timeout=5)
        self._keys.cleanup()

    def keep_up(self) -> None:
        """Start a worker for each that died.

        Raises:
            BenchError: too many died.
        """
        for worker in list(self._workers):
            if worker.poll() is not None:
                if self._started >= _MOST_STARTS * self._count:
                    raise BenchError(
                        f"{self._started} workers died, the last one with exit code {worker.returncode}; "
                        "what was measured is kept, run again for the rest"
                    )
                self._workers.remove(worker)
                self._start()

    def _start(self) -> None:
        self._started += 1
        command = [sys.executable, "-m", "bench.cli", "worker", self.scheduler.scheduler_address]
        self._workers.append(
            subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        )

    def _key_files(self) -> dict[str, str]:
        """Settings of Dask's for a worker of ours, with the key in a file."""
        config = self.security.get_tls_config_for_role("worker")
        settings = {}
        for setting, part in (("CA_FILE", "ca_file"), ("WORKER__CERT", "cert"), ("WORKER__KEY", "key")):
            path = Path(self._keys.name, f"{part}.pem")
            path.write_text(config[part])
            settings[f"DASK_DISTRIBUTED__COMM__TLS__{setting}"] = str(path)
        return settings
