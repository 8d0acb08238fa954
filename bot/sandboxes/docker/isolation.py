"""What stands between repository code and the machine on an engine: chosen here, tried, and put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.errors import SandboxError
from bot.sandboxes import Reply

STRONG = ("runsc", "kata")
"""Runtimes with a kernel of their own between repository code and the machine's, strongest first."""


@dataclass(frozen=True)
class Isolation:
    """How an engine keeps containers apart from its machine, as it says itself."""

    product: str
    """`docker` or `podman`; other engines speak Docker's interface and count as that."""
    version: str
    runtime: str
    """What our containers are started with."""
    default_runtime: str
    runtimes: tuple[str, ...] = ()
    """What is registered, by name. Podman names all that it has heard of."""
    limitless: tuple[str, ...] = ()
    """Those that are registered so that no limit of memory, processes or processors holds."""
    runtime_version: str = ""
    """Of the default runtime, where the engine tells."""
    users_mapped: bool = False
    """Root inside is nobody in particular outside."""
    rootless: bool = False
    """The engine itself runs without root."""
    profiles: tuple[str, ...] = ()
    """Security profiles: `seccomp`, `apparmor`, `selinux`."""
    fence: str = ""
    """`on`, or why our own filter of system calls is not; empty: the agent was not asked yet."""
    ids: str = ""
    """`own`, or why candidates do not get user ids of their own; empty: the agent was not asked yet."""

    @property
    def strong(self) -> bool:
        """Whether repository code does not talk to the machine's own kernel."""
        return self.runtime.startswith(STRONG)

    def engine(self) -> str:
        """`docker 20.10.24 (runc 1.1.5)`."""
        runtime = f"{self.default_runtime} {self.runtime_version}".strip()
        return f"{self.product} {self.version} ({runtime})"

    def words(self) -> str:
        """All of it in one line, for reports; says what is missing as plainly as what is there."""
        said = [
            f"{self.runtime} container" + (" with a kernel of its own" if self.strong else ""),
            "no network",
            "read-only root",
            "no capabilities for repository code",
        ]
        if self.ids:
            said.append(
                "a user id for each candidate" if self.ids == "own" else f"one user id for all ({self.ids})"
            )
        said.append("user ids mapped" if self.users_mapped else "user ids not mapped")
        if self.rootless:
            said.append("rootless engine")
        if self.strong:
            said.append("system calls answered by that kernel")  # which leaves out the engine's profile
        else:
            by = "filtered" if "seccomp" in self.profiles else "not filtered"
            said.append(f"system calls {by} by the engine")
        if self.fence:
            said.append("and by us" if self.fence == "on" else f"not by us ({self.fence})")
        said += [name for name in self.profiles if name in ("apparmor", "selinux")]
        return ", ".join(said)

    def choices(self, wanted: str | None) -> tuple[str, ...]:
        """The runtimes to try, in this order; the last is taken even where it was not tried.

        With `wanted` that one alone. Raises SandboxError where the engine does not have it, or lets nobody choose.
        """
        # Podman takes a runtime's name over its interface, and leaves it out (seen with 4.3).
        fixed = self.product == "podman"
        if wanted is None:
            if fixed or self.default_runtime.startswith(STRONG):
                return (self.default_runtime,)
            sound = [name for name in self.runtimes if name not in self.limitless]
            return (*(name for kind in STRONG for name in sound if name.startswith(kind)), self.default_runtime)
        if wanted == self.default_runtime or (wanted in self.runtimes and not fixed):
            return (wanted,)
        if fixed:
            raise SandboxError(
                f"Podman starts every container with {self.default_runtime}: it lets nobody choose {wanted!r}.",
                hint=f'Set runtime = "{wanted}" under [engine] in its containers.conf, or unset sandbox.runtime.',
                slug="sandbox-runtime",
            )
        raise SandboxError(
            f"The engine has no runtime {wanted!r}; it has {', '.join(self.runtimes) or self.default_runtime}.",
            hint="Register it with the engine (daemon.json), or correct sandbox.runtime.",
            slug="sandbox-runtime",
        )

    def told(self, hello: Reply) -> Isolation:
        """With what the agent's greeting tells: text from inside, and checked like all of it."""
        fence, ids = hello.get("fence"), hello.get("ids")
        return replace(
            self,
            fence=fence[:80] if isinstance(fence, str) else "",
            ids=ids[:80] if isinstance(ids, str) else "",
        )


def found(about: Mapping[str, Any], version: Mapping[str, Any]) -> Isolation:
    """What an engine says of itself; `about` and `version` are its answers to those two questions."""
    components = {str(part.get("Name")): part for part in version.get("Components") or []}
    product = "podman" if any("podman" in name.lower() for name in components) else "docker"
    default = str(about.get("DefaultRuntime") or "runc")
    words = next(
        (str(part.get("Version")) for name, part in components.items() if default in name.lower()), ""
    ).split()
    # Podman puts the whole of `runc --version` there.
    number = words[2] if words[1:2] == ["version"] and len(words) > 2 else "".join(words[:1])
    options = security(about)
    registered = about.get("Runtimes") or {}
    return Isolation(
        product=product,
        version=str(version.get("Version") or "unknown"),
        runtime=default,
        default_runtime=default,
        runtimes=tuple(sorted(map(str, registered))),
        limitless=tuple(
            sorted(
                str(name)
                for name, how in registered.items()
                if "--ignore-cgroups" in map(str, how.get("runtimeArgs") or [])
            )
        ),
        runtime_version=number,
        users_mapped="userns" in options or "rootless" in options,
        rootless="rootless" in options,
        profiles=tuple(name for name in options if name in ("seccomp", "apparmor", "selinux")),
    )


def security(about: Mapping[str, Any]) -> list[str]:
    """Names of the engine's security options: `seccomp`, `apparmor`, `userns`, `rootless` ..."""
    names = []
    for option in about.get("SecurityOptions") or []:
        pairs = dict(part.partition("=")[::2] for part in str(option).split(","))
        # `name=seccomp,profile=unconfined`: there, and off.
        if pairs.get("profile") != "unconfined":
            names.append(pairs.get("name", str(option)))
    return names
