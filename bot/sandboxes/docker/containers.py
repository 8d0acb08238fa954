"""Run-time containers: hardened, throwaway, spoken to over their attached stream and by no other way.

Nothing of ours goes in: no environment, no socket, no bind mount. The agent's files and the repository's tree
cross the stream after the start; results come back on it. The container is removed by the engine as soon as its
stdin closes, so a killed host leaves nothing behind (measured: gone within 0.3 s).
"""

from __future__ import annotations

import atexit
import contextlib
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

import docker
import docker.errors
import requests.exceptions

from bot.domain import Image, Limits
from bot.errors import SandboxError
from bot.sandboxes.docker import engine
from bot.sandboxes.docker.isolation import Isolation
from bot.sandboxes.stream import BOOT, INSIDE, STALL, Conversation, Stream

LEAVING = 10
"""Seconds for which the removal of a container that has ended is waited for."""


def hardening(limits: Limits, isolation: Isolation) -> dict[str, Any]:
    """The engine's host configuration for a run-time container, as one value.

    The three capabilities are the agent's, to become another user and to kill what that user left; repository
    code runs without any, and cannot gain any.
    """
    # Podman (seen with 4.3) knows no limit for the number of files: empty ones count to the memory. It fills such
    # folders with what the image has there, and over a read-only root it lays some of its own to write to.
    podman = isolation.product == "podman"
    files, empty = ("", ",notmpcopyup") if podman else (",nr_inodes=20000", "")
    closed = {"/run": "size=1m,mode=0755,noexec,nosuid,nodev", "/var/tmp": "size=1m,ro,noexec,nosuid,nodev"}  # noqa: S108
    return {
        **({} if isolation.runtime == isolation.default_runtime else {"runtime": isolation.runtime}),
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": ["KILL", "SETGID", "SETUID"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": limits.processes,
        "mem_limit": f"{limits.memory_mb}m",
        "memswap_limit": f"{limits.memory_mb}m",
        "nano_cpus": int(limits.cpus * 1e9),
        "shm_size": "16m",
        "ipc_mode": "private",
        "auto_remove": True,
        "ulimits": [
            docker.types.Ulimit(name="core", soft=0, hard=0),
            docker.types.Ulimit(name="nofile", soft=1024, hard=1024),
            # Of one user in all containers together. Left out, Podman asks for more than it may give where it is
            # itself in a container.
            docker.types.Ulimit(name="nproc", soft=4096, hard=4096),
        ],
        "log_config": docker.types.LogConfig(type="none"),
        "tmpfs": {
            **(closed if podman else {}),
            "/repo": f"size={limits.workspace_mb}m,mode=1777,exec,nosuid,nodev{empty}",
            "/tmp": f"size={limits.tmp_mb}m,mode=1777,exec,nosuid,nodev{files}{empty}",  # noqa: S108
            INSIDE: f"size=16m,mode=0755,noexec,nosuid,nodev{empty}",
        },
    }


class Attached:
    """An engine's attached stream as a transport: it puts a head of its own before what the container says."""

    def __init__(self, raw: Any, stall: int = STALL) -> None:
        # A unix socket comes wrapped in a file object, a TLS one bare.
        self._socket: socket.socket = getattr(raw, "_sock", raw)
        self._raw = raw
        self._socket.settimeout(None)
        # Reading may take as long as a job does, but a write that does not move on has nobody on the other side.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", stall, 0))

    def write(self, data: bytes) -> None:
        """Sends all of it."""
        self._socket.sendall(data)

    def read(self) -> tuple[bool, bytes]:
        """The next piece of what the container says: whether on its standard error, and the bytes."""
        head = self._exactly(8)
        return head[0] == 2, self._exactly(struct.unpack(">I", head[4:])[0])

    def close(self) -> None:
        """Closes the socket: the agent sees the end of its input."""
        for step in (lambda: self._socket.shutdown(socket.SHUT_RDWR), self._socket.close, self._raw.close):
            with contextlib.suppress(OSError):
                step()

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            data = self._socket.recv(min(size, 1 << 20))
            if not data:
                raise EOFError
            parts.append(data)
            size -= len(data)
        return b"".join(parts)


class Container(Conversation):
    """One running container; implements the Sandbox protocol."""

    def __init__(self, client: docker.DockerClient, container: Any, stream: Stream, width: int) -> None:
        super().__init__(stream, width)
        self._client = client
        self._container = container

    def _end(self) -> str:
        """Whether the engine knows why a container ended."""
        with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
            self._container.reload()
            state = self._container.attrs.get("State", {})
            if state.get("OOMKilled") or state.get("ExitCode") == 137:
                return " (out of memory: raise sandbox.memory_mb)"
        return ""

    def boot(self, archive: bytes) -> None:
        """Gives the container the agent that it is to become."""
        self._stream.send(archive)

    def kill(self) -> None:
        """Ends the container now. Returns when it is gone, where the engine removes it in a reasonable time."""
        self._stream.close()
        with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
            try:
                self._container.remove(force=True)
            except docker.errors.NotFound:
                return
            except docker.errors.APIError:  # its end has set off its removal already
                until = time.monotonic() + LEAVING
                while time.monotonic() < until:
                    time.sleep(0.05)
                    self._container.reload()


_making: dict[str, docker.DockerClient] = {}
"""Containers that are being made or started, by name."""


@atexit.register
def _forget_unstarted() -> None:
    """A process that is told to hurry ends while a thread of its own waits for the engine, which goes on; what was
    never started has no input whose end would end it."""
    for name, client in list(_making.items()):
        engine.forget(client, name)


def started(
    client: docker.DockerClient,
    image: Image,
    *,
    limits: Limits,
    isolation: Isolation,
    labels: Mapping[str, str],
    archive: bytes,
) -> Container:
    """A fresh container with nothing at /repo. Raises SandboxError when it cannot be had; leaves nothing then.

    The first start is tried once more: an engine under load sometimes refuses one.
    """
    for attempt in (1, 2):
        name = engine.new_name()
        _making[name] = client
        try:
            container = client.containers.create(
                image.reference,
                name=name,
                command=["-I", "-S", "-c", BOOT],
                entrypoint=["/venv/bin/python"],
                user="0:0",
                working_dir="/",
                hostname="sandbox",
                environment={"PATH": "/usr/local/bin:/usr/bin:/bin"},
                labels=dict(labels),
                stdin_open=True,
                use_config_proxy=False,  # the host's proxy settings may hold credentials
                **hardening(limits, isolation),
            )
            break
        except KeyboardInterrupt:
            engine.forget(client, name)
            del _making[name]
            raise
        except docker.errors.ImageNotFound as problem:
            del _making[name]
            raise SandboxError(
                f"the prepared image {image.reference[:24]} is gone",
                hint="run the review again: it is made anew",
                slug="image-gone",
            ) from problem
        except (docker.errors.APIError, requests.exceptions.RequestException) as problem:
            del _making[name]
            if attempt == 2:
                raise SandboxError(
                    f"the engine does not make a container: {problem}",
                    hint="see what `tryline doctor` says",
                    slug="container-create",
                ) from problem
            time.sleep(1)
    box: Container | None = None
    try:
        raw = client.api.attach_socket(
            str(container.id), params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
        )
        box = Container(client, container, Stream(Attached(raw)), max(1, round(limits.cpus)))
        container.start()
        box.boot(archive)
        del _making[name]
    except BaseException as problem:
        if box is not None:
            box.kill()
        else:
            with contextlib.suppress(docker.errors.APIError, requests.exceptions.RequestException):
                container.remove(force=True)
        _making.pop(name, None)
        if isinstance(problem, (docker.errors.APIError, requests.exceptions.RequestException)):
            raise SandboxError(
                f"the engine does not start a container: {problem}",
                hint="see what `tryline doctor` says",
                slug="container-start",
            ) from problem
        raise
    return box
