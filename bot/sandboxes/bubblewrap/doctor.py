"""What bubblewrap can do on this machine, and what it holds less well than a container does, in words."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from bot.errors import SandboxError
from bot.sandboxes import Diagnosis, Reply
from bot.sandboxes.bubblewrap import cgroups, launch
from bot.sandboxes.bubblewrap.launch import Identity, Launcher, Walls
from bot.sandboxes.bubblewrap.roots import bare

NETWORK = "dependencies are installed in this machine's network"
"""What a container has and this has not, wherever it runs; the other is an engine's own filter of system calls."""


@dataclass(frozen=True)
class Told:
    """What the agent says of its own surroundings: text from inside, and bounded like all of it."""

    fence: str
    """`on`, or why our own filter of system calls is not."""
    ids: str
    """`own`, or why candidates do not get user ids of their own."""

    @classmethod
    def of(cls, hello: Reply) -> Told:
        """From the agent's greeting."""
        fence, ids = (hello.get(name) for name in ("fence", "ids"))
        return cls(fence[:80] if isinstance(fence, str) else "", ids[:80] if isinstance(ids, str) else "")


def version() -> str:
    """`bubblewrap 0.8.0`. Raises SandboxError when it is missing."""
    said = subprocess.run([launch.program(), "--version"], capture_output=True, timeout=20, check=False, env={})
    return said.stdout.decode(errors="replace").strip()[:60] or "bubblewrap"


def isolation(identity: Identity, groups: cgroups.Place | None, told: Told | None = None) -> str:
    """One line for reports; says what is missing as plainly as what is there."""
    said = ["bubblewrap, weaker than a container", "no network", "read-only root"]
    said.append("no capabilities for repository code")
    apart = identity.kind == "range" and (told is None or told.ids == "own")
    said.append("a user id for each candidate" if apart else "one user id for all, who may change the tests")
    off = told is not None and told.fence != "on"
    said.append("system calls not filtered" if off else "system calls filtered by us alone")
    for name, words in (
        ("memory", "memory limited for each process alone"),
        ("pids", "processes limited for each user alone"),
        ("cpu", "processors not limited"),
    ):
        if groups is None or name not in groups.parents:
            said.append(words)
    return ", ".join((*said, NETWORK))


def rows(
    launcher: Launcher, groups: cgroups.Place | None, told: Told | None, cached: tuple[int, int]
) -> tuple[Diagnosis, ...]:
    """What `tryline doctor` shows; `cached` counts dependencies and roots. Never raises."""
    return tuple(_rows(launcher, groups, told, cached))


def _rows(
    launcher: Launcher, groups: cgroups.Place | None, told: Told | None, cached: tuple[int, int]
) -> Iterator[Diagnosis]:
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
    yield Diagnosis(
        "isolation", True, isolation(who, groups, told), "Prefer an engine: `sandbox.backend: docker`."
    )
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
