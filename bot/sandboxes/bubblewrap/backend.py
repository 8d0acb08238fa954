"""The backend without an engine: namespaces by bubblewrap, prepared folders, behind the Backend protocol."""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
import pwd
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bot.domain import Image, Limits, Recipe
from bot.errors import SandboxError
from bot.progress import Progress
from bot.sandboxes import Contents, Diagnosis, Reply, Sandbox, installing
from bot.sandboxes.admission import Capacity
from bot.sandboxes.bubblewrap import cgroups, doctor, launch
from bot.sandboxes.bubblewrap.launch import Enclosed, Identity, Launcher, Walls
from bot.sandboxes.bubblewrap.roots import Prepared, Roots, bare, place
from bot.sandboxes.pool import Pool
from bot.sandboxes.stream import INSIDE, Conversation, Stream, inside_archive

BORROWED = ("CAP_SETPCAP", "CAP_SYS_ADMIN")
"""What the first program inside needs to finish the walls, and then gives up."""
AGENTS = {"CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
"""What the agent keeps where users can be told apart: to become another one, and to kill what that one left."""
INODES = 20_000
REPO_INODES = 200_000


class Bubblewrap:
    """Implements Backend. Looks for bubblewrap at first use, so that `tryline config` and `--help` need none."""

    name = "bubblewrap"

    def __init__(
        self,
        environ: Mapping[str, str],
        uv_binary: Path,
        spares: int | None = None,
        who: Identity | None = None,
    ) -> None:
        """Keeps at most `spares` sandboxes ahead; None: as many as there are processors.

        `who` says how users are told apart; None: as well as this process can.
        """
        self._who = who
        self.containers = 0
        self._pool = Pool(self, spares)
        self._environ = dict(environ)
        self._uv_binary = uv_binary
        self._lock = threading.Lock()
        self._launcher: Launcher | None = None
        self._roots: Roots | None = None
        self._groups: cgroups.Place | None = None
        self._told: doctor.Told | None = None
        self._archive = inside_archive()
        self._program = importlib.resources.files("bot").joinpath("inside", "enclose.py").read_text("utf-8")

    def _ready(self) -> tuple[Launcher, Roots]:
        """The parts, made at first use. Raises SandboxError when there is no bubblewrap."""
        with self._lock:
            if self._launcher is None or self._roots is None:
                launch.program()
                name = _user_name()
                self._groups = cgroups.find()
                self._launcher = Launcher(self._who or launch.identity(name), name)
                self._roots = Roots(
                    place(self._environ),
                    self._launcher,
                    self._groups,
                    uv_binary=self._uv_binary,
                    environ=self._environ,
                )
                self._swept()
            return self._launcher, self._roots

    def _swept(self) -> int:
        """Removes what dead runs left behind."""
        removed = 0 if self._groups is None else cgroups.clean(self._groups)
        return removed + (0 if self._roots is None else self._roots.clean())

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """What works here and what is missing; never raises."""
        try:
            launcher, roots = self._ready()
        except SandboxError as problem:
            return (Diagnosis("bubblewrap", False, problem.message, problem.hint),)
        return doctor.rows(launcher, self._groups, self._told, roots.count())

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        """What a recipe installs, from the cache or made now."""
        return self._ready()[1].prepare(recipe, tree, progress)

    @contextlib.contextmanager
    def open(self, image: Image, tree: Contents, limits: Limits) -> Iterator[Sandbox]:
        """A sandbox with the tree's files that nobody has used, ended on leaving."""
        limits = replace(limits, cpus=min(limits.cpus, float(self.capacity().cores)))
        with self._lock:
            self.containers += 1
        with self._pool.open(image, tree, limits) as box:
            yield box

    def capacity(self) -> Capacity:
        """What this machine has."""
        found = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
        return Capacity(len(os.sched_getaffinity(0)), int(found[1]) >> 10 if found else 0)

    def start(self, image: Image, limits: Limits) -> Box:
        """A sandbox with an empty tree. Raises SandboxError; leaves nothing then."""
        launcher, roots = self._ready()
        with ExitStack() as stack:
            prepared = stack.enter_context(roots.used(image))
            group = self._group(limits)
            apart = launcher.identity.kind == "range"
            capabilities = (*BORROWED, *(AGENTS if apart else ()))
            plan = {
                "inside": INSIDE,
                "remount": {
                    installing.REPO: [f"nr_inodes={REPO_INODES}", True],
                    "/tmp": [f"nr_inodes={INODES}", True],  # noqa: S108 - inside
                    INSIDE: [f"nr_inodes={INODES}", False],
                    "/dev/shm": [f"nr_inodes={INODES}", True],  # noqa: S108 - inside
                },
                "keep": sorted(AGENTS.values()) if apart else [],
                "limits": _own_limits(limits, group),
            }
            command = (f"{installing.VENV}/bin/python", "-I", "-S", "-c", self._program, json.dumps(plan))
            enclosed = launcher.start(Walls(_walls(prepared, limits), capabilities=capabilities), command, group)
            box = Box(enclosed, max(1, round(limits.cpus)), stack.pop_all())
        try:
            self._told = doctor.Told.of(box.boot(self._archive))
        except BaseException:
            box.kill()
            raise
        return box

    def _group(self, limits: Limits) -> cgroups.Group | None:
        if self._groups is None:
            return None
        try:
            return cgroups.Group(self._groups, limits)
        except OSError as problem:
            raise SandboxError(
                f"a control group cannot be made: {problem}",
                hint="see what `tryline doctor` says",
                slug="container-create",
            ) from problem

    def describe(self) -> Mapping[str, str]:
        """bubblewrap's version and the isolation in words."""
        launcher, _ = self._ready()
        return {
            "engine": doctor.version(),
            "isolation": doctor.isolation(launcher.identity, self._groups, self._told),
        }

    def clean(self) -> int:
        """Removes what dead runs left behind."""
        self._ready()
        return self._swept()

    def close(self) -> None:
        """Ends the sandboxes that were started ahead, and waits until they are gone."""
        self._pool.close()


class Box(Conversation):
    """One sandbox that runs; implements the Sandbox protocol."""

    def __init__(self, enclosed: Enclosed, width: int, held: ExitStack) -> None:
        super().__init__(Stream(enclosed), width)
        self.enclosed = enclosed
        self._held = held

    @property
    def alive(self) -> bool:
        """Whether it can still take jobs, as far as is known without asking it."""
        return self.enclosed.alive

    def boot(self, archive: bytes) -> Reply:
        """Sends the agent's files, waits until it answers, and returns its greeting. Raises SandboxError."""
        try:
            self._stream.send(archive)
            return self.ask({"kind": "hello"}, seconds=launch.PATIENCE)
        except SandboxError as problem:
            raise SandboxError(
                f"a sandbox does not start: {problem.message}",
                hint="see what `tryline doctor` says",
                slug="container-start",
            ) from problem

    def _end(self) -> str:
        """Whether the kernel killed it."""
        code = self.enclosed.wait(2)
        group = self.enclosed.group
        if (group is not None and group.out_of_memory) or code == 137:
            return " (out of memory: raise sandbox.memory_mb)"
        return ""

    def kill(self) -> None:
        """Ends it now. May be called twice."""
        self.enclosed.kill()
        self._held.close()


def _walls(prepared: Prepared, limits: Limits) -> tuple[str, ...]:
    """bubblewrap's arguments for a sandbox's file system: all of it read-only but three work areas in memory."""
    areas = (
        (limits.workspace_mb, "1777", installing.REPO),
        (limits.tmp_mb, "1777", "/tmp"),  # noqa: S108 - inside
        (16, "0755", INSIDE),
    )
    made = [
        word
        for size, mode, target in areas
        for word in ("--size", str(size << 20), "--perms", mode, "--tmpfs", target)
    ]
    return (*prepared.arguments(), *bare(), *made)


def _own_limits(limits: Limits, group: cgroups.Group | None) -> dict[str, int]:
    """Limits that each process has; where no control group holds, they are all there is."""
    found = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 1024}
    if group is None or "memory" not in group.holds:
        # Of what a process may write to, not of what it may name: numpy and torch name much more than they use.
        found["RLIMIT_DATA"] = limits.memory_mb << 20
    if group is None or "pids" not in group.holds:
        found["RLIMIT_NPROC"] = limits.processes
    return found


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
