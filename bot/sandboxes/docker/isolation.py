"""What stands between repository code and the machine on an engine: chosen here, tried, and put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    runtime_version: str = ""
    """Of the default runtime, where the engine tells."""
    users_mapped: bool = False
    """Root inside is nobody in particular outside."""
    rootless: bool = False
    """The engine itself runs without root."""
    profiles: tuple[str, ...] = ()
    """Security profiles: `seccomp`, `apparmor`, `selinux`."""
    fence: str = ""
    """What the agent says of our own filter of system calls; empty: it was not asked yet."""
    own_users: bool | None = None
    """Whether each candidate runs under an id of its own; None: the agent was not asked yet."""

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
        if self.own_users is not None:
            said.append("a user id for each candidate" if self.own_users else "one user id for all of them")
        said.append("user ids mapped" if self.users_mapped else "user ids not mapped")
        if self.rootless:
            said.append("rootless engine")
        said.append(
            "system calls filtered by the engine" if "seccomp" in self.profiles else "no filter of the engine's"
        )
        said += [name for name in self.profiles if name in ("apparmor", "selinux")]
        if self.fence:
            said.append(f"own filter: {self.fence}")
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
            strong = [name for kind in STRONG for name in self.runtimes if name.startswith(kind)]
            return (*strong, self.default_runtime)
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

    def seen_from(self, hello: Reply) -> dict[str, Any]:
        """The fields that the agent's greeting tells: text from inside, and checked like all of it."""
        fence, users = hello.get("fence"), hello.get("users")
        found: dict[str, Any] = {}
        if isinstance(fence, (str, bool)):
            found["fence"] = fence[:80] if isinstance(fence, str) else ("on" if fence else "not possible here")
        if isinstance(users, bool):
            found["own_users"] = users
        return found


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
    return Isolation(
        product=product,
        version=str(version.get("Version") or "unknown"),
        runtime=default,
        default_runtime=default,
        runtimes=tuple(sorted(str(name) for name in about.get("Runtimes") or {})),
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
