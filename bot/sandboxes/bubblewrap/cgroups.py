"""Control groups for what runs without an engine: memory, processes and processors, version 1 or 2."""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.domain import Limits
from bot.sandboxes.docker.engine import alive, owner

MOUNT = Path("/sys/fs/cgroup")
WANTED = ("memory", "pids", "cpu")
PERIOD = 100_000
PATIENCE = 5.0
"""Seconds for the kernel to let go of processes that were killed."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Place:
    """Where this process may make groups. Nothing is made yet."""

    version: int
    parents: Mapping[str, Path]
    """Controller -> the folder below which a group is made; with version 2 they are one folder."""

    @property
    def enforced(self) -> str:
        """What is limited here, in words."""
        names = {"memory": "memory", "pids": "processes", "cpu": "processors"}
        return ", ".join(names[each] for each in WANTED if each in self.parents)


def find(mount: Path = MOUNT, own: Path = Path("/proc/self/cgroup")) -> Place | None:
    """Where groups can be made that limit memory at least; None where nowhere.

    Looks below the group of this process, then at the top: with version 2 a group that holds processes lends no
    controllers.
    """
    try:
        rows = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return None
    if (mount / "cgroup.controllers").exists():
        mine = next((mount / path.lstrip("/") for _, names, path in rows if not names), mount)
        for folder in (mine, mine.parent, mount):
            try:
                lent = (folder / "cgroup.subtree_control").read_text().split()
            except OSError:
                continue
            if "memory" in lent and _writable(folder):
                return Place(2, {name: folder for name in WANTED if name in lent})
        return None
    found = {}
    for _, names, path in rows:
        for name in set(names.split(",")) & set(WANTED):
            top = next((mount / each for each in (names, name) if (mount / each).is_dir()), None)
            if top is None:
                continue
            for folder in (top / path.lstrip("/"), top):
                if folder.is_dir() and _writable(folder):
                    found[name] = folder
                    break
    return Place(1, found) if "memory" in found else None


def _writable(folder: Path) -> bool:
    """Whether groups can be made here: only trying tells, for the file system may be mounted read-only."""
    trial = folder / _name()
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError:
        return False
    return True


def _name() -> str:
    _, pid, started = owner().rsplit(":", 2)
    return f"tryline-{pid}-{started}-{next(_numbers)}"


class Group:
    """The limits of one sandbox. Made at once; raises OSError."""

    def __init__(self, place: Place, limits: Limits) -> None:
        self._version = place.version
        name = _name()
        self._folders = {controller: parent / name for controller, parent in place.parents.items()}
        try:
            for folder in dict.fromkeys(self._folders.values()):
                folder.mkdir()
            for controller in self._folders:
                self._limit(controller, limits)
        except OSError:
            self.remove()
            raise

    @property
    def folders(self) -> Mapping[str, Path]:
        """Controller -> its folder."""
        return self._folders

    @property
    def holds(self) -> frozenset[str]:
        """The controllers that limit it."""
        return frozenset(self._folders)

    def _limit(self, controller: str, limits: Limits) -> None:
        memory = str(limits.memory_mb << 20)
        quota = max(1000, int(limits.cpus * PERIOD))
        if controller == "pids":
            self._write(controller, "pids.max", str(limits.processes))
        elif controller == "memory" and self._version == 2:
            self._write(controller, "memory.max", memory)
            with contextlib.suppress(OSError):  # a kernel without swap accounting
                self._write(controller, "memory.swap.max", "0")
        elif controller == "memory":
            self._write(controller, "memory.limit_in_bytes", memory)
            with contextlib.suppress(OSError):
                self._write(controller, "memory.memsw.limit_in_bytes", memory)
        elif self._version == 2:
            self._write(controller, "cpu.max", f"{quota} {PERIOD}")
        else:
            self._write(controller, "cpu.cfs_period_us", str(PERIOD))
            self._write(controller, "cpu.cfs_quota_us", str(quota))

    def _write(self, controller: str, name: str, value: str) -> None:
        (self._folders[controller] / name).write_text(value)

    def add(self, pid: int) -> None:
        """Puts a process in; what it starts is in, too. Raises OSError."""
        for folder in dict.fromkeys(self._folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    @property
    def out_of_memory(self) -> bool:
        """Whether a process was killed for want of memory."""
        files = ("memory.events", "memory.oom_control")
        for name in files:
            with contextlib.suppress(OSError, KeyError):
                found = re.search(r"^oom_kill (\d+)$", (self._folders["memory"] / name).read_text(), re.MULTILINE)
                return found is not None and found[1] != "0"
        return False

    def remove(self) -> None:
        """Takes the group away, once all its processes are gone. May be called twice."""
        _remove(list(dict.fromkeys(self._folders.values())))


def _remove(folders: list[Path]) -> bool:
    """Removes groups, killing who is in them; whether they are gone."""
    end = time.monotonic() + PATIENCE
    while folders and time.monotonic() < end:
        for folder in list(folders):
            try:
                for pid in map(int, (folder / "cgroup.procs").read_text().split()):
                    with contextlib.suppress(OSError):
                        if pid > 0:  # 0 is a process that this namespace does not see, and to kill() our own group
                            os.kill(pid, signal.SIGKILL)
                folder.rmdir()
            except FileNotFoundError:
                folders.remove(folder)
            except OSError:
                continue
        if folders:
            time.sleep(0.01)
    return not folders


def clean(place: Place) -> int:
    """Removes the groups of runs that are dead; returns how many sandboxes they were of."""
    gone = set()
    for parent in dict.fromkeys(place.parents.values()):
        for folder in parent.glob("tryline-*-*-*"):
            _, pid, started, _ = folder.name.split("-", 3)
            if alive(f"{platform.node()}:{pid}:{started}") is False and _remove([folder]):
                gone.add(folder.name)
    return len(gone)
