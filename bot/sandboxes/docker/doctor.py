"""What `tryline doctor` shows of the engine: what works here, what is missing, and how to get it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from bot.errors import SandboxError
from bot.sandboxes import Diagnosis
from bot.sandboxes.docker import engine
from bot.sandboxes.docker.isolation import STRONG, Isolation, found

LOW_DISK = 1 << 30
"""Bytes: an image with a project's dependencies is about so large."""
_BACKPORTED = re.compile(r"[+~]|ubuntu|deb\d|\.el\d|\.fc\d")


@dataclass(frozen=True)
class Trial:
    """What came of trying to start a container."""

    isolation: Isolation | None = None
    """What it ran in; None: it was not tried, or did not start."""
    refused: Mapping[str, str] | None = None
    """Runtimes that did not work -> why."""
    problem: SandboxError | None = None


def without(error: SandboxError | None) -> tuple[Diagnosis, ...]:
    """The rows where no engine answers."""
    detail = error.message if error else "not reached"
    return (Diagnosis("engine", False, detail, error.hint if error else engine.START_HINT),)


def diagnose(
    client: docker.DockerClient, environ: Mapping[str, str], trial: Trial, swept: int
) -> tuple[Diagnosis, ...]:
    """All rows for an engine that answers; `swept` is how much of dead runs was just removed. Never raises."""
    try:
        about, version = client.info(), client.version()
    except engine.ERRORS as broken:
        return (Diagnosis("engine", False, engine.first_line(broken), engine.start_hint(environ)),)
    return tuple(_rows(client, about, version, environ, trial, swept))


def _rows(
    client: docker.DockerClient,
    about: Mapping[str, Any],
    version: Mapping[str, Any],
    environ: Mapping[str, str],
    trial: Trial,
    swept: int,
) -> Iterator[Diagnosis]:
    here = trial.isolation or found(about, version)
    yield Diagnosis(
        "engine",
        True,
        f"{here.engine()}, API {client.api.api_version}, on {about.get('OperatingSystem', '?')}, kernel "
        f"{about.get('KernelVersion', '?')}, {about.get('Architecture', '?')}",
        runc_advice(here.runtime_version) if here.default_runtime == "runc" else "",
    )
    yield _storage(client, about)
    cgroup = str(about.get("CgroupVersion") or "1")
    loose = here.runtime in here.limitless
    missing = [
        name
        for name, key in (("memory", "MemoryLimit"), ("processes", "PidsLimit"), ("processors", "CpuCfsQuota"))
        if about.get(key) is False or loose
    ]
    yield Diagnosis(
        "limits",
        not missing,
        f"cgroup v{cgroup} ({about.get('CgroupDriver', '?')}), {about.get('NCPU', '?')} CPUs, "
        f"{int(about.get('MemTotal', 0)) // 2**20} MiB"
        + (f"; not limited: {', '.join(missing)}" if missing else "")
        + ("; Podman does not limit how many files /tmp holds" if here.product == "podman" else ""),
        ("Register the runtime without --ignore-cgroups." if loose else _DELEGATE) if missing else "",
    )
    yield from _isolation(here, trial)
    answers = engine.registry_answers(2.0)
    yield Diagnosis(
        "registry",
        True,
        "answers" if answers else "does not answer: base images are made from a local interpreter",
    )
    yield _images(client)
    yield Diagnosis("leftovers", True, f"{swept} things of dead runs removed just now" if swept else "none")
    hint = kept_machine(environ)
    if hint:
        yield Diagnosis("machine", True, hint, "" if here.strong or here.users_mapped else _STRONGER)


_DELEGATE = "Not all limits are enforced here: use cgroup v2 with delegation."
_STRONGER = (
    "For strangers' code on a machine that is kept: register gVisor (runsc) as a runtime, or map user ids "
    "(userns-remap, rootless)."
)


def _isolation(here: Isolation, trial: Trial) -> Iterator[Diagnosis]:
    if trial.problem is not None:
        yield Diagnosis("container", False, trial.problem.message, trial.problem.hint)
    elif trial.isolation is None:
        yield Diagnosis("container", True, "not tried: no image is prepared yet")
    else:
        yield Diagnosis("container", True, f"one started with {here.runtime}, and answered")
    advice = "" if here.strong or here.users_mapped else _STRONGER
    if "seccomp" not in here.profiles:
        advice = "The engine filters no system calls: let it use its default seccomp profile."
    yield Diagnosis("isolation", True, here.words(), advice)
    refused = "".join(f"; {name} does not work: {why}" for name, why in (trial.refused or {}).items())
    loose = [name for name in here.limitless if name != here.runtime]
    refused += f"; not used by themselves, for no limit would hold: {', '.join(loose)}" if loose else ""
    strong = [name for name in here.runtimes if name.startswith(STRONG) and name not in here.limitless]
    used = here.runtime
    if here.product == "podman":
        used += ", which is Podman's own choice"
    elif trial.isolation is None and strong:
        used = f"{strong[0]} if it works"
    yield Diagnosis("runtimes", True, f"{', '.join(here.runtimes) or '?'}; used: {used}{refused}")


def _storage(client: docker.DockerClient, about: Mapping[str, Any]) -> Diagnosis:
    root = str(about.get("DockerRootDir") or "?")
    text = f"{about.get('Driver', '?')} at {root}"
    # Of a machine elsewhere, or outside our own container, the same path would be another one's.
    if not str(client.api.base_url).startswith("http+docker") or not Path(root).is_dir():
        return Diagnosis("storage", True, f"{text}, free space not seen from here")
    try:
        disk = os.statvfs(root)
    except OSError as problem:
        return Diagnosis("storage", True, f"{text}, free space not told: {problem.strerror}")
    free = disk.f_bavail * disk.f_frsize
    low = free < LOW_DISK
    return Diagnosis(
        "storage",
        not low,
        f"{text}, {free / (1 << 30):.1f} GiB free",
        "Make room: `docker system df` says what takes it." if low else "",
    )


def _images(client: docker.DockerClient) -> Diagnosis:
    try:
        cached = [image.get("Labels") or {} for image in client.api.images(filters={"label": [engine.ROLE]})]
    except engine.ERRORS as problem:
        return Diagnosis("images", False, engine.first_line(problem), "The engine cannot list its images.")
    counts = {role: sum(marks.get(engine.ROLE) == role for marks in cached) for role in engine.CACHED_ROLES}
    return Diagnosis("images", True, f"{counts['deps']} prepared, {counts['base']} base in the cache")


def runc_advice(version: str) -> str:
    """What to know about a version of runc; empty where no way out of it is known to us, or none is told."""
    parts = re.match(r"v?(\d+)\.(\d+)\.(\d+)(?:-rc\.?(\d+))?", version)
    if parts is None:
        return ""
    major, minor, patch = (int(part) for part in parts.groups()[:3])
    ready = int(parts[4]) if parts[4] else 1000
    known = []
    if (major, minor, patch) < (1, 1, 12):
        known.append("CVE-2024-21626 (fixed in 1.1.12)")
    fixed = {2: (8, 0), 3: (3, 0), 4: (0, 3)}.get(minor, (0, 0) if minor > 4 else (1 << 30, 0))
    if major == 1 and (patch, ready) < fixed:
        known.append("CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 (fixed in 1.2.8, 1.3.3, 1.4.0-rc.3)")
    if not known:
        return ""
    advice = f"runc {version} is older than the fixes of known ways out of containers: {'; '.join(known)}. "
    if _BACKPORTED.search(version):
        return advice + "Your distribution may have put the fixes in: check its security tracker."
    return advice + "Update it."


def kept_machine(environ: Mapping[str, str]) -> str:
    """Why this build machine probably stays for the next job, as far as its environment tells; else empty."""
    if environ.get("GITHUB_ACTIONS") == "true" and environ.get("RUNNER_ENVIRONMENT") == "self-hosted":
        return (
            "a self-hosted runner: what gets out of a container meets the next job, unless runners are ephemeral"
        )
    # The runners that GitLab hosts have tags like `saas-linux-small-amd64`.
    hosted = "saas-" in environ.get("CI_RUNNER_TAGS", "")
    if environ.get("GITLAB_CI") == "true" and environ.get("CI_RUNNER_ID") and not hosted:
        return "a self-managed runner: what gets out of a container meets the next job, unless it is ephemeral"
    return ""
