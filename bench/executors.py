"""What it costs to have tasks done elsewhere: overhead for each task, and efficiency for 1, 2 and 4 workers.

    python bench/executors.py                  # processes of this machine, and a cluster on loopback
    python bench/executors.py --tasks 200 --workers 1 2 4 8

Two kinds of tasks: `busy` use so much CPU time, so that a machine's cores bound what workers can gain; `asleep`
only wait, as most of an audit's time is spent waiting for containers: they show what the executor itself costs.
Efficiency is the time that perfect workers would take (tasks x seconds / workers) over what was taken, from the
first result on: the start of a worker's process (`ready`) is shown apart. A worker is busy no longer than the task
takes, so `overhead` is all that comes on top, for each task and worker.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from clusters import cluster, environ  # noqa: E402

from bot.executors import Ask, Executor, Task  # noqa: E402
from bot.executors.cluster import Cluster  # noqa: E402
from bot.executors.local import Local  # noqa: E402

SHARED = 10 << 20
"""Bytes that all tasks share: the tree of a large project."""


def work(_shared: bytes, payload: bytes, ask: Ask) -> bytes:
    """One task: `seconds` of its `kind`, then `asks` questions, one after another."""
    given = json.loads(payload)
    began = time.thread_time()
    if "meet" in given:
        folder, workers = Path(given["meet"]), given["workers"]
        folder.joinpath(given["name"]).touch()
        while len(list(folder.iterdir())) < workers:
            time.sleep(0.005)
    if given["kind"] == "asleep":
        time.sleep(given["seconds"])
    else:
        while time.thread_time() - began < given["seconds"]:
            pass
    for _ in range(given["asks"]):
        ask(b"q" * 4000)
    return b"r" * 20_000


@dataclass(frozen=True)
class Row:
    """One measurement."""

    executor: str
    kind: str
    workers: int
    tasks: int
    seconds: float
    """Of one task."""
    ready: float
    """Until every worker had done a first task, which they begin together."""
    wall: float
    """Of the tasks after those."""
    cpu: float
    """Milliseconds of CPU time of this process, the coordinator, for each task."""
    asks: int = 0

    @property
    def overhead(self) -> float:
        """Milliseconds for each task beyond its own time, of the worker that does it."""
        return 1000 * (self.wall * self.workers / self.tasks - self.seconds)

    @property
    def efficiency(self) -> float:
        """1 where workers lose nothing."""
        return self.tasks * self.seconds / self.workers / self.wall


def measured(executor: Executor, name: str, kind: str, workers: int, tasks: int, seconds: float, asks: int) -> Row:
    """Runs tasks, after one for each worker that starts its process."""
    payload = {"kind": kind, "seconds": seconds, "asks": asks}
    used = time.process_time()
    folder = tempfile.mkdtemp()
    meeting = {"kind": "asleep", "seconds": 0.1, "asks": 0, "meet": folder, "workers": workers}
    begun = [Task(f"first {n}", json.dumps({**meeting, "name": str(n)}).encode()) for n in range(workers)]
    rest = [Task(str(n), json.dumps(payload).encode()) for n in range(tasks)]
    began = then = time.monotonic()
    for number, done in enumerate(executor.results(work, os.urandom(SHARED), [*begun, *rest], lambda q: q), 1):
        if done.problem:
            raise SystemExit(done.problem)
        if number == workers:
            then, used = time.monotonic(), time.process_time()
    shutil.rmtree(folder)
    cpu = 1000 * (time.process_time() - used) / tasks
    return Row(name, kind, workers, tasks, seconds, then - began, time.monotonic() - then, cpu, asks)


@contextlib.contextmanager
def executors(names: Sequence[str], workers: int) -> Iterator[dict[str, Executor]]:
    """Those asked for, with so many workers."""
    with contextlib.ExitStack() as stack:
        made: dict[str, Executor] = {}
        if "local" in names:
            made["local"] = stack.enter_context(contextlib.closing(Local(workers, environ())))
        if "cluster" in names:
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            there = stack.enter_context(cluster(Path(folder), workers))
            made["cluster"] = stack.enter_context(contextlib.closing(Cluster(there.address)))
        yield made


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown; the ratio is to one worker of the same executor and kind."""
    alone = {(row.executor, row.kind, row.asks): row.wall / row.tasks for row in rows if row.workers == 1}
    lines = [
        "| executor | tasks | workers | of | each, s | ready, s | wall, s "
        "| overhead, ms | CPU here, ms | efficiency | faster |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        before = alone.get((row.executor, row.kind, row.asks))
        faster = f"{before / (row.wall / row.tasks):.2f} x" if before else ""
        efficiency = f"{row.efficiency:.2f}" if row.seconds else ""
        kind = f"{row.kind}, {row.asks} questions" if row.asks else row.kind
        lines.append(
            f"| {row.executor} | {kind} | {row.workers} | {row.tasks} | {row.seconds:g} | {row.ready:.1f} | "
            f"{row.wall:.2f} | {row.overhead:.1f} | {row.cpu:.1f} | {efficiency} | {faster} |"
        )
    return "\n".join(lines)


def main() -> None:
    """The whole table on stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--tasks", type=int, default=60, help="for each row (default: 60)")
    parser.add_argument("--seconds", type=float, default=0.2, help="of one task (default: 0.2)")
    parser.add_argument("--executors", nargs="+", default=["local", "cluster"], choices=["local", "cluster"])
    kinds = ["asleep", "busy", "asking"]
    parser.add_argument("--kinds", nargs="+", default=kinds, choices=kinds)
    args = parser.parse_args()
    rows = []
    for workers in args.workers:
        with executors(args.executors, workers) as made:
            for name, executor in made.items():
                rounds: list[tuple[str, float, int]] = [
                    (kind, args.seconds, 0) for kind in args.kinds if kind != "asking"
                ]
                for kind, seconds, asks in [*rounds, *([("asleep", 0.0, 5)] if "asking" in args.kinds else [])]:
                    rows.append(measured(executor, name, kind, workers, args.tasks, seconds, asks))
                    sys.stderr.write(f"{rows[-1]}\n")
    rows.sort(key=lambda row: (row.executor, row.asks, row.kind, row.workers))
    sys.stdout.write(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}\n\n{table(rows)}\n")


if __name__ == "__main__":
    # Under the name by which other processes find `work`.
    importlib.import_module("bench.executors").main()
