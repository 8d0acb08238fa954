"""What bubblewrap can do on this machine, and what it holds less well than a container does, in words."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from bot.errors import SandboxError
from bot.sandboxes import Diagnosis
from bot.sandboxes.bubblewrap import cgroups, launch
from bot.sandboxes.bubblewrap.launch import Identity, Launcher, Walls
from bot.sandboxes.bubblewrap.roots import bare

WEAKER = (
    "no seccomp profile of an engine, Tryline's own filter alone",
    "dependencies are installed with this machine's network",
)
"""What a container has and this has not, wherever it runs."""


def version() -> str:
    """`bubblewrap 0.8.0`. Raises SandboxError when it is missing."""
    said = subprocess.run([launch.program(), "--version"], capture_output=True, timeout=20, check=False, env={})
    return said.stdout.decode(errors="replace").strip()[:60] or "bubblewrap"


def isolation(identity: Identity, groups: cgroups.Place | None) -> str:
    """One line for a report."""
    strong = "no network, read-only root, no capabilities for repository code"
    strong += ", own user for each run" if identity.kind == "range" else ""
    return f"bubblewrap, weaker than a container: {strong}; but {'; '.join(weaknesses(identity, groups))}"


def weaknesses(identity: Identity, groups: cgroups.Place | None) -> tuple[str, ...]:
    """What does not hold here as it does in a container."""
    found = list(WEAKER)
    if identity.kind != "range":
        found.append("all runs are one user, so that one may change what another reads")
    lacking = [
        words
        for name, words in (
            ("memory", "memory is limited for each process alone"),
            ("pids", "processes are counted for a user alone"),
            ("cpu", "processors are not limited"),
        )
        if groups is None or name not in groups.parents
    ]
    return (*found, *lacking)


def rows(launcher: Launcher, groups: cgroups.Place | None, cached: tuple[int, int]) -> tuple[Diagnosis, ...]:
    """What `tryline doctor` shows. Never raises."""
    return tuple(_rows(launcher, groups, cached))


def _rows(launcher: Launcher, groups: cgroups.Place | None, cached: tuple[int, int]) -> Iterator[Diagnosis]:
    try:
        yield Diagnosis("bubblewrap", True, version())
        _tried(launcher)
    except SandboxError as problem:
        yield Diagnosis("namespaces", False, problem.message, problem.hint)
        return
    yield Diagnosis("namespaces", True, "user, process, network and mount namespaces can be made")
    who = launcher.identity
    yield Diagnosis(
        "users",
        True,
        "a user for each run, none of them anybody's on this machine" if who.kind == "range" else who.why,
        "" if who.kind == "range" else "With 65536 subordinate ids, each run gets a user of its own.",
    )
    yield Diagnosis(
        "limits",
        True,
        f"cgroup v{groups.version}: {groups.enforced}"
        if groups
        else "no cgroup can be written: limits of processes",
        "" if groups else "Run as root, or in a cgroup that is delegated, so that memory is limited as a whole.",
    )
    yield Diagnosis("isolation", True, isolation(who, groups), "Prefer an engine: `sandbox.backend: docker`.")
    yield Diagnosis("images", True, f"{cached[0]} prepared, {cached[1]} base in the cache")


def _tried(launcher: Launcher) -> None:
    """Starts something trivial in the host's own file system. Raises SandboxError where that does not work."""
    shown = [word for name in ("/usr", "/lib", "/lib64", "/bin") for word in ("--ro-bind-try", name, name)]
    enclosed = launcher.start(Walls((*shown, *bare())), ("/bin/true",), None)
    try:
        if enclosed.wait(launch.PATIENCE) != 0:
            raise SandboxError(
                f"bubblewrap cannot build its walls here: {enclosed.complaint()}",
                hint=launch.refusal() or "Run it by hand: `bwrap --unshare-all --ro-bind / / true`.",
                slug="bubblewrap-userns",
            )
    finally:
        enclosed.kill()
