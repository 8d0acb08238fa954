"""The engine itself: how it is reached, what is ours on it, what works there, and the sweeping up."""

from __future__ import annotations

import os
import platform
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import requests
from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.utils import kwargs_from_env

from bot.errors import SandboxError

RUN = "tryline.run"
OWNER = "tryline.owner"
CREATED = "tryline.created"
TTL = "tryline.ttl"
ROLE = "tryline.role"

CACHED_ROLES = ("base", "deps")
"""Images that stay for the next run; every other thing of ours ends with its run."""

PATIENCE = 30.0
"""Seconds for which an engine that is named over TCP is waited for."""

REGISTRY = "https://registry-1.docker.io/v2/"

ERRORS = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)
START_HINT = (
    "Start Docker (or Podman with `podman system service`), or set DOCKER_HOST to an engine that you may use. "
    "On GitHub's hosted Linux runners an engine is there already; in GitLab CI add the service `docker:dind`."
)
GITLAB_HINT = (
    "A job of GitLab CI has no engine of its own. With a runner that is `privileged`, give the job the service "
    "`docker:dind`, DOCKER_HOST `tcp://docker:2376`, and DOCKER_TLS_VERIFY and DOCKER_CERT_PATH for "
    "`/certs/client`, a volume that both share; else mount a socket, Docker's or Podman's, into the runner's jobs "
    "and name it in DOCKER_HOST (docs/gitlab.md)."
)


STARTING = 600
"""Seconds after which a container that was made and not started is nobody's."""


def connect(environ: Mapping[str, str], patience: float = PATIENCE) -> docker.DockerClient:
    """A client for the engine that the environment names, or that answers at a usual place.

    Honours DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH; without DOCKER_HOST the sockets of Docker,
    rootless Docker, Docker Desktop and Podman are tried in this order. One that is named over TCP may be starting
    beside us (`docker:dind`): it is waited for, at most `patience` seconds. The API version is the newest that
    both sides speak. Raises SandboxError, with the way to get an engine, when none answers.
    """
    until = time.monotonic() + (patience if environ.get("DOCKER_HOST", "").startswith(("tcp:", "https:")) else 0)
    while True:
        try:
            return _connected(environ)
        except SandboxError as problem:
            if time.monotonic() > until or not _may_pass(problem.__cause__):
                raise
        time.sleep(0.5)


def start_hint(environ: Mapping[str, str]) -> str:
    """How to get an engine where this process runs."""
    return GITLAB_HINT if environ.get("GITLAB_CI") == "true" else START_HINT


def labels(run: str, *, role: str, ttl: int = 4 * 3600) -> dict[str, str]:
    """Labels for something that this process starts: who owns it, and for how many seconds at most."""
    return {RUN: run, OWNER: owner(), CREATED: str(int(time.time())), TTL: str(ttl), ROLE: role}


def owner() -> str:
    """This process as `host:pid:starttime`; the start time tells it from a later process with its id."""
    pid = os.getpid()
    return f"{platform.node()}:{pid}:{_start_time(pid)}"


def alive(mark: str) -> bool | None:
    """Whether the process behind an owner label still runs; None when it is of another host."""
    host, _, process = mark.partition(":")
    pid, _, started = process.partition(":")
    if host != platform.node() or not pid.isdigit():
        return None
    return str(_start_time(int(pid))) == started


def clean(client: docker.DockerClient) -> int:
    """Removes containers and run images of ours whose owner is dead or whose time is over; returns how many.

    Cached images stay. What another host started is left alone until its time is over, for it cannot be asked.
    """
    removed = 0
    for container in client.api.containers(all=True, filters={"label": [RUN]}):
        if _left_behind(container.get("Labels") or {}) or _never_started(container):
            try:
                client.api.remove_container(container["Id"], force=True, v=True)
                removed += 1
            except ERRORS:
                continue  # being removed by its own auto-remove, or by another run's sweep
    for image in client.api.images(filters={"label": [RUN]}):
        marks = image.get("Labels") or {}
        if marks.get(ROLE) not in CACHED_ROLES and _left_behind(marks):
            try:
                client.api.remove_image(image["Id"], force=True)
                removed += 1
            except ERRORS:
                continue  # still used by a living container
    return removed


def new_name() -> str:
    """A name for a container, known before the engine makes it."""
    return f"tryline-{uuid.uuid4().hex[:16]}"


def forget(client: docker.DockerClient, name: str) -> None:
    """Removes a container whose making was interrupted: the engine goes on with it, and nobody would know."""
    for _ in range(5):
        try:
            client.api.remove_container(name, force=True)
        except docker.errors.NotFound:
            time.sleep(0.2)
        except ERRORS:
            return
        else:
            return


def first_line(error: BaseException) -> str:
    """What an error says, in one line of bounded length."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def registry_answers(timeout: float) -> bool:
    """Whether the public registry answers this machine within `timeout` seconds."""
    try:
        return requests.get(REGISTRY, timeout=timeout).status_code in (200, 401)
    except OSError:  # all that requests raises, and a bundle of certificates that is named and not there
        return False


# ---------------------------------------------------------------------------------------------- reaching it


def _connected(environ: Mapping[str, str]) -> docker.DockerClient:
    try:
        places = list(_places(environ))
    except docker.errors.DockerException as error:
        hint = "Check DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."
        raise SandboxError(f"The engine's settings are not usable: {error}", hint=hint, slug="engine") from error
    failures = []
    last: Exception | None = None
    for settings in places:
        try:
            return _client(settings)
        except ERRORS as error:
            where = settings.get("base_url", "the default socket")
            failures.append(f"{where}: {first_line(error)}")
            last = error
    raise SandboxError(
        "No container engine answers (" + "; ".join(failures) + ").", hint=start_hint(environ), slug="engine"
    ) from last


def _may_pass(problem: BaseException | None) -> bool:
    """Whether an engine that is just starting shows itself like this: nobody listens yet, or no certificates lie
    there yet. A certificate that is not trusted stays so."""
    if "certificate verify failed" in str(problem).lower():
        return False
    starting = (requests.exceptions.ConnectionError, requests.exceptions.Timeout, docker.errors.TLSParameterError)
    return isinstance(problem, starting)


def _places(environ: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    named: dict[str, Any] = {**kwargs_from_env(environment=dict(environ))}
    if environ.get("DOCKER_HOST"):
        yield named
        return
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    home = environ.get("HOME", "")
    sockets = ["/var/run/docker.sock"]
    if runtime:
        sockets.append(f"{runtime}/docker.sock")
    if home:
        sockets.append(f"{home}/.docker/run/docker.sock")
    if runtime:
        sockets.append(f"{runtime}/podman/podman.sock")
    sockets.append("/run/podman/podman.sock")
    present = [path for path in sockets if Path(path).exists()]
    for path in present or sockets[:1]:
        yield {**named, "base_url": f"unix://{path}"}


def _client(settings: Mapping[str, Any]) -> docker.DockerClient:
    """Connects twice: to learn the version, and then to speak it.

    REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE in the environment would replace the engine's own certificate
    authority (requests merges them in while `trust_env` is on), so the client must not trust the environment;
    this can only be said after construction, and construction without a version already asks the server.
    """
    probe = docker.DockerClient(**{**settings, "version": DEFAULT_DOCKER_API_VERSION, "timeout": 10})
    try:
        probe.api.trust_env = False
        spoken = str(probe.version(api_version=False)["ApiVersion"])
    except KeyError as error:
        raise docker.errors.DockerException("what answers is not a container engine") from error
    finally:
        probe.close()
    version = min(spoken, DEFAULT_DOCKER_API_VERSION, key=lambda text: [int(part) for part in text.split(".")])
    client = docker.DockerClient(**{**settings, "version": version, "timeout": 300})
    client.api.trust_env = False
    return client


# -------------------------------------------------------------------------------------------------- labels


def _start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; 0 where the system does not tell; None if it is gone."""
    try:
        # The second field is the command in brackets, and may hold anything but the last bracket.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[19])
    except (OSError, IndexError, ValueError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0


def _never_started(container: Mapping[str, Any]) -> bool:
    """Whether a container was made so long ago that nobody can be about to start it, whoever's it is."""
    return container.get("State") == "created" and time.time() > container.get("Created", 0) + STARTING


def _left_behind(marks: Mapping[str, str]) -> bool:
    if alive(marks.get(OWNER, "")) is False:
        return True
    created, ttl = marks.get(CREATED, ""), marks.get(TTL, "")
    return created.isdigit() and ttl.isdigit() and time.time() > int(created) + int(ttl)
