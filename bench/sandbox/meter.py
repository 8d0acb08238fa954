"""CPU time and memory from the kernel's own accounts: of an engine, of its containers, of this process.

Control groups are read, of version 1 or 2: they count what has ended as well, and what the engine runs to start a
container. That is exact where the engine serves nobody else; so the benchmark may start one of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Reading:
    """Seconds so far."""

    engine: float
    """CPU of the daemons, shims and runtimes; nan where they have no control group of their own."""
    containers: float
    """CPU of all that ran in containers, those that are gone included."""
    client: float
    """CPU of this process."""
    wall: float

    def since(self, earlier: Reading) -> Reading:
        """What was used in between."""
        return Reading(
            self.engine - earlier.engine,
            self.containers - earlier.containers,
            self.client - earlier.client,
            self.wall - earlier.wall,
        )

    @property
    def cpu(self) -> float:
        """CPU that an execution costs: of the engine, where that is known, and of the containers."""
        return self.containers + (0.0 if self.engine != self.engine else self.engine)


@dataclass(frozen=True)
class Memory:
    """Bytes."""

    container: int
    """As the engine's limit counts them: processes, and files kept in memory."""
    processes: tuple[int, ...]
    """Resident set of each process, largest first; what processes share is counted in each."""


class Meter:
    """Reads the accounts of one engine.

    `engine` and `containers` name control groups as `/proc/PID/cgroup` does; `engine` is None where it has none of
    its own.
    """

    def __init__(self, engine: str | None, containers: str) -> None:
        self.engine = engine
        self.containers = containers

    def read(self) -> Reading:
        """The accounts as they stand. Raises OSError where there is no such group."""
        engine = cpu_of(self.engine) if self.engine is not None else float("nan")
        return Reading(engine, cpu_of(self.containers), time.process_time(), time.perf_counter())

    def memory(self, container: str) -> Memory:
        """What one running container uses, by its id."""
        below = f"{self.containers}/{container}"
        folder = GROUPS / "memory" if (GROUPS / "memory").is_dir() else GROUPS
        folder = folder / below.lstrip("/")
        used = next(
            folder / name for name in ("memory.usage_in_bytes", "memory.current") if (folder / name).exists()
        )
        sizes = [resident(int(pid)) for pid in (folder / "cgroup.procs").read_text().split()]
        return Memory(int(used.read_text()), tuple(sorted((size for size in sizes if size), reverse=True)))


def cpu_of(group: str) -> float:
    """CPU seconds that a control group has used."""
    first = GROUPS / "cpuacct" / group.lstrip("/") / "cpuacct.usage"
    if first.exists():
        return int(first.read_text()) / 1e9
    for line in (GROUPS / group.lstrip("/") / "cpu.stat").read_text().splitlines():
        if line.startswith("usage_usec "):
            return int(line.split()[1]) / 1e6
    raise OSError(f"the control group {group} tells no CPU time")


def resident(pid: int) -> int:
    """Resident set of a process in bytes; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def group_of(pid: int) -> str:
    """The control group of a process in the hierarchy that counts CPU time."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpuacct" in controllers.split(",") or (not controllers and not (GROUPS / "cpuacct").is_dir()):
            return path
    raise OSError("no control group counts CPU time here")


@contextmanager
def counted(name: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """A control group of our own that this process is in until `leave` is called: what it starts stays there.

    Gives (group, leave). Needs root.
    """
    before = group_of(os.getpid())
    top = GROUPS / "cpuacct" if (GROUPS / "cpuacct").is_dir() else GROUPS
    folder = top / name

    def move(to: Path) -> None:
        (to / "cgroup.procs").write_text(str(os.getpid()))

    def leave() -> None:
        move(top / before.lstrip("/"))

    folder.mkdir()
    with ExitStack() as stack:
        stack.callback(folder.rmdir)
        move(folder)
        stack.callback(leave)
        yield f"/{name}", leave
