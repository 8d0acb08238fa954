"""What a worker holds in memory: its container, the fork server in it, and a child while it runs a candidate."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.sandbox.engines import Measured
from bench.sandbox.subjects import Subject
from bench.sandbox.ways import Forked


@dataclass(frozen=True)
class Worker:
    """Megabytes of one worker with its fork server."""

    container: float
    """As the engine's limit counts it, at rest: processes and the files of the work area."""
    server: float
    """Resident set of its largest process: the fork server."""
    child: float
    """Largest resident set of a child; nearly all of it is shared with the server."""


def workers(subject: Subject, number: int, engine: Measured) -> list[Worker]:
    """So many workers side by side, each after one candidate."""
    backend = engine.backend()

    def running() -> set[str]:
        return {str(one.id) for one in engine.client.containers.list()}

    found = []
    try:
        before = running()
        with Forked(subject, number, backend) as way:
            assert isinstance(way, Forked)
            mine = running() - before
            course = replace(way.course, tests=subject.tests)
            replies = [way.previewed(worker, subject.good, 1, course)[0] for worker in range(number)]
            for container, reply in zip(sorted(mine), replies, strict=True):
                used = engine.meter.memory(container)
                found.append(Worker(used.container / 2**20, used.processes[0] / 2**20, reply.memory_kb / 1024))
    finally:
        backend.close()
    return found


def line(found: list[Worker]) -> str:
    """In words."""
    held = sorted(one.container for one in found)
    return (
        f"memory of {len(found)} workers: a container {held[0]:.0f} to {held[-1]:.0f} MB at rest, "
        f"its fork server {max(one.server for one in found):.0f} MB resident, "
        f"a child {max(one.child for one in found):.0f} MB resident (nearly all shared)"
    )
