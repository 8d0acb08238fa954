"""Real clusters for tests: a scheduler and workers of Dask, each a process of its own on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client

ROOT = Path(__file__).parent.parent
TOYS = ROOT / "tests" / "executors"
PATIENCE = 60
"""Seconds for a process to be there; many, for a busy machine."""
QUICK = {
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


def environ(**more: str) -> dict[str, str]:
    """What a process needs to find our code and the work of tests, and nothing of this process's own."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "DOCKER_HOST")}
    return {**kept, "PYTHONPATH": f"{ROOT}{os.pathsep}{TOYS}", **more}


@dataclass
class TestCluster:
    """A scheduler, and the workers that joined it."""

    __test__ = False
    folder: Path
    scheme: str = "tcp"
    more: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    tls: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Starts the scheduler."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        at = (f"--host={self.scheme}://127.0.0.1:{self.port}", "--no-dashboard", "--no-show")
        self.scheduler = self._start("scheduler", "scheduler", *at)

    def join(self, *, threads: int = 1, **more: str) -> subprocess.Popen[bytes]:
        """Starts one worker; it may take a while to be there."""
        at = (self.address, f"--nthreads={threads}", "--no-nanny", "--no-dashboard", "--host=127.0.0.1")
        where = f"--local-directory={self.folder}"
        process = self._start(f"worker{len(self.workers)}", "worker", *at, where, **more)
        self.workers.append(process)
        return process

    def wait_for(self, workers: int) -> None:
        """Until so many workers are there."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with (
                contextlib.suppress(OSError, TimeoutError),
                Client(self.address, set_as_default=False, timeout=5) as client,
            ):
                client.wait_for_workers(workers, timeout=PATIENCE)
                return
        raise RuntimeError(self.log())

    def log(self) -> str:
        """What all said."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("*.log")))

    def end(self) -> None:
        """Ends all that was started, with what it started."""
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, name: str, command: str, *words: str, **more: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "dask", command, *words, *self.tls],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environ(**QUICK, **self.more, **more),
                cwd="/",
                start_new_session=True,
            )


@contextlib.contextmanager
def cluster(folder: Path, workers: int, **more: str) -> Iterator[TestCluster]:
    """A cluster of so many workers, all there."""
    made = TestCluster(folder, more=more)
    try:
        made.begin()
        for _ in range(workers):
            made.join()
        if workers:
            made.wait_for(workers)
        yield made
    finally:
        made.end()
